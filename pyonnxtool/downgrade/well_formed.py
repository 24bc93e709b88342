"""Whether a node is one of its operator at all: rules may then read it without looking twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from pyonnxtool._core import Tensor
from pyonnxtool.downgrade.type_check import misfits, told
from pyonnxtool.op_schemas import schema_at
from pyonnxtool.wording import plural

if TYPE_CHECKING:
    from pyonnxtool.rewriting.node_view import NodeView

_TYPES: Mapping[str, tuple[type, ...]] = {
    "INT": (int,),
    "FLOAT": (float,),
    "STRING": (str, bytes),
}
_WORDS = {"INT": "integer", "FLOAT": "float", "STRING": "text"}


def malformed(view: NodeView) -> str:
    """Why the schema of its opset does not describe the node; "" when it does."""
    schema = schema_at(view.op_type, view.opset, view.domain)
    if schema is None:
        return ""  # that is told elsewhere
    attributes, inputs = _asked(view.op_type, view.opset, view.domain)
    for name, kind, is_required in attributes:
        if name in view.attributes:
            value = view.attributes[name]
            if not _is_of(value, kind):
                return f"attribute {name}={value!r} is no {_told(kind)}"
        elif is_required:
            return f"it lacks attribute {name}"
    for place, name in inputs:
        if not view.arg(place):
            return f"it lacks input {name}"
    if not schema.min_input <= len(view.inputs) <= schema.max_input:
        return f"it has {plural(len(view.inputs), 'input')}"
    wrong = misfits(view, schema)
    return told(wrong[0], view.op_type, view.opset) if wrong else ""


@cache
def _asked(
    op_type: str, opset: int, domain: str
) -> tuple[Sequence[tuple[str, str, bool]], Sequence[tuple[int, str]]]:
    """(name, type, whether it is required) of attributes; (place, name) of required inputs."""
    schema: Any = schema_at(op_type, opset, domain)  # the package's stub lacks names of kinds
    attributes = [(name, one.type.name, one.required) for name, one in schema.attributes.items()]
    inputs = list(enumerate(schema.inputs))
    return attributes, [(at, one.name) for at, one in inputs if one.option.name == "Single"]


def _is_of(value: Any, kind: str) -> bool:
    single = kind.removesuffix("S")
    if kind == "TENSOR":
        return isinstance(value, Tensor)
    if single not in _TYPES:
        return True  # graphs and types are read by the core
    if kind == single:
        return isinstance(value, _TYPES[kind])
    return isinstance(value, list) and all(isinstance(one, _TYPES[single]) for one in value)


def _told(kind: str) -> str:
    single = kind.removesuffix("S")
    if kind == "TENSOR":
        return "tensor"
    return _WORDS[kind] if kind == single else f"list of {_WORDS[single]}s"
