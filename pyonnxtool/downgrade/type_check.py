"""Whether a node has a schema at an opset, and that takes the types and attributes it has.

The onnx checker looks at neither dtypes nor attributes of operators inside of bodies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from pyonnxtool.op_schemas import schema_at

if TYPE_CHECKING:
    from onnx.defs import OpSchema

    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand


@dataclass(frozen=True)
class Misfit:
    """An operand whose type a schema does not take."""

    operand: Operand
    place: int
    """Index among the inputs or the outputs."""
    is_output: bool
    param: str
    """Name in the schema."""
    type: str
    variable: str
    """The schema's type variable ("T"), or the one type that it takes."""
    allowed: frozenset[str]


def misfits(view: NodeView, schema: OpSchema) -> list[Misfit]:
    """Operands of types that this schema does not take; unknown types are taken."""
    return [*_side(view.inputs, schema, False), *_side(view.outputs, schema, True)]


@dataclass(frozen=True)
class _Param:
    """An input or an output, as far as types go."""

    name: str
    variable: str
    allowed: frozenset[str]
    shared: bool
    """Whether all operands of its variable have one type."""


@cache
def _params(schema: OpSchema, is_output: bool) -> list[_Param]:
    variables = {
        one.type_param_str: frozenset(one.allowed_type_strs) for one in schema.type_constraints
    }
    return [
        _Param(
            param.name,
            param.type_str,
            variables.get(param.type_str) or frozenset(param.types) or frozenset([param.type_str]),
            param.type_str in variables and param.is_homogeneous,
        )
        for param in (schema.outputs if is_output else schema.inputs)
    ]


def _side(operands: tuple[Operand, ...], schema: OpSchema, is_output: bool) -> Iterator[Misfit]:
    params = _params(schema, is_output)
    for place, operand in enumerate(operands if params else ()):
        param = params[min(place, len(params) - 1)]
        found = operand.type if operand else None
        if found is not None and found not in param.allowed:
            yield Misfit(
                operand, place, is_output, param.name, found, param.variable, param.allowed
            )


@cache
def _attributes(schema: OpSchema) -> dict[str, bool]:
    """Name to whether it is required."""
    return {name: bool(one.required) for name, one in schema.attributes.items()}


def unknown_to(view: NodeView, opset: int) -> str:
    """Why the node is no operator of this opset, types apart; "" when it is one."""
    schema = schema_at(view.op_type, opset)
    if schema is None:
        return f"there is no {view.op_type} in opset {opset}"
    if schema.deprecated:
        return f"{view.op_type} is deprecated in opset {opset}"
    known = _attributes(schema)
    strangers = [name for name in view.attributes if name not in known]
    if strangers:
        return f"{view.op_type} has no attribute {strangers[0]} in opset {opset}"
    missing = [name for name, required in known.items() if required and not view.given(name)]
    if missing:
        return f"{view.op_type} needs attribute {missing[0]} in opset {opset}"
    taken, given = len(view.inputs), len(view.outputs)
    if taken > schema.max_input or given > schema.max_output or taken < schema.min_input:
        return f"{view.op_type} takes another number of operands in opset {opset}"
    return mixed_types(view, schema)


def mixed_types(view: NodeView, schema: OpSchema) -> str:
    """Which operands are to have one type and have two; "" when there are none."""
    seen: dict[str, tuple[Operand, str]] = {}
    for is_output, operands in ((False, view.inputs), (True, view.outputs)):
        params = _params(schema, is_output)
        for place, operand in enumerate(operands if params else ()):
            param = params[min(place, len(params) - 1)]
            found = operand.type if operand and param.shared else None
            if found is None:
                continue
            first, type_ = seen.setdefault(param.variable, (operand, found))
            if type_ != found:
                pair = f"{str(first)!r} is {type_} and {str(operand)!r} {found}"
                return f"{pair}, which {view.op_type} wants to be one type"
    return ""


def told(misfit: Misfit, op_type: str, opset: int) -> str:
    """For messages: "Max takes no tensor(int64) as data_0 in opset 11"."""
    verb = "gives" if misfit.is_output else "takes"
    return f"{op_type} {verb} no {misfit.type} as {misfit.param} in opset {opset}"
