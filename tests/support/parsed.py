"""Models and nodes from ONNX text, as the tests of backends and inputs want them."""

from __future__ import annotations

from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import helper

from pyonnxtool import Model, from_proto


def parsed(graph: str, opset: int = 18, ir_version: int = 10) -> Model:
    """The model of `g (float[2] x) => (float[2] y) { y = Relu (x) }`."""
    head = f'<ir_version: {ir_version}, opset_import: ["" : {opset}, "custom" : 1]>\n'
    return from_proto(onnx.parser.parse_model(head + graph))


def one_node(
    op_type: str,
    inputs: dict[str, NDArray[Any] | None],
    outputs: int = 1,
    opset: int = 20,
    **attributes: Any,
) -> Model:
    """A model of a single node, fed `inputs` (None: omitted)."""
    names = [name if array is not None else "" for name, array in inputs.items()]
    made = [f"y{index}" for index in range(outputs)]
    graph = helper.make_graph(
        [helper.make_node(op_type, names, made, "node", **attributes)],
        "g",
        [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
            )
            for name, array in inputs.items()
            if array is not None
        ],
        [helper.make_empty_tensor_value_info(name) for name in made],
    )
    opsets = [helper.make_opsetid("", opset)]
    proto = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return from_proto(onnx.shape_inference.infer_shapes(proto))
