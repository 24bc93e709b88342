"""Why a region of a quantized model is off by more than its steps explain, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.divergence.blame.why import label
from pyonnxtool.divergence.compare import Array
from pyonnxtool.divergence.constants import constant
from pyonnxtool.divergence.quantized.noise import OPERANDS, Quantization, decibels
from pyonnxtool.divergence.quantized.numbers import (
    Steps,
    output_steps,
    read_otherwise,
)
from pyonnxtool.divergence.quantized.pairs import QuantizedAlignment
from pyonnxtool.divergence.quantized.weights import dequantized_constant
from pyonnxtool.divergence.watch import watch

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Node, Tensor
    from pyonnxtool.divergence.case import Case
    from pyonnxtool.divergence.sweep import Measured, Swept
    from pyonnxtool.report import Culprit

_BEYOND_ROUNDING = 3.0
"""Of the root mean square that rounding to the weight's steps makes."""
_FITS_DB = 20.0
"""What is left once the right cause is taken out."""
_SHARE = 1e-3
_FEW, _MANY = 3, 0.1
_BELOW_ZERO = 1.5
"""Steps below zero that are more than a rounded zero point."""
_SATURATES = "saturates"
_BIAS = {"Conv": 2, "ConvTranspose": 2, "Gemm": 2, "QLinearConv": 8, "QGemm": 6}


def main_node(nodes: Sequence[Node]) -> Node | None:
    """The sum of products among the nodes of a region."""
    return next((node for node in nodes if node.op_type in OPERANDS), None)


def reasons(
    quantization: Quantization,
    case: Case,
    measured: Measured,
    swept: Swept,
    partner: Node | None,
    differences: Sequence[str],
) -> list[tuple[Node, str]]:
    """Each reason with the node that it is about.

    `partner` is the reference's counterpart of the region's sum of products, and `differences`
    are what is not the same about the two.
    """
    nodes = quantization.region(measured.pair.candidate, swept)
    found: list[tuple[Node, str]] = []
    for node in nodes:
        if node.op_type in OPERANDS:
            found += _of_weights(quantization, case, node)
        found += _of_inputs(quantization.model, node)
    found += _of_range(quantization, case, measured)
    main = main_node(nodes)
    if main is None or partner is None:
        return found
    if _has_bias(partner) and not _has_bias(main):
        found.append((main, f"the bias {partner.input_names[_BIAS[partner.op_type]]!r} is missing"))
    if partner.op_type in main.op_type:  # Conv and QLinearConv have the same attributes
        same = partner.op_type == main.op_type
        found += [
            (main, text)
            for text in differences
            if text.startswith("attribute") and (same or "is not set" not in text)
        ]
    return found


def beyond_calibration(culprits: Sequence[Culprit], quantizers: int) -> str:
    """Many ranges that are too narrow at once tell of the inputs, not of the model."""
    cut = [culprit for culprit in culprits if is_saturation(culprit)]
    if len(cut) <= max(_FEW, _MANY * quantizers):
        return ""
    return (
        f"{len(cut)} of {quantizers} quantizers are given values far outside of their ranges "
        f"({cut[0].node}: {cut[0].why}); these inputs are not like those that the model was "
        "calibrated with: give real data with --inputs"
    )


def is_saturation(culprit: Culprit) -> bool:
    """Whether all that is wrong is the range."""
    return culprit.why.startswith(_SATURATES) and ";" not in culprit.why


# -- weights --------------------------------------------------------------------------------------


def _of_weights(quantization: Quantization, case: Case, node: Node) -> list[tuple[Node, str]]:
    model = quantization.model
    partners = float_weights(case)
    found = []
    for slot, name in enumerate(node.input_names):
        numbers = dequantized_constant(model, name) if name in partners else None
        if numbers is None:
            continue
        _, held = partners[name]
        ours = like(held.numpy().astype(np.float64), numbers)
        steps = quantization.weight_steps(node, slot)
        if ours is None or (steps is not None and _within(ours, numbers, steps)):
            continue
        maker = model.graph.value(name).producer
        told = _weight_text(name, ours, numbers, steps, integers_of(model, name))
        if told:
            found.append((maker or node, told))
    return found


