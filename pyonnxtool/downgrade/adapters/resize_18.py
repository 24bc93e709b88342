"""Resize from 18 to 17: `axes`, `antialias` and `keep_aspect_ratio_policy` go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._resampling import resampled
from pyonnxtool.downgrade.adapters._resampling_at_run_time import resampled_at_run_time
from pyonnxtool.downgrade.adapters._resized_axes import listed_axes, resizing_of
from pyonnxtool.rewriting.decision import KEEP, Edit
from pyonnxtool.rewriting.refusal import Refusal

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_NEW = ("axes", "antialias", "keep_aspect_ratio_policy")


@ADAPTERS.add(("Resize", 18))
def resize(node: NodeView, tape: Tape) -> Decision:
    """18 -> 17: `axes` are spelled out; antialias and a kept aspect ratio become weights."""
    keeps_aspect = node.attr_str("keep_aspect_ratio_policy") != "stretch" and node.has("sizes")
    if node.attr_int("antialias") or keeps_aspect:
        return _computed(node, tape)
    kept = {name: value for name, value in node.attributes.items() if name not in _NEW}
    if not node.given("axes"):
        return Edit(drop=_NEW) if len(kept) < len(node.attributes) else KEEP
    rank = node.rank("X")
    if rank is None:
        return node.refuse_dynamic("its rank")
    axes = listed_axes(node, rank)
    if isinstance(axes, Refusal):
        return axes
    for name in ("roi", "scales", "sizes"):
        wanted = len(axes) * (2 if name == "roi" else 1)
        if not _empty(node[name]) and node.shape(name) not in ((wanted,), (None,), None):
            return node.refuse(f"`{name}` is not as long as `axes`")
    return tape.op(
        "Resize",
        node["X"],
        "" if _empty(node["roi"]) else _spread(tape, node["roi"], axes, rank, (0, 1)),
        "" if _empty(node["scales"]) else _spread(tape, node["scales"], axes, rank, (1,)),
        "" if _empty(node["sizes"]) else _spread_sizes(node, tape, axes, rank),
        **kept,
    )


def _empty(operand: Operand) -> bool:
    return not operand or operand.static_shape == (0,)


def _computed(node: NodeView, tape: Tape) -> Decision:
    found = resizing_of(node)
    if isinstance(found, Refusal):
        return found
    if found.settled is None:
        return resampled_at_run_time(node, tape, found)
    return resampled(node, tape, found.sampling, found.settled)


def _spread(
    tape: Tape, listed: Operand, axes: list[int], rank: int, defaults: tuple[int, ...]
) -> str:
    """What is listed for some axes, once for each default, for all axes."""
    known, count = listed.const, len(axes)
    if known is not None:
        spread = np.repeat(np.array(defaults, known.dtype), rank).reshape(-1, rank)
        spread[:, axes] = known.reshape(-1, count)
        return tape.const(spread.ravel())
    both = tape.op("Concat", listed, tape.const(np.array(defaults), listed.dtype), axis=0)
    places = [
        run * count + axes.index(axis) if axis in axes else len(defaults) * count + run
        for run in range(len(defaults))
        for axis in range(rank)
    ]
    return tape.op("Gather", both, tape.ints(places), axis=0)


def _spread_sizes(node: NodeView, tape: Tape, axes: list[int], rank: int) -> str:
    known, shape = node["sizes"].const, node.shape("X")
    assert shape is not None
    if known is not None:
        spread = dict(enumerate(shape)) | dict(zip(axes, known.ravel().tolist(), strict=True))
        if None not in spread.values():
            return tape.const(np.array(list(spread.values())), "int64")
    both = tape.op("Concat", node["sizes"], tape.op("Shape", node["X"]), axis=0)
    places = [axes.index(axis) if axis in axes else len(axes) + axis for axis in range(rank)]
    return tape.op("Gather", both, tape.ints(places), axis=0)
