"""Nodes whose dtype is not taken below, computed in another dtype between Casts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from onnx import helper, numpy_helper

from pyonnxtool.downgrade.dtypes import (
    PREFERRED,
    bits_of,
    can_cast,
    dtype_of,
    dtypes_of,
    holds,
    is_float,
    is_integer,
)
from pyonnxtool.downgrade.forms import FORMS
from pyonnxtool.downgrade.magnitude import fits
from pyonnxtool.downgrade.op_kinds import Kind, kind_of
from pyonnxtool.downgrade.type_check import misfits, told
from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.op_schemas import first_opset_of_type
from pyonnxtool.rewriting.decision import KEEP, Edit
from pyonnxtool.rewriting.tape import elem_type

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx.defs import OpSchema

    from pyonnxtool.downgrade.type_check import Misfit
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


@dataclass
class _Group:
    """Operands that have one dtype: those of one type variable of the schema."""

    dtype: str
    misfit: Misfit
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)


def carried(view: NodeView, tape: Tape, schema: OpSchema) -> Decision:
    """The node for a schema that may not take its dtypes: computed in one that it takes.

    Chosen so that no value changes; refused where there is no such dtype.
    """
    found = misfits(view, schema)
    if not found:
        return KEEP
    if view.op_type == "Constant":
        return _constant(view, found[0], tape)
    if view.op_type == "Cast" and not found[0].is_output and view.arg(0).const is not None:
        return _cast_constant(view, tape)
    if view.op_type in FORMS:
        made = FORMS[view.op_type](view, tape, dtype_of(found[0].type))
        if made is not None:
            return made
    carriers: dict[str, tuple[_Group, str]] = {}
    for group in _groups(view, schema, found):
        carrier = _carrier(view, group, tape.opset)
        if carrier is None:
            return view.refuse(*_why(group, view.op_type, tape.opset))
        carriers[f"{group.misfit.variable} {group.inputs} {group.outputs}"] = group, carrier
    return _computed(view, tape, list(carriers.values()))


def _groups(view: NodeView, schema: OpSchema, found: list[Misfit]) -> list[_Group]:
    """Operands whose dtype has to change, those together that have to have one dtype."""
    variables = {one.type_param_str for one in schema.type_constraints}
    groups: dict[Any, _Group] = {}
    for misfit in found:
        free = misfit.variable not in variables or not _homogeneous(schema, misfit)
        key = (misfit.is_output, misfit.place) if free else misfit.variable
        if key in groups:
            continue
        group = groups[key] = _Group(dtype_of(misfit.type), misfit)
        if free:
            (group.outputs if misfit.is_output else group.inputs).append(misfit.place)
            continue
        for params, operands, places in (
            (schema.inputs, view.inputs, group.inputs),
            (schema.outputs, view.outputs, group.outputs),
        ):
            for place, operand in enumerate(operands):
                param = params[min(place, len(params) - 1)] if params else None
                if operand and param is not None and param.type_str == misfit.variable:
                    places.append(place)
    return list(groups.values())


def _homogeneous(schema: OpSchema, misfit: Misfit) -> bool:
    params = schema.outputs if misfit.is_output else schema.inputs
    return bool(params[min(misfit.place, len(params) - 1)].is_homogeneous)


def _carrier(view: NodeView, group: _Group, opset: int) -> str | None:
    """The dtype to compute in; None: there is none in which no value changes."""
    kind = kind_of(view)
    dtype = group.dtype
    if not dtype or kind is Kind.HOLDS_BODIES or not _one_dtype(view, group):
        return None
    operands = [view.inputs[place] for place in group.inputs]
    if not can_cast(dtype, opset) and (group.outputs or any(one.const is None for one in operands)):
        return None
    allowed = dtypes_of(group.misfit.allowed)
    for wide in PREFERRED:
        if wide in allowed and can_cast(wide, opset) and _same_in(kind, wide, group, operands):
            return wide
    return None


def _one_dtype(view: NodeView, group: _Group) -> bool:
    known = [view.inputs[place].dtype for place in group.inputs]
    known += [view.outputs[place].dtype for place in group.outputs]
    return all(one in (None, group.dtype) for one in known)


def _same_in(kind: Kind, wide: str, group: _Group, operands: list[Operand]) -> bool:
    """Whether a node of this kind gives the same values when the group is of the dtype `wide`."""
    narrow = group.dtype
    exact = holds(wide, narrow)
    if not exact and is_float(wide) and kind in (Kind.MOVES, Kind.CHOOSES):
        exact = bool(operands) and all(fits(one, wide) for one in operands)
    if not group.outputs:
        exact = exact or (bool(operands) and all(fits(one, wide) for one in operands))
        return exact and (kind is not Kind.SATURATES or not is_float(narrow))
    if is_float(narrow):
        return exact and kind is not Kind.SATURATES
    if kind in (Kind.MOVES, Kind.WRAPS) and is_integer(narrow) and is_integer(wide):
        return bits_of(wide) >= bits_of(narrow)
    if kind is Kind.DIVIDES:
        return exact and is_integer(narrow) and is_integer(wide)
    return exact and (kind in (Kind.MOVES, Kind.CHOOSES, Kind.MAKES) or narrow == "bool")


def _why(group: _Group, op_type: str, opset: int) -> tuple[str, str]:
    reason = told(group.misfit, op_type, opset)
    if group.dtype in ("int64", "uint64"):
        return f"{reason}, and no type that it takes holds every {group.dtype}", ""
    first = first_opset_of_type(group.misfit.type)
    if first is not None and first > opset:
        return reason, f"there is no {group.dtype} before opset {first}"
    return reason, ""


def _computed(view: NodeView, tape: Tape, carriers: list[tuple[_Group, str]]) -> Decision:
    """The node in other dtypes, between Casts; constants are converted at once."""
    inputs: list[str] = list(view.inputs)
    attributes = _of_output(view, carriers)
    made: dict[tuple[Operand, str], str] = {}
    for group, wide in carriers:
        for place in group.inputs:
            key = view.inputs[place], wide
            if key not in made:
                made[key] = _converted(*key, tape)
            inputs[place] = made[key]
    if not tape.nodes and not any(group.outputs for group, _ in carriers):
        return Edit(inputs=inputs)
    node = view.to_proto()
    outputs = [tape.fresh(view.op_type) if name else "" for name in view.outputs]
    node.input[:] = inputs
    node.output[:] = outputs
    node.name = next(filter(None, outputs), view.label)
    for attribute in attributes:
        kept = [one for one in node.attribute if one.name != attribute.name]
        del node.attribute[:]
        node.attribute.extend([*kept, attribute])
    tape.put(node)
    for group, _ in carriers:
        for place in group.outputs:
            outputs[place] = _cast(outputs[place], group.dtype, tape)
    return outputs


def _of_output(view: NodeView, carriers: list[tuple[_Group, str]]) -> list[Any]:
    """Attributes that say the dtype of an output of the group, for its new dtype."""
    if kind_of(view) is not Kind.MAKES:
        return []
    wide = next((wide for group, wide in carriers if group.outputs), None)
    if wide is None:
        return []
    if view.op_type == "ConstantOfShape":
        value = view.attributes["value"].numpy().astype(numpy_dtype(wide))
        return [helper.make_attribute("value", numpy_helper.from_array(value))]
    name = "output_datatype" if "output_datatype" in view.schema.attributes else "dtype"
    return [helper.make_attribute(name, elem_type(wide))]


def _converted(operand: Operand, dtype: str, tape: Tape) -> str:
    known = operand.const
    if known is not None:
        return tape.const(_as(known, dtype))
    return tape.cast(operand, dtype)


def _as(array: NDArray[Any], dtype: str) -> NDArray[Any]:
    """As Cast converts: types of a byte and less go through float32, which holds all of them."""
    if array.dtype.kind == "V" and array.dtype.names is None:
        array = array.astype("float32")
    return array.astype(numpy_dtype(dtype))


def _cast(value: str, dtype: str, tape: Tape) -> str:
    if dtype.startswith("float8"):  # saturating takes infinities away
        return tape.op("Cast", value, to=elem_type(dtype), saturate=0)
    return tape.cast(value, dtype)


def _constant(view: NodeView, misfit: Misfit, tape: Tape) -> Decision:
    """A constant of a type that is gone stays as long as its readers convert it."""
    known = view.out().const
    if known is None or view.graph.value(str(view.out())).is_output:
        return view.refuse(told(misfit, view.op_type, tape.opset))
    return KEEP if view.graph.parent is not None else tape.const(known)


def _cast_constant(view: NodeView, tape: Tape) -> Decision:
    """Cast of a constant whose type is gone: the constant that it gives."""
    known, dtype = view.arg(0).const, view.out().dtype
    assert known is not None
    if dtype is None or not can_cast(dtype, tape.opset) or known.dtype == object:
        return view.refuse(f"Cast of a constant to {dtype or 'an unknown type'} is not known")
    return tape.const(_as(known, dtype))
