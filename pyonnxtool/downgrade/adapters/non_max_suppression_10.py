"""NonMaxSuppression from 10 to 9: a Loop that picks the best box left of every class at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._flat_places import own_places
from pyonnxtool.rewriting.open_sizes import Size, Sizes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@dataclass(frozen=True)
class _Boxes:
    """Values before the loop. Sizes: B batches, C classes, N boxes."""

    lowest: str
    """[B, 1, N, 2]: the smaller coordinates."""
    highest: str
    areas: str
    """[B, 1, N]"""
    rows: tuple[str, str, str]
    """All three as [B * N, ...], to pick boxes from."""
    first_rows: str
    """[B, 1, 1]: the row of each batch's first box."""
    numbers: str
    """[1, 1, N]"""
    scores: str
    """[B, C, N]"""
    threshold: str
    zero: str
    hopeless: str


@ADAPTERS.add(("NonMaxSuppression", 10))
def non_max_suppression(node: NodeView, tape: Tape) -> Decision:
    """10 -> 9: a Loop that picks, for each class, the best box left and drops what it overlaps."""
    most = node["max_output_boxes_per_class"]
    known = most.const
    if not most or (known is not None and known.size == 1 and known.item() <= 0):
        return tape.const(np.zeros((0, 3), np.int64))
    sizes, scores = Sizes(tape), node["scores"]
    shape = scores.shape
    if shape is not None and 0 in shape:
        return tape.const(np.zeros((0, 3), np.int64))
    boxes = _prepared(node, tape, sizes)
    if node["score_threshold"]:
        alive = tape.op("Greater", scores, node["score_threshold"])
    else:
        above = tape.op("Greater", scores, tape.const(0, "float32"))
        alive = tape.op("Or", above, tape.op("Not", above))
    if scores.static_shape is not None:
        some = tape.const(np.array(True))
    else:  # the best of no boxes has no place
        some = tape.cast(tape.op("Size", scores), "bool")
    body = tape.body(
        [("turn", "int64", 0), ("on", "bool", 0), ("alive", "bool", 3)],
        lambda inner, names: _turn(inner, boxes, names[2]),
    )
    _, picked, valid = tape.many(
        "Loop",
        tape.op("Reshape", most, tape.ints([])),
        some,
        alive,
        outputs=3,
        body=body,
    )
    return _selected(tape, picked, valid)


def _prepared(node: NodeView, tape: Tape, sizes: Sizes) -> _Boxes:
    boxes, scores = node["boxes"], node["scores"]
    one, other = tape.many("Split", boxes, outputs=2, axis=2)
    if node.attr_int("center_point_box"):
        half = tape.op("Div", other, tape.const(2, "float32"))
        low, high = tape.op("Sub", one, half), tape.op("Add", one, half)
    else:
        low, high = tape.op("Min", one, other), tape.op("Max", one, other)
    area = tape.op("ReduceProd", tape.op("Sub", high, low), axes=[2], keepdims=0)
    count = sizes.of(boxes, 1)
    shape: list[Size] = [sizes.of(boxes, 0), 1, 1]
    first_rows = own_places(tape, sizes, shape, [count, 1, 1])
    return _Boxes(
        lowest=tape.op("Unsqueeze", low, axes=[1]),
        highest=tape.op("Unsqueeze", high, axes=[1]),
        areas=tape.op("Unsqueeze", area, axes=[1]),
        rows=(
            tape.op("Reshape", low, tape.ints([-1, 2])),
            tape.op("Reshape", high, tape.ints([-1, 2])),
            tape.op("Reshape", area, tape.ints([-1])),
        ),
        first_rows=first_rows or tape.ints([0]),
        numbers=sizes.iota_along(count, 2, 3),
        scores=scores,
        threshold=node["iou_threshold"] or tape.const(0, "float32"),
        zero=tape.const(0, "float32"),
        hopeless=tape.const(-np.inf, "float32"),
    )


def _turn(tape: Tape, boxes: _Boxes, alive: str) -> Sequence[tuple[str, str, int | None]]:
    left = tape.op("Where", alive, boxes.scores, boxes.hopeless)
    best = tape.op("ReduceMax", left, axes=[2], keepdims=1)
    is_best = tape.op("And", alive, tape.op("Not", tape.op("Less", left, best)))
    place = tape.op("ArgMax", tape.cast(is_best, "float32"), axis=2, keepdims=1)
    found = tape.op("ReduceMax", tape.cast(alive, "float32"), axes=[2], keepdims=0)
    row = tape.op("Add", place, boxes.first_rows)
    low, high, area = (tape.op("Gather", rows, row, axis=0) for rows in boxes.rows)
    ends = tape.op("Min", boxes.highest, high)
    common = tape.op("Sub", ends, tape.op("Max", boxes.lowest, low))
    shared = tape.op("ReduceProd", common, axes=[3], keepdims=0)
    union = tape.op("Sub", tape.op("Add", boxes.areas, area), shared)
    overlap = tape.op("Greater", tape.op("Div", shared, union), boxes.threshold)
    least = tape.op("ReduceMin", common, axes=[3], keepdims=0)
    meets = tape.op("And", overlap, tape.op("Greater", least, boxes.zero))
    gone = tape.op("Or", meets, tape.op("Equal", boxes.numbers, place))
    still = tape.op("And", alive, tape.op("Not", gone))
    more = tape.op("ReduceMax", tape.cast(still, "float32"), keepdims=0)
    return [
        (tape.cast(more, "bool"), "bool", 0),
        (still, "bool", 3),
        (tape.op("Squeeze", place, axes=[2]), "int64", 2),
        (tape.cast(found, "bool"), "bool", 2),
    ]


def _selected(tape: Tape, picked: str, valid: str) -> str:
    """Of [turns, B, C]: rows of batch, class and box, the turns of each class together."""
    order = [1, 2, 0]
    is_valid = tape.op("Transpose", valid, perm=order)
    places = tape.op("Slice", tape.op("NonZero", is_valid), axes=[0], starts=[0], ends=[2])
    flat, row = tape.ints([-1]), tape.op("Transpose", picked, perm=order)
    at = tape.op("NonZero", tape.op("Reshape", is_valid, flat))
    boxes = tape.op("Gather", tape.op("Reshape", row, flat), at, axis=0)
    columns = tape.op("Concat", places, boxes, axis=0)
    return tape.op("Transpose", columns, perm=[1, 0])
