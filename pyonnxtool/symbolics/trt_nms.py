"""Non-maximum suppression as TensorRT's plugins do it, with as many detections for each image.

Their kernels say what is compared how: https://github.com/NVIDIA/TensorRT/tree/main/plugin
(efficientNMSPlugin, batchedNMSPlugin, common/kernels).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.rewriting.open_sizes import Sizes
from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._overlap import as_float32, compared, just_below
from pyonnxtool.symbolics._signature import signature

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.open_sizes import Size
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_MOST_COMPARED = 4096
"""Candidates of an image that EfficientNMS looks at: those of the highest scores."""
_LOWEST = np.float32(-np.inf)
_LOW_LOGIT = -(2.0**15)
"""What EfficientNMS takes for the logit of a threshold that is not above zero."""


@dataclass(frozen=True)
class _Candidates:
    """Boxes of each image and class that are compared, and which of them are the same."""

    tape: Tape
    sizes: Sizes
    images: Size
    classes: Size
    count: Size
    """Of boxes of an image, which each class has."""
    boxes: str
    """[images, count, 4], or [images, classes * count, 4] where each class has its own."""
    scores: str
    """[images, classes, count]."""
    own_boxes: bool

    def selected(self, limit: int, overlap: np.float32, above: np.float32) -> tuple[str, str]:
        """Scores of the best, [images, limit], -inf where there are no more, and their places.

        A place is class * count + box.
        """
        tape, sizes = self.tape, self.sizes
        boxes, scores = self.boxes, self.scores
        if self.own_boxes:
            boxes = tape.op("Reshape", boxes, sizes.joined([-1, self.count, 4]))
            scores = tape.op("Reshape", scores, sizes.joined([-1, 1, self.count]))
        thresholds = [tape.const(np.full(1, one, np.float32)) for one in (overlap, above)]
        found = tape.op("NonMaxSuppression", boxes, scores, tape.ints([limit]), *thresholds)
        values = tape.op("GatherND", scores, found)
        image, number, box = tape.many("Split", found, outputs=3, axis=1, num_outputs=3)
        if self.own_boxes:
            many = sizes.tensor(self.classes)
            number = tape.op("Mod", image, many)
            image = tape.op("Div", image, many)
        place = tape.op("Add", tape.op("Mul", number, sizes.tensor(self.count)), box)
        every = sizes.sum(sizes.product([self.classes, self.count]), limit)
        empty = tape.op("Expand", tape.const(_LOWEST), sizes.joined([self.images, every]))
        where = tape.op("Concat", image, place, axis=1)
        scattered = tape.op("ScatterND", empty, where, values)
        best, places = tape.many("TopK", scattered, tape.ints([limit]), outputs=2, axis=1)
        return best, places


@SYMBOLICS.add("ai.onnx::EfficientNMS_TRT")
@SYMBOLICS.add("TRT::EfficientNMS_TRT")
@signature(
    "Tensor boxes, Tensor scores, Tensor? anchors, float score_threshold, float iou_threshold, "
    "int max_output_boxes, int background_class, bool score_activation, bool class_agnostic, "
    "int box_coding"
)
def efficient_nms(
    node: NodeView,
    tape: Tape,
    boxes: Operand,
    scores: Operand,
    anchors: Operand,
    score_threshold: float,
    iou_threshold: float,
    max_output_boxes: int,
    background_class: int = -1,
    score_activation: bool = False,
    class_agnostic: bool = False,
    box_coding: int = 0,
) -> Decision:
    """NonMaxSuppression, then TopK of all classes."""
    if (refusal := _unfit(node, boxes, scores, iou_threshold, max_output_boxes)) is not None:
        return refusal
    if anchors:
        return node.refuse("it decodes boxes by anchors; decode them before it")
    if boxes.rank == 4 and class_agnostic:
        return node.refuse("it compares the boxes that each class has with those of others")
    sizes = Sizes(tape)
    given = as_float32(tape, boxes, boxes.dtype)
    given = given if box_coding == 0 else _corners(tape, given)
    rated = as_float32(tape, scores, scores.dtype)
    images, count, classes = sizes.of(scores, 0), sizes.of(scores, 1), sizes.of(scores, 2)
    rated = _without(tape, sizes, rated, classes, background_class, 2)
    rated = _best_of_all(tape, sizes, rated, sizes.product([count, classes]))
    own = boxes.rank == 4
    if own:
        given = tape.op("Transpose", given, perm=[0, 2, 1, 3])
        given = tape.op(
            "Reshape", given, sizes.joined([images, sizes.product([classes, count]), 4])
        )
    rated = tape.op("Transpose", rated, perm=[0, 2, 1])
    kinds = classes
    if class_agnostic:  # every box of every class, in one
        every = sizes.product([classes, count])
        shape = sizes.joined([1, classes, 1, 1])
        spread = tape.op("Expand", tape.op("Unsqueeze", given, tape.ints([1])), shape)
        given = tape.op("Reshape", spread, sizes.joined([images, every, 4]))
        rated = tape.op("Reshape", rated, sizes.joined([images, 1, every]))
        kinds, held = 1, every
    else:
        held = count
    candidates = _Candidates(tape, sizes, images, kinds, held, given, rated, own)
    threshold = score_threshold
    if score_activation:
        threshold = _logit(threshold)
    found, place = candidates.selected(
        max_output_boxes, just_below(iou_threshold), just_below(threshold)
    )
    there = tape.op("Greater", found, tape.const(_LOWEST))
    number = tape.op("Div", place, sizes.tensor(count))
    row = place if own or class_agnostic else tape.op("Mod", place, sizes.tensor(count))
    shown = tape.op("Sigmoid", found) if score_activation else found
    return _told(tape, there, (given, row, shown, number), (boxes, scores), "int32", 0)


@SYMBOLICS.add("ai.onnx::BatchedNMS_TRT")
@SYMBOLICS.add("TRT::BatchedNMS_TRT")
@SYMBOLICS.add("ai.onnx::BatchedNMSDynamic_TRT")
@SYMBOLICS.add("TRT::BatchedNMSDynamic_TRT")
@signature(
    "Tensor boxes, Tensor scores, bool shared|shareLocation, int background|backgroundLabelId, "
    "int classes|numClasses, int most|topK, int keep|keepTopK, float score|scoreThreshold, "
    "float overlap|iouThreshold, bool normalized|isNormalized, bool clipped|clipBoxes, "
    "int bits|scoreBits, bool caffe|caffeSemantics"
)
def batched_nms(
    node: NodeView,
    tape: Tape,
    boxes: Operand,
    scores: Operand,
    keep: int,
    score: float,
    overlap: float,
    most: int = -1,
    shared: bool = True,
    background: int = -1,
    classes: int = -1,
    normalized: bool = True,
    clipped: bool = True,
    bits: int = 16,
    caffe: bool = True,
) -> Decision:
    """NonMaxSuppression of each class, then TopK of all."""
    if not normalized and not caffe:
        return node.refuse("its boxes have a pixel more than what they share")
    how = _Batched(keep, most, score, overlap, background)
    found = how.found(node, tape, boxes, scores, wider=not normalized, own=not shared)
    if not isinstance(found, tuple):
        return found
    there, (given, row, rating, number) = found
    if clipped:
        given = tape.op("Clip", given, tape.const(0.0, "float32"), tape.const(1.0, "float32"))
    return _told(tape, there, (given, row, rating, number), (boxes, boxes), boxes.dtype or "", -1)


@SYMBOLICS.add("mmdeploy::TRTBatchedNMS")
@signature(
    "Tensor boxes, Tensor scores, int background_label_id, int num_classes, int topk, "
    "int keep_topk, float score_threshold, float iou_threshold, bool is_normalized, "
    "bool clip_boxes, bool return_index"
)
def mmdeploy_batched_nms(
    node: NodeView,
    tape: Tape,
    boxes: Operand,
    scores: Operand,
    keep_topk: int,
    score_threshold: float,
    iou_threshold: float,
    topk: int = -1,
    background_label_id: int = -1,
    num_classes: int = -1,
    is_normalized: bool = True,
    clip_boxes: bool = True,
    return_index: bool = False,
) -> Decision:
    """NonMaxSuppression of each class, then TopK of all."""
    how = _Batched(keep_topk, topk, score_threshold, iou_threshold, background_label_id)
    found = how.found(node, tape, boxes, scores, wider=not is_normalized)
    if not isinstance(found, tuple):
        return found
    if return_index and node.out(2):
        return node.refuse("its third output, where the boxes were, has no symbolic")
    there, parts = found
    _, corners, rating, labels = _told(tape, there, parts, (boxes, boxes), "int32", -1)
    if clip_boxes:
        bounds = tape.const(0.0, boxes.dtype), tape.const(1.0, boxes.dtype)
        corners = tape.op("Clip", corners, *bounds)
    column = tape.op("Unsqueeze", rating, tape.ints([2]))
    return [tape.op("Concat", corners, column, axis=2), labels]


@dataclass(frozen=True)
class _Batched:
    """What the plugins of batched suppression are told."""

    keep: int
    most: int
    """Of each class, before anything is suppressed; all of them where it is not positive."""
    score: float
    overlap: float
    background: int

    def found(
        self,
        node: NodeView,
        tape: Tape,
        boxes: Operand,
        scores: Operand,
        *,
        wider: bool,
        own: bool | None = None,
    ) -> tuple[str, tuple[str, str, str, str]] | Refusal:
        """Whether there is one, and boxes, their rows in these, scores and classes."""
        if (refusal := _unfit(node, boxes, scores, self.overlap, self.keep)) is not None:
            return refusal
        each = boxes.shape[2] if boxes.shape is not None and boxes.rank == 4 else None
        own = own if each is None else each != 1
        if boxes.rank != 4 or own is None:
            return node.refuse_dynamic("whether each class has its own boxes")
        sizes = Sizes(tape)
        images, count, classes = sizes.of(scores, 0), sizes.of(scores, 1), sizes.of(scores, 2)
        rated = as_float32(tape, scores, scores.dtype)
        rated = tape.op("Transpose", rated, perm=[0, 2, 1])
        rated = _without(tape, sizes, rated, classes, self.background, 1)
        rated = _best_of_each(tape, sizes, rated, count, self.most)
        given = as_float32(tape, boxes, boxes.dtype)
        given = tape.op("Transpose", given, perm=[0, 2, 1, 3])
        rows = sizes.product([classes, count]) if own else count
        given = tape.op("Reshape", given, sizes.joined([images, rows, 4]))
        grown = given
        if wider:
            ends = tape.many("Split", given, outputs=2, axis=-1, num_outputs=2)
            last = tape.op("Add", tape.op("Max", *ends), tape.const(1.0, "float32"))
            grown = tape.op("Concat", tape.op("Min", *ends), last, axis=-1)
        candidates = _Candidates(tape, sizes, images, classes, count, grown, rated, own)
        above, overlap = np.float32(self.score), np.float32(self.overlap)
        found, place = candidates.selected(self.keep, overlap, above)
        there = tape.op("Greater", found, tape.const(_LOWEST))
        number = tape.op("Div", place, sizes.tensor(count))
        row = place if own else tape.op("Mod", place, sizes.tensor(count))
        return there, (given, row, found, number)


def _told(
    tape: Tape,
    there: str,
    parts: tuple[str, str, str, str],
    like: tuple[Operand, Operand],
    classes: str,
    nothing: int,
) -> list[str]:
    """How many there are, [images, 1], boxes, scores and classes; where none is, zeros and this."""
    boxes, row, rating, number = parts
    count = tape.op("ReduceSum", tape.cast(there, "int32"), tape.ints([1]), keepdims=1)
    zero = tape.const(0, "int64")
    row = tape.op("Unsqueeze", tape.op("Where", there, row, zero), tape.ints([2]))
    corners = tape.op("GatherND", boxes, row, batch_dims=1)
    each = tape.op("Unsqueeze", there, tape.ints([2]))
    corners = tape.op("Where", each, corners, tape.const(0.0, "float32"))
    rating = tape.op("Where", there, rating, tape.const(0.0, "float32"))
    number = tape.op("Where", there, number, tape.const(nothing, "int64"))
    cast = [
        one if operand.dtype == "float32" else tape.cast(one, operand.dtype or "float32")
        for one, operand in zip((corners, rating), like, strict=True)
    ]
    return [count, *cast, tape.cast(number, classes)]


def _without(
    tape: Tape, sizes: Sizes, scores: str, classes: Size, background: int, axis: int
) -> str:
    """Scores of which those of the background never count."""
    if background < 0:
        return scores
    number = sizes.iota_along(classes, axis, 3)
    behind = tape.op("Equal", number, tape.const(background, "int64"))
    return tape.op("Where", behind, tape.const(_LOWEST), scores)


def _best_of_each(tape: Tape, sizes: Sizes, scores: str, count: Size, most: int) -> str:
    """Scores of [images, classes, count], of which only the best of each class count."""
    if most <= 0 or (isinstance(count, int) and count <= most):
        return scores
    some: Size = most
    if isinstance(count, str):
        some = tape.op("Min", count, tape.ints([most]))
    return _kept(tape, scores, sizes.tensor(some), 2)


def _best_of_all(tape: Tape, sizes: Sizes, scores: str, every: Size) -> str:
    """Scores of [images, count, classes], of which only the best of each image count."""
    if isinstance(every, int) and every <= _MOST_COMPARED:
        return scores
    some: Size = _MOST_COMPARED
    if isinstance(every, str):
        some = tape.op("Min", every, tape.ints([_MOST_COMPARED]))
    flat = tape.op("Flatten", scores, axis=1)
    return tape.op("Reshape", _kept(tape, flat, sizes.tensor(some), 1), tape.op("Shape", scores))


def _kept(tape: Tape, scores: str, count: str, axis: int) -> str:
    values, places = tape.many("TopK", scores, count, outputs=2, axis=axis)
    nothing = tape.op("Expand", tape.const(_LOWEST), tape.op("Shape", scores))
    return tape.op("ScatterElements", nothing, places, values, axis=axis)


def _corners(tape: Tape, boxes: str) -> str:
    """Of (x, y, width, height) around a centre."""
    centre, size = tape.many("Split", boxes, outputs=2, axis=-1, num_outputs=2)
    half = tape.op("Mul", size, tape.const(0.5, "float32"))
    ends = tape.op("Sub", centre, half), tape.op("Add", centre, half)
    return tape.op("Concat", *ends, axis=-1)


def _logit(threshold: float) -> float:
    """Of the score whose sigmoid is compared."""
    if threshold <= 0:
        return _LOW_LOGIT
    return math.inf if threshold >= 1 else math.log(threshold / (1 - threshold))


def _unfit(
    node: NodeView, boxes: Operand, scores: Operand, overlap: float, limit: int
) -> Refusal | None:
    for name, operand, ranks in (("boxes", boxes, (3, 4)), ("scores", scores, (3,))):
        if operand.rank not in ranks:
            return node.refuse(f"its {name} have rank {operand.rank}")
    if not 0 < overlap <= 1:
        return node.refuse(f"an overlap of {overlap} is not above 0 and up to 1")
    if limit < 1:
        return node.refuse(f"it makes {limit} detections")
    return compared(node, boxes, scores)
