"""Slice from 10 to 9: bounds go back to attributes; steps and run-time bounds become a Gather."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._axes import from_front
from pyonnxtool.downgrade.adapters._indices import never_negative
from pyonnxtool.downgrade.adapters._run_time_slice import END, Cut, cut_places, known_places
from pyonnxtool.rewriting.open_sizes import Sizes
from pyonnxtool.rewriting.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.open_sizes import Size
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Slice", 10))
def _bounds_to_attributes(node: NodeView, tape: Tape) -> Decision:
    """10 -> 9: bounds go back to attributes; steps and run-time bounds become a Gather."""
    cuts = _cuts(node, tape)
    if isinstance(cuts, Refusal):
        return cuts
    if any(cut.step == 0 for cut in cuts):
        return node.refuse("a step is 0")
    if any(cut.goes_the_wrong_way for cut in cuts):
        return node.refuse("it goes back to an end beyond the last element, which runtimes dispute")
    made: str = node["data"]
    plain = [one for one in cuts if one.is_plain]
    if plain:
        made = tape.op(
            "Slice",
            made,
            axes=[cut.axis for cut in plain],
            starts=[cut.start for cut in plain],
            ends=[cut.end for cut in plain],
        )
    sizes = Sizes(tape)
    for cut in cuts:
        if cut.is_plain or cut.is_whole:
            continue
        size = sizes.of(node["data"], cut.axis)
        places = known_places(cut, size)
        indices = cut_places(tape, cut, size) if places is None else tape.ints(places)
        made = tape.op("Gather", made, indices, axis=cut.axis)
    return made


def _cuts(node: NodeView, tape: Tape) -> list[Cut] | Refusal:
    """What is asked for of each axis."""
    length = node["starts"].static_shape
    if length is None or len(length) != 1:
        return node.refuse_dynamic("how many axes it slices")
    axes = node.const_ints("axes", default=range(length[0]))
    if axes is None:
        return _of_all_axes(node, length[0], tape)
    if len(axes) != length[0]:
        return node.refuse(f"it has {length[0]} starts and {len(axes)} axes")
    front = from_front(node, axes, node["data"].rank)
    if isinstance(front, Refusal):
        return front
    starts, ends, steps = (_numbers(node, *each, length[0], tape) for each in _BOUNDS)
    if not length[0] == len(starts) == len(ends) == len(steps):
        return node.refuse("starts, ends and steps differ in length")
    ends = _to_the_end(node, front, ends, steps)
    ahead = never_negative(node["starts"]) and never_negative(node["ends"])
    whole = zip(front, starts, ends, steps, strict=True)
    return [Cut(*each, never_negative=ahead) for each in whole]


_BOUNDS = (("starts", 0), ("ends", 0), ("steps", 1))


def _numbers(node: NodeView, name: str, default: int, count: int, tape: Tape) -> list[Size]:
    """Numbers where they are known, else tensors of one int64."""
    given = node[name]
    if not given:
        return [default] * count
    known = node.const_ints(name)
    if known is not None:
        return list(known)
    elements = given.fact.elements if given.fact is not None else None
    whole = given if given.dtype == "int64" else tape.cast(given, "int64")
    if count == 1:
        return [whole]
    return [
        one if isinstance(one, int) else tape.op("Gather", whole, tape.ints([at]), axis=0)
        for at, one in enumerate(elements or [None] * count)
    ]


def _to_the_end(
    node: NodeView, axes: Sequence[int], ends: list[Size], steps: list[Size]
) -> list[Size]:
    """Ends that are the size of their axis, computed as it may be, are behind all elements."""
    fact, dims = node["ends"].fact, node["data"].dims
    if fact is None or fact.elements is None or dims is None:
        return ends
    return [
        END if isinstance(size, str) and size == dims[axis] and step == 1 else end
        for axis, size, end, step in zip(axes, fact.elements, ends, steps, strict=True)
    ]


def _of_all_axes(node: NodeView, count: int, tape: Tape) -> list[Cut] | Refusal:
    """Axes that are known at run time: each axis is cut, those that are not listed from 0 on."""
    rank = node["data"].rank
    if rank is None:
        return node.refuse_dynamic("`axes`, and the rank of its input,")
    axes = tape.cast(node["axes"], "int64")
    made = []
    for name, default in (("starts", 0), ("ends", 2**62), ("steps", 1)):
        whole = tape.ints([default] * rank)
        if node[name]:
            whole = tape.op("Scatter", whole, axes, tape.cast(node[name], "int64"), axis=0)
        made.append([tape.op("Gather", whole, tape.ints([at]), axis=0) for at in range(rank)])
    return [Cut(*each) for each in zip(range(rank), *made, strict=True)]
