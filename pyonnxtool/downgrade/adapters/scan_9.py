"""Scan from 9 to 8: it had a batch axis and no choice of axes before, so a Loop takes its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from onnx import GraphProto, NodeProto, helper

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._loops import begun, loop
from pyonnxtool.rewriting.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


@dataclass(frozen=True)
class _Row:
    """What is taken apart, or put together, one element a turn."""

    axis: int
    backward: bool


@ADAPTERS.add(("Scan", 9))
def scan(node: NodeView, tape: Tape) -> Decision:
    """9 -> 8: becomes a Loop that gathers its elements."""
    body = next((one.g for one in node.to_proto().attribute if one.name == "body"), GraphProto())
    scanned = node.attr_int("num_scan_inputs", 0)
    states = len(node.inputs) - scanned
    given, made = (len(node.inputs), len(node.outputs))
    if scanned < 1 or states < 0 or (len(body.input), len(body.output)) != (given, made):
        return node.refuse("its body does not take what it is given, or gives something else")
    taken, put = _rows(node, "input", scanned), _rows(node, "output", made - states)
    if taken is None or put is None:
        return node.refuse("its axes or directions are not one for each row")
    orders = [_order(node, row, states + k) for k, row in enumerate(put)]
    unknown = next((one for one in orders if isinstance(one, Refusal)), None)
    if unknown is not None:
        return unknown
    rows = node.inputs[states:]
    length = _length(rows[0], taken[0].axis, tape)
    last = tape.op("Sub", length, tape.const(1, "int64"))
    turns = _turns(body, list(zip(rows, taken, strict=True)), last, tape)
    found = loop(tape, length, "", node.inputs[:states], turns)
    outputs = list(found[:states])
    for k, row in enumerate(put):
        dtype = body.output[states + k].type.tensor_type.elem_type
        value = _reversed(tape, found[states + k], length, last, dtype) if row.backward else ""
        value = value or found[states + k]
        order = orders[k]
        outputs.append(tape.op("Transpose", value, perm=order) if order else value)
    return outputs


def _rows(node: NodeView, side: str, count: int) -> list[_Row] | None:
    axes = node.attr_ints(f"scan_{side}_axes") or [0] * count
    directions = node.attr_ints(f"scan_{side}_directions") or [0] * count
    if len(axes) != count or len(directions) != count:
        return None
    return [_Row(axis, bool(back)) for axis, back in zip(axes, directions, strict=True)]


def _order(node: NodeView, row: _Row, place: int) -> list[int] | Refusal:
    """Axes of an output as those of one that lies along the first axis; empty when it does."""
    if row.axis == 0:
        return []
    rank = node.out(place).rank
    if rank is None:
        return node.refuse_dynamic(f"the rank of {str(node.out(place))!r}")
    order = list(range(1, rank))
    order.insert(row.axis % rank, 0)
    return order


def _length(row: Operand, axis: int, tape: Tape) -> str:
    size = row.shape[axis] if row.shape is not None and axis < len(row.shape) else None
    if size is not None:
        return tape.const(size, "int64")
    return tape.op("Gather", tape.op("Shape", row), tape.const(axis, "int64"), axis=0)


def _turns(
    body: GraphProto, rows: Sequence[tuple[Operand, _Row]], last: str, tape: Tape
) -> GraphProto:
    """A Loop's body: elements are no inputs any more, but gathered."""
    made, turn = begun(tape, body.name)
    states = len(body.input) - len(rows)
    made.input.extend(body.input[:states])
    made.initializer.extend(body.initializer)
    for (row, how), element in zip(rows, body.input[states:], strict=True):
        made.node.extend(_element(row, how, turn, last, element.name, tape))
    made.node.extend(body.node)
    for info in body.output:  # each is made in the body, and is given once
        output = made.output.add()
        output.CopyFrom(info)
        output.name = tape.fresh(info.name)
        made.node.append(helper.make_node("Identity", [info.name], [output.name]))
    return made


def _element(row: str, how: _Row, turn: str, last: str, name: str, tape: Tape) -> list[NodeProto]:
    if not how.backward:
        return [helper.make_node("Gather", [row, turn], [name], axis=how.axis)]
    place = tape.fresh("place")
    return [
        helper.make_node("Sub", [last, turn], [place]),
        helper.make_node("Gather", [row, place], [name], axis=how.axis),
    ]


def _reversed(tape: Tape, row: str, length: str, last: str, dtype: int) -> str:
    """The last element first."""
    body, turn = begun(tape, "reversed")
    element = tape.fresh("element")
    body.node.extend(_element(row, _Row(0, backward=True), turn, last, element, tape))
    body.output.append(helper.make_tensor_value_info(element, dtype, None))
    return loop(tape, length, "", [], body)[0]