def float_weights(case: Case) -> dict[str, tuple[str, Tensor]]:
    """What each weight of the candidate was quantized from, by its name: a name and the tensor.

    Weights that an optimization made are those of the optimized copy.
    """
    found = {}
    for ours, theirs in case.alignment.constants:
        held = constant(case.reference.model, ours)
        if held is not None and held.dtype.startswith(("float", "bfloat")):
            found[theirs] = (ours, held)
    if isinstance(case.alignment, QuantizedAlignment):
        found |= {theirs: (held.name, held) for theirs, held in case.alignment.folded.items()}
    return found


def like(ours: Array, numbers: Array) -> Array | None:
    """The reference's weight in the candidate's shape, which may be transposed."""
    if ours.shape == numbers.shape:
        return ours
    return ours.T if ours.T.shape == numbers.shape else None


def integers_of(model: Model, name: str) -> Array | None:
    """The integers behind a weight; None where they are computed or packed."""
    value = model.graph.value(name)
    source = value.producer.input_names[0] if value.producer is not None else name
    held = constant(model, source)
    return held.numpy() if held is not None and not held.dtype.startswith("float") else None


def _within(ours: Array, numbers: Array, steps: Steps) -> bool:
    error = float(np.sqrt(np.mean(np.square(numbers - ours))))
    return error <= _BEYOND_ROUNDING * float(np.sqrt(steps.square_error))


def _weight_text(
    name: str, ours: Array, numbers: Array, steps: Steps | None, integers: Array | None
) -> str:
    before = _sqnr(ours, numbers)
    if before >= _FITS_DB:
        return ""
    factor = float(np.vdot(ours, numbers) / (np.vdot(ours, ours) or 1.0))
    if _sqnr(factor * ours, numbers) >= _FITS_DB:
        return f"weight {name!r} is {factor:.3g} times the reference's: its scale is wrong"
    shift = float(np.mean(numbers - ours))
    if steps is not None and _sqnr(ours, numbers - shift) >= _FITS_DB:
        off = shift / float(np.mean(steps.scale))
        return f"weight {name!r} is shifted by {off:.3g} steps: its zero point is wrong"
    if steps is not None and integers is not None:
        told = _other_axis(name, ours, steps, integers) or _channels(name, ours, numbers, steps)
        if told:
            return told
    return f"weight {name!r} is quantized with SQNR {before:.1f} dB"


def _other_axis(name: str, ours: Array, steps: Steps, integers: Array) -> str:
    """Scales along an axis, read along another of the same length."""
    if steps.axis is None or steps.block:
        return ""
    for axis in range(integers.ndim):
        if axis == steps.axis % integers.ndim or integers.shape[axis] != steps.scale.size:
            continue
        moved = Steps(steps.scale, steps.zero, steps.dtype, axis)
        if _sqnr(ours, moved.dequantized(integers)) >= _FITS_DB:
            return (
                f"weight {name!r}: its scales belong to axis {axis}, "
                f"not to axis {steps.axis % integers.ndim}"
            )
    return ""


def _channels(name: str, ours: Array, numbers: Array, steps: Steps) -> str:
    """How many channels are off, where the others are right."""
    if steps.axis is None or steps.block:
        return ""
    axis = steps.axis % ours.ndim
    rows, theirs = (np.moveaxis(a, axis, 0).reshape(a.shape[axis], -1) for a in (ours, numbers))
    off = [i for i, (a, b) in enumerate(zip(rows, theirs, strict=True)) if _sqnr(a, b) < _FITS_DB]
    if not 0 < len(off) < len(rows):
        return ""
    return (
        f"weight {name!r} is off in {len(off)} of {len(rows)} channels, the first is {off[0]}: "
        "their scales or zero points are wrong"
    )


