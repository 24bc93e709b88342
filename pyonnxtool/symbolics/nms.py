"""Non-maximum suppression of torchvision and mmcv, of one list of boxes.

Boxes are (x1, y1, x2, y2); those whose last corner is before the first stay alone
(https://docs.pytorch.org/vision/main/generated/torchvision.ops.nms.html).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._overlap import as_float32, as_threshold, compared, kept, ordered
from pyonnxtool.symbolics._signature import signature

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("torchvision::nms")
@signature("Tensor dets|boxes, Tensor scores, number iou_threshold")
def nms(
    node: NodeView, tape: Tape, dets: Operand, scores: Operand, iou_threshold: float | Operand
) -> Decision:
    """NonMaxSuppression, of one class."""
    if (refusal := _refusal(node, dets, scores)) is not None:
        return refusal
    boxes = ordered(tape, as_float32(tape, dets, dets.dtype))
    score = as_float32(tape, scores, scores.dtype)
    return kept(tape, boxes, score, as_threshold(tape, iou_threshold))


@SYMBOLICS.add("mmcv::NonMaxSuppression")
@signature("Tensor boxes, Tensor scores, number iou_threshold, int offset")
def mmcv_nms(
    node: NodeView,
    tape: Tape,
    boxes: Operand,
    scores: Operand,
    iou_threshold: float | Operand,
    offset: int = 0,
) -> Decision:
    """NonMaxSuppression, of one class; boxes are a pixel larger where `offset` says so."""
    if (refusal := _refusal(node, boxes, scores)) is not None:
        return refusal
    if offset not in (0, 1):
        return node.refuse(f"offset={offset} is neither 0 nor 1")
    corners = ordered(tape, as_float32(tape, boxes, boxes.dtype), offset)
    score = as_float32(tape, scores, scores.dtype)
    return kept(tape, corners, score, as_threshold(tape, iou_threshold))


@SYMBOLICS.add("torchvision::batched_nms")
@SYMBOLICS.add("torchvision::_batched_nms_coordinate_trick")
@signature("Tensor boxes, Tensor scores, Tensor idxs, number iou_threshold")
def batched_nms(
    node: NodeView,
    tape: Tape,
    boxes: Operand,
    scores: Operand,
    idxs: Operand,
    iou_threshold: float | Operand,
) -> Decision:
    """NonMaxSuppression of boxes that are moved apart by their class, as torchvision exports it."""
    if (refusal := _refusal(node, boxes, scores)) is not None:
        return refusal
    dtype = boxes.dtype or ""
    some = tape.op("Reshape", boxes, tape.ints([-1]))
    if boxes.static_shape is None:  # of no boxes there is no largest
        some = tape.op("Concat", some, tape.const(np.full(1, -np.inf), dtype), axis=0)
    largest = tape.op("ReduceMax", some, tape.ints([0]), keepdims=1)
    step = tape.op("Add", largest, tape.const(np.ones(1), dtype))
    apart = tape.op("Mul", tape.cast(idxs, dtype), step)
    moved = tape.op("Add", boxes, tape.op("Unsqueeze", apart, tape.ints([1])))
    score = as_float32(tape, scores, scores.dtype)
    corners = ordered(tape, as_float32(tape, moved, dtype))
    return kept(tape, corners, score, as_threshold(tape, iou_threshold))


@SYMBOLICS.add("torchvision::_batched_nms_vanilla")
@signature("Tensor boxes, Tensor scores, Tensor idxs, number iou_threshold")
def batched_nms_by_class(
    node: NodeView,
    tape: Tape,
    boxes: Operand,
    scores: Operand,
    idxs: Operand,
    iou_threshold: float | Operand,
) -> Decision:
    """NonMaxSuppression of each class that there is, then TopK."""
    if (refusal := _refusal(node, boxes, scores)) is not None:
        return refusal
    classes, _, numbers = tape.many("Unique", idxs, outputs=[True, False, True], sorted=1)
    zero, one = tape.const(0, "int64"), tape.const(1, "int64")
    each = tape.op("Range", zero, tape.op("Size", classes), one)
    theirs = tape.op("Equal", tape.op("Unsqueeze", each, tape.ints([1])), numbers)
    score = as_float32(tape, scores, scores.dtype)
    lowest = tape.const(np.full(1, -np.inf, np.float32))
    by_class = tape.op("Where", theirs, score, lowest)
    corners = ordered(tape, as_float32(tape, boxes, boxes.dtype))
    places = kept(tape, corners, by_class, as_threshold(tape, iou_threshold), above=lowest)
    nowhere = tape.op(
        "ConstantOfShape", tape.op("Shape", scores), value=np.full(1, -np.inf, np.float32)
    )
    found = tape.op("ScatterElements", nowhere, places, tape.op("Gather", score, places), axis=0)
    return tape.many("TopK", found, tape.op("Shape", places), outputs=2, axis=0)[1]


def _refusal(node: NodeView, boxes: Operand, scores: Operand) -> Refusal | None:
    for name, operand, rank in (("boxes", boxes, 2), ("scores", scores, 1)):
        if operand.rank not in (rank, None):
            return node.refuse(f"its {name} have rank {operand.rank}, not {rank}")
    return compared(node, boxes, scores)
