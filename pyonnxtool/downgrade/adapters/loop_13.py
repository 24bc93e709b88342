"""Loop from 13 to 12: it carries nothing but tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import GraphProto, NodeProto, helper

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._loops import FIXED_INPUTS
from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.rewriting.decision import KEEP
from pyonnxtool.rewriting.tape import elem_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@dataclass(frozen=True)
class _Grown:
    """A sequence that begins empty, and that each turn adds one item to."""

    place: int
    """Among the values that the Loop carries."""
    insert: int
    """Index of the node of the body that adds the item."""
    item: str
    dtype: str
    rest: tuple[int, ...] | None
    """Sizes of the items but for their first axis; None: they have no axes."""


@ADAPTERS.add(("Loop", 13))
def loop_of_sequences(node: NodeView, tape: Tape) -> Decision:
    """13 -> 12: a sequence that grows by an item a turn is joined, and split after the Loop."""
    states = node.inputs[FIXED_INPUTS:]
    places = [at for at, one in enumerate(states) if one.fact and one.fact.kind == "sequence"]
    if not places:
        return KEEP
    body = next((one.g for one in node.to_proto().attribute if one.name == "body"), GraphProto())
    grown = [_grown(node, body, place) for place in places]
    found = [one for one in grown if one is not None]
    if len(found) < len(grown):
        why = "it carries a sequence that is not empty before, or not only added to"
        return node.refuse(f"{why}, or items of which more than the first size is open")
    given: list[str] = list(node.inputs)
    for one in reversed(found):
        first = np.zeros((1, *(one.rest or ())), numpy_dtype(one.dtype))
        at = FIXED_INPUTS + one.place
        given[at : at + 1] = [tape.const(first), tape.ints([1])]  # an item that goes again
        _join(body, one, tape)
    values = list(tape.many("Loop", *given, outputs=len(body.output) - 1, body=body))
    made: list[str] = []
    by_place = {one.place: one for one in found}
    for place in range(len(node.outputs)):
        joined = by_place.get(place)
        if joined is None:
            made.append(values.pop(0))
            continue
        data, sizes = values.pop(0), values.pop(0)
        how = [data] if joined.rest is None else [data, sizes]
        keepdims = 0 if joined.rest is None else 1
        parts = tape.op("SplitToSequence", *how, axis=0, keepdims=keepdims)
        made.append(tape.op("SequenceErase", parts, tape.const(0, "int64")))
    return made


def _grown(node: NodeView, body: GraphProto, place: int) -> _Grown | None:
    fact = node.inputs[FIXED_INPUTS + place].fact
    begins_empty = fact is not None and fact.items is not None and not fact.items
    fits = len(body.input) > FIXED_INPUTS + place and len(body.output) > 1 + place
    insert = _insert(body, place) if begins_empty and fits else None
    if insert is None:
        return None
    item = node.inside(node.node.subgraphs[0], body.node[insert].input[1])
    if item.shape is None or item.dtype is None or None in item.shape[1:]:
        return None
    rest = tuple(size for size in item.shape[1:] if size is not None) if item.shape else None
    return _Grown(place, insert, str(item), item.dtype, rest)


def _insert(body: GraphProto, place: int) -> int | None:
    """Index of the only node that reads the sequence, which adds to it and makes the new one."""
    before, after = body.input[FIXED_INPUTS + place].name, body.output[1 + place].name
    readers = [at for at, each in enumerate(body.node) if _reads(each, before)]
    handed_on = any(info.name == before for info in body.output)
    if len(readers) != 1 or handed_on or any(_reads(each, after) for each in body.node):
        return None
    node = body.node[readers[0]]
    adds = node.op_type == "SequenceInsert" and len([*filter(None, node.input)]) == 2
    return readers[0] if adds and node.input[0] == before and [*node.output] == [after] else None


def _reads(node: NodeProto, name: str) -> bool:
    bodies = [each.g for each in node.attribute if each.HasField("g")]
    inner = [one for body in bodies for one in body.node]
    given = [info.name for body in bodies for info in body.output]
    return name in node.input or name in given or any(_reads(one, name) for one in inner)


def _join(body: GraphProto, one: _Grown, tape: Tape) -> None:
    """In place of the sequence: its items in a row, and how long each is."""
    names = [tape.fresh(name) for name in ("items", "sizes", "joined", "longer")]
    items, sizes, joined, longer = names
    nodes, item, size = [], one.item, tape.fresh("size")
    if one.rest is None:
        item = tape.fresh("item")
        nodes.append(helper.make_node("Unsqueeze", [one.item], [item], axes=[0]))
    shape, first = tape.fresh("shape"), tape.ints([0])
    nodes += [
        helper.make_node("Shape", [item], [shape]),
        helper.make_node("Gather", [shape, first], [size], axis=0),
        helper.make_node("Concat", [items, item], [joined], axis=0),
        helper.make_node("Concat", [sizes, size], [longer], axis=0),
    ]
    _exchange(body.node, one.insert, nodes)
    dtypes = [elem_type(one.dtype), elem_type("int64")]
    for infos, at, made in (
        (body.input, FIXED_INPUTS + one.place, (items, sizes)),
        (body.output, 1 + one.place, (joined, longer)),
    ):
        pairs = zip(made, dtypes, strict=True)
        new = [helper.make_tensor_value_info(name, dtype, None) for name, dtype in pairs]
        _exchange(infos, at, new)


def _exchange(row: Any, at: int, new: Sequence[Any]) -> None:
    """One element for others; protobuf's lists take no slices."""
    kept = list(row)
    del row[:]
    row.extend([*kept[:at], *new, *kept[at + 1 :]])