def _sqnr(ours: Array, theirs: Array) -> float:
    return decibels(float(np.sum(np.square(ours))), float(np.sum(np.square(ours - theirs))))


# -- activations ----------------------------------------------------------------------------------


def _of_inputs(model: Model, node: Node) -> list[tuple[Node, str]]:
    found = []
    for name, read, made in read_otherwise(model, node):
        maker = model.graph.value(name).producer
        place = label(maker) if maker is not None else name
        told = [
            f"{word} is {_first(theirs)} here and {_first(ours)} where {place!r} made it"
            for word, theirs, ours in (
                ("scale", read.scale, made.scale),
                ("zero point", read.zero, made.zero),
            )
            if not np.array_equal(theirs.reshape(-1), ours.reshape(-1))
        ]
        found.append((node, f"of the integers in {name!r} the {' and the '.join(told)}"))
    return found


def _of_range(quantization: Quantization, case: Case, measured: Measured) -> list[tuple[Node, str]]:
    """Values of the reference that lie outside of what the integers can stand for."""
    node = _quantizer(quantization, measured.pair.candidate)
    steps = output_steps(quantization.model, node) if node is not None else None
    if node is None or steps is None:
        return []
    stats = measured.accumulated.stats if measured.accumulated is not None else None
    low, high = bounds(steps)
    cut = stats is not None and stats.ref_min is not None and stats.ref_min >= 0.0
    if cut and steps.axis is None and low < -_BELOW_ZERO * float(steps.scale.max()):
        zero = steps.zero.reshape(-1)[0]
        told = f"its zero point is {zero} instead of {steps.low}: it lets numbers down to "
        return [(node, f"{told}{low:.4g} through, and the reference has none below zero")]
    ours = _reference_value(case, measured)
    share = clipped_share(ours, steps) if ours is not None else 0.0
    if ours is None or share < _SHARE:
        return []
    told = (
        f"{_SATURATES} {percent(share)} of the values: its integers reach from {low:.4g} to "
        f"{high:.4g}, the values from {np.min(ours):.4g} to {np.max(ours):.4g}"
    )
    return [(node, told)]


def _quantizer(quantization: Quantization, name: str) -> Node | None:
    """What made the integers that the value is, or that it was dequantized from."""
    node = quantization.model.graph.value(name).producer
    if node is not None and node.op_type == "DequantizeLinear":
        return quantization.model.graph.value(node.input_names[0]).producer
    return node


def clipped_share(values: Array, steps: Steps) -> float:
    """Share of the values that lie more than half a step outside of the integers' range."""
    low, high = bounds(steps)
    half = float(np.max(steps.scale)) / 2
    wide = values.astype(np.float64)
    with np.errstate(all="ignore"):
        outside = (wide < low - half) | (wide > high + half)
    return float(np.mean(outside)) if outside.size else 0.0


def bounds(steps: Steps) -> tuple[float, float]:
    """The smallest and the largest number that the integers stand for."""
    low = np.min((steps.low - steps.zero) * steps.scale)
    return float(low), float(np.max((steps.high - steps.zero) * steps.scale))


def percent(share: float) -> str:
    """`31 %`, `0.2 %`."""
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.2g} %"


def _reference_value(case: Case, measured: Measured) -> Array | None:
    name = measured.pair.reference
    sample = next(s for s in case.samples if s.number == measured.sample)
    if name in sample.reference:
        return sample.reference[name]
    case.reference.begin(sample.number, sample.reference)
    for group in watch(case.reference, sample.reference, [name], case.memory):
        found = group.get(name)
        return found if isinstance(found, np.ndarray) else None
    return None


def _has_bias(node: Node) -> bool:
    slot = _BIAS.get(node.op_type, len(node.input_names))
    return slot < len(node.input_names) and bool(node.input_names[slot])


def _first(numbers: Array) -> str:
    flat = numbers.reshape(-1)
    return f"{flat[0]:.4g}" + (" ..." if flat.size > 1 else "")
