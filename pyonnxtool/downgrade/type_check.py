"""Whether a node has a schema at an opset, and that takes the types and attributes it has.

The onnx checker looks at neither dtypes nor attributes of operators inside of bodies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyonnxtool.op_schemas import schema_at

if TYPE_CHECKING:
    from onnx.defs import OpSchema

    from pyonnxtool.rewrite.node_view import NodeView
    from pyonnxtool.rewrite.operand import Operand


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


def _side(operands: tuple[Operand, ...], schema: OpSchema, is_output: bool) -> Iterator[Misfit]:
    params = schema.outputs if is_output else schema.inputs
    variables = {
        one.type_param_str: frozenset(one.allowed_type_strs) for one in schema.type_constraints
    }
    for place, operand in enumerate(operands):
        if not operand or not params:
            continue
        param = params[min(place, len(params) - 1)]
        found = operand.type
        allowed = variables.get(param.type_str) or frozenset(param.types) or {param.type_str}
        if found is not None and found not in allowed:
            yield Misfit(
                operand, place, is_output, param.name, found, param.type_str, frozenset(allowed)
            )


def unknown_to(view: NodeView, opset: int) -> str:
    """Why the node is no operator of this opset, types apart; "" when it is one."""
    schema = schema_at(view.op_type, opset)
    if schema is None:
        return f"there is no {view.op_type} in opset {opset}"
    if schema.deprecated:
        return f"{view.op_type} is deprecated in opset {opset}"
    strangers = [name for name in view.attributes if name not in schema.attributes]
    if strangers:
        return f"{view.op_type} has no attribute {strangers[0]} in opset {opset}"
    if len(view.inputs) > schema.max_input or len(view.outputs) > schema.max_output:
        return f"{view.op_type} takes fewer operands in opset {opset}"
    if len(view.inputs) < schema.min_input:
        return f"{view.op_type} takes more operands in opset {opset}"
    return mixed_types(view, schema)


def mixed_types(view: NodeView, schema: OpSchema) -> str:
    """Which operands are to have one type and have two; "" when there are none."""
    variables = {one.type_param_str for one in schema.type_constraints}
    seen: dict[str, Operand] = {}
    for params, operands in ((schema.inputs, view.inputs), (schema.outputs, view.outputs)):
        for place, operand in enumerate(operands if params else ()):
            param = params[min(place, len(params) - 1)]
            if not operand or param.type_str not in variables or not param.is_homogeneous:
                continue
            first = seen.setdefault(param.type_str, operand)
            if None not in (first.type, operand.type) and first.type != operand.type:
                pair = f"{str(first)!r} is {first.type} and {str(operand)!r} {operand.type}"
                return f"{pair}, which {view.op_type} wants to be one type"
    return ""


def told(misfit: Misfit, op_type: str, opset: int) -> str:
    """For messages: "Max takes no tensor(int64) as data_0 in opset 11"."""
    verb = "gives" if misfit.is_output else "takes"
    return f"{op_type} {verb} no {misfit.type} as {misfit.param} in opset {opset}"
