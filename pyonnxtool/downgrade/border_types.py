"""Inputs, outputs and weights whose type an opset does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.op_schemas import first_opset_of_type, tensor_type
from pyonnxtool.rewriting import Refusal
from pyonnxtool.rewriting.operand import Facts, type_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyonnxtool._core import Model, Value


def unknown_types(model: Model, target: int) -> list[Refusal]:
    """A refusal for each whose type no operator of the target takes or gives.

    A model keeps the types that it has at its border, so nothing can be done about them.
    """
    refusals = []
    for place, name, text in _typed(model):
        first = first_opset_of_type(text)
        if first is not None and first > target:
            reason = f"{place} {name!r} is {text}, a type that is new in opset {first}"
            refusals.append(Refusal("", "", reason))
    return refusals


def _typed(model: Model) -> Iterator[tuple[str, str, str]]:
    """(what it is, name, type) as far as types are known."""
    graph, facts = model.graph, Facts(model)

    def type_of(value: Value) -> str:
        if value.kind == "tensor" and value.dtype is not None:
            return tensor_type(value.dtype)
        return type_text(facts.of(value.name, graph)) or ""

    inputs = {value.name for value in graph.inputs}
    yield from (("input", value.name, type_of(value)) for value in graph.inputs)
    yield from (("output", value.name, type_of(value)) for value in graph.outputs)
    for tensor in graph.initializers:
        if tensor.name not in inputs:
            yield "initializer", tensor.name, tensor_type(tensor.dtype)
