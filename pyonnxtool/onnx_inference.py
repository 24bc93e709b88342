"""The onnx package's shape inference for one node: asked where the core has no rule."""

from __future__ import annotations


def ask_onnx(model: bytes) -> bytes | None:
    """A model of one node with the types of its outputs, as far as the onnx package knows them.

    Knows the standard operators and those whose schema is registered with `onnx.defs`. None when it
    knows nothing of the operator, or cannot read the node.
    """
    from onnx import shape_inference  # noqa: PLC0415 - loaded when it is needed

    try:
        return bytes(shape_inference.infer_shapes(model, data_prop=True).SerializeToString())
    except Exception:  # whatever it dislikes: it says nothing of the node
        return None
