"""ScatterElements and ScatterND 18 -> 17 -> 15: reductions that are not there below.

Updates of one element are applied one after another, in their order, so that nothing is rounded
otherwise. Where no element is met twice one Gather, the operation and one Scatter do it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._flat_places import SMALL, tuples_of
from pyonnxtool.rewriting.decision import KEEP, Edit
from pyonnxtool.rewriting.open_sizes import Sizes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_OPERATIONS = {"add": "Add", "mul": "Mul", "max": "Max", "min": "Min"}
_OF_BOOLS = {"add": "Or", "mul": "And", "max": "Or", "min": "And"}

_WRITTEN_OUT = 8
"""Rounds that are written one after another; more of them are a Loop."""

_Round = Callable[["Tape", str, str, str], str]
"""Applies updates to data at indices that meet no element twice: (tape, data, indices, updates)."""


@ADAPTERS.add(("ScatterElements", 18))
@ADAPTERS.add(("ScatterND", 18))
def extremes(node: NodeView, tape: Tape) -> Decision:
    """18 -> 17: max and min of what is there and of the updates, one after another."""
    return _unreduced(node, tape) if node.attr_str("reduction") in ("max", "min") else KEEP


@ADAPTERS.add(("ScatterElements", 16))
@ADAPTERS.add(("ScatterND", 16))
def sums_and_products(node: NodeView, tape: Tape) -> Decision:
    """16 -> 15: sum and product of what is there and of the updates, one after another."""
    if node.attr_str("reduction") == "none":
        return Edit(drop=["reduction"])
    return _unreduced(node, tape)


def _unreduced(node: NodeView, tape: Tape) -> Decision:
    dtype, reduction = node["data"].dtype, node.attr_str("reduction")
    operations = _OF_BOOLS if dtype == "bool" else _OPERATIONS
    if reduction not in operations:
        return node.refuse(f"there is no reduction {reduction!r}")
    if dtype is None:
        return node.refuse_dynamic("the dtype of its data")
    if dtype == "string":
        return node.refuse(f"strings have no {reduction}")
    of_elements = node.op_type == "ScatterElements"
    return (_elements if of_elements else _tuples)(node, tape, operations[reduction], dtype)


def _elements(node: NodeView, tape: Tape, operation: str, dtype: str) -> Decision:
    data, indices, updates = node["data"], node["indices"], node["updates"]
    rank = indices.rank if data.rank is None else data.rank
    axis = node.attr_int("axis")
    if rank is None:
        return node.refuse_dynamic("the rank of its data")
    if not -rank <= axis < rank:
        return node.refuse(f"axis {axis} is none of the {rank} that its data has")
    axis %= rank

    def once(tape: Tape, data: str, indices: str, updates: str) -> str:
        found = tape.op("GatherElements", data, indices, axis=axis)
        changed = tape.op(operation, found, updates)
        return tape.op("ScatterElements", data, indices, changed, axis=axis)

    sizes = Sizes(tape)
    count = sizes.of(indices, axis)
    size = (data.shape or (None,) * rank)[axis]
    if count == 1 or _no_two(indices.const, size, axis):
        return once(tape, data, indices, updates)
    if isinstance(count, int) and 0 < count <= _WRITTEN_OUT:
        value: str = data
        cut = (tape.many("Split", one, outputs=count, axis=axis) for one in (indices, updates))
        for places, news in zip(*cut, strict=True):
            value = once(tape, value, places, news)
        return value
    written_out = _known_elements(node, tape, operation, axis)
    if written_out is not None:
        return written_out
    return _loop(tape, sizes.scalar(count), (data, indices, updates), axis, (dtype, rank), once)


def _known_elements(node: NodeView, tape: Tape, operation: str, axis: int) -> str | None:
    """Known indices of which few meet: tuples of places, those that meet in another round."""
    indices, shape = node["indices"].const, node["data"].static_shape
    if indices is None or shape is None or indices.size > SMALL:
        return None
    places = np.moveaxis(np.indices(indices.shape), 0, -1)
    places[..., axis] = indices
    tuples = places.reshape(-1, len(shape))
    turns = _turns(tuples, shape)
    if turns is None or len(turns) > _WRITTEN_OUT:
        return None
    rows = tape.op("Reshape", node["updates"], tape.ints([-1]))
    return _in_turns(tape, node["data"], (tuples, rows), turns, _by_tuples(operation))


def _no_two(indices: NDArray[np.int64] | None, size: int | None, axis: int) -> bool:
    """Whether indices along an axis are known and differ."""
    if indices is None or ((indices < 0).any() and size is None):
        return False
    places = np.sort(np.where(indices < 0, indices + (size or 0), indices), axis=axis)
    return bool((np.diff(places, axis=axis) != 0).all())


def _tuples(node: NodeView, tape: Tape, operation: str, dtype: str) -> Decision:
    data, indices, updates = node["data"], node["indices"], node["updates"]
    found = tuples_of(node)
    if not isinstance(found, tuple):
        return found
    shape, length, rank = found

    once = _by_tuples(operation)
    counts = shape[:-1]
    count = None if None in counts else int(np.prod([one or 0 for one in counts], dtype=np.int64))
    known = None if indices.const is None else indices.const.reshape(-1, length)
    turns = None if known is None else _turns(known, data.shape)
    if count == 1 or (turns is not None and len(turns) == 1):
        return once(tape, data, indices, updates)
    sizes = Sizes(tape)
    rows: str = updates
    tuples: str = indices
    if len(shape) != 2:
        rest = [sizes.of(data, axis) for axis in range(length, rank)]
        rows = tape.op("Reshape", updates, sizes.joined([-1, *rest]))
        tuples = tape.op("Reshape", indices, tape.ints([-1, length]))
    value: str = data
    if known is not None and turns is not None and 0 < len(turns) <= _WRITTEN_OUT:
        value = _in_turns(tape, data, (known, rows), turns, once)
    elif count is not None and 0 < count <= _WRITTEN_OUT:
        cut = (tape.many("Split", one, outputs=count, axis=0) for one in (tuples, rows))
        for places, news in zip(*cut, strict=True):
            value = once(tape, value, places, news)
    else:
        number = count if count is not None else sizes.part(sizes.shape(tuples), 0, 1)
        value = _loop(tape, sizes.scalar(number), (data, tuples, rows), 0, (dtype, rank), once)
    return value


def _by_tuples(operation: str) -> _Round:
    def once(tape: Tape, data: str, indices: str, updates: str) -> str:
        changed = tape.op(operation, tape.op("GatherND", data, indices), updates)
        return tape.op("ScatterND", data, indices, changed)

    return once


def _in_turns(
    tape: Tape,
    data: str,
    known: tuple[NDArray[np.int64], str],
    turns: Sequence[Sequence[int]],
    once: _Round,
) -> str:
    tuples, rows = known
    for turn in turns:
        part = tape.op("Gather", rows, tape.ints(turn), axis=0)
        data = once(tape, data, tape.const(tuples[turn]), part)
    return data


def _turns(tuples: NDArray[np.int64], shape: Sequence[int | None] | None) -> list[list[int]] | None:
    """Numbers of the tuples by how often their place was met before; None when not known."""
    leading = (shape or ())[: tuples.shape[1]]
    if (tuples < 0).any() and None in leading:
        return None
    sizes = [size or 0 for size in leading]
    turns: list[list[int]] = []
    met: dict[tuple[int, ...], int] = {}
    for number, one in enumerate(np.where(tuples < 0, tuples + sizes, tuples)):
        turn = met.get(tuple(one), 0)
        met[tuple(one)] = turn + 1
        if turn == len(turns):
            turns.append([])
        turns[turn].append(number)
    return turns


def _loop(
    tape: Tape,
    count: str,
    operands: tuple[str, str, str],
    axis: int,
    kind: tuple[str, int],
    once: _Round,
) -> str:
    """One round for each of `count` parts of indices and updates along an axis."""
    data, indices, updates = operands
    dtype, rank = kind
    single = tape.ints([1])

    def build(inner: Tape, names: tuple[str, ...]) -> list[tuple[str, str, int | None]]:
        turn, on, value = names
        place = inner.op("Reshape", turn, single)
        parts = (inner.op("Gather", one, place, axis=axis) for one in (indices, updates))
        return [
            (inner.op("Identity", on), "bool", 0),
            (once(inner, value, *parts), dtype, rank),
        ]

    body = tape.body([("turn", "int64", 0), ("on", "bool", 0), ("value", dtype, rank)], build)
    return tape.op("Loop", count, tape.const(np.array(True)), data, body=body)
