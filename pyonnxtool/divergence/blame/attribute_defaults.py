"""What an attribute means that is not written."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyonnxtool._core import Node

_ONES = ("strides", "dilations")
_ZEROS = ("pads", "output_padding")


def is_default(node: Node, name: str) -> bool:
    """Whether the attribute could be left out: it holds what its absence stands for.

    Runtimes write out all attributes of a file that they optimized.
    """
    value = node.attributes[name]
    if name in _ONES and isinstance(value, list):
        return all(item == 1 for item in value)
    if name in _ZEROS and isinstance(value, list):
        return not any(value)
    if name == "kernel_shape":  # of the weight
        return node.op_type in ("Conv", "ConvTranspose")
    model = node.graph.model
    version = model.opset_imports.get(node.domain, 1)
    default = _defaults(node.op_type, node.domain, version).get(name)
    return default is not None and bool(default == value)


@functools.cache
def _defaults(op_type: str, domain: str, version: int) -> dict[str, Any]:
    """Of an operator that onnx knows; nothing for others."""
    from onnx import defs, helper  # noqa: PLC0415 - nobody waits for onnx who has no culprit

    try:
        schema = defs.get_schema(op_type, version, domain)
    except defs.SchemaError:
        return {}
    found = {}
    for name, attribute in schema.attributes.items():
        if attribute.default_value.type:
            value = helper.get_attribute_value(attribute.default_value)
            found[name] = value.decode() if isinstance(value, bytes) else value
    return found
