"""What quantization explains: how much noise each region of a quantized model may add.

Rounding to steps of `s` adds an error of mean square s^2 / 12 that is independent of the numbers
(Widrow, Kollar, Quantization Noise, 2008). Through a sum of K products of a and b, the errors of
both operands add up to K (E[a^2] s_b^2 + E[b^2] s_a^2) / 12. What a region adds beyond a few times
that is not rounding: a wrong scale or zero point, a range that cuts numbers off, another attribute.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool import _core
from pyonnxtool.divergence.compare import Comparison
from pyonnxtool.divergence.constants import constant
from pyonnxtool.divergence.quantized.numbers import (
    OUTPUT_SLOTS,
    QuantizedView,
    Steps,
    carried_steps,
    input_steps,
    output_steps,
    read_otherwise,
)
from pyonnxtool.divergence.quantized.weights import dequantized_constant

if TYPE_CHECKING:
    from pyonnxtool._core import DiffStats, Model, Node
    from pyonnxtool.divergence.probe import Feeds
    from pyonnxtool.divergence.sweep import Measured, Swept

OPERANDS = {
    **dict.fromkeys(("Conv", "MatMul", "Gemm", "ConvTranspose"), (0, 1)),
    **dict.fromkeys(("MatMulInteger", "ConvInteger", "MatMulIntegerToFloat"), (0, 1)),
    **dict.fromkeys(("DynamicQuantizeMatMul", "MatMulNBits", "FusedMatMul"), (0, 1)),
    **dict.fromkeys(("QLinearConv", "QLinearMatMul", "QGemm"), (0, 3)),
}
"""Operators that sum products, and where they read the two factors."""

_QUANTIZERS = ("QuantizeLinear", "DynamicQuantizeLinear", "DequantizeLinear")
_TIMES = 4.0
"""An error of so many times the root mean square that the steps explain is suspicious."""
_INAUDIBLE_DB = 35.0
"""Eight good bits leave no more noise than this: what adds less is not to blame."""
_FEW_BEYOND_DB = 25.0
"""A range that cuts off a few outliers only, as calibration by percentiles does on purpose."""
_SLACK = 4.0
"""More room, as mean square, where errors go through operators that may amplify them."""
_DYNAMIC_STEPS = 255


@dataclass(frozen=True)
class Factor:
    """One operand of a sum of products: its mean square, and that of its rounding error."""

    power: float
    noise: float
    shape: tuple[int, ...]


class Quantization:
    """Knows of each region of the candidate how much noise its steps explain."""

    def __init__(self, candidate: Model, feeds: Feeds, reference: Model | None = None) -> None:
        self.model, self._graph, self._feeds = candidate, candidate.graph, feeds
        self._reference = reference
        self._weights: dict[tuple[int, int], Factor | None] = {}

    @property
    def quantizers(self) -> int:
        """How many nodes give integers."""
        makers = (*OUTPUT_SLOTS, "DynamicQuantizeLinear")
        return sum(node.op_type in makers for node in self._graph.nodes)

    def excess(self, measured: Measured, swept: Swept) -> float | None:
        """What the region adds, over what is let pass. None where it quantizes nothing."""
        found = measured.introduced
        if found is None or found.stats is None or found.stats.compared == 0:
            return None
        expected = self.expected(measured, swept)
        error, power = _mean_square(found.stats)
        if found.stats.nan_mismatch or found.stats.inf_mismatch:
            return None
        if expected is None:
            small = decibels(power, error) >= _INAUDIBLE_DB
            return 1.0 if small and self._reference_rounds(measured, swept) else None
        told = math.sqrt(error / expected) / _TIMES if expected else math.inf
        nodes = self.region(measured.pair.candidate, swept)
        if any(read_otherwise(self.model, node) for node in nodes):
            return told
        only_range = not any(node.op_type in OPERANDS for node in nodes)
        quiet = _FEW_BEYOND_DB if only_range else _INAUDIBLE_DB
        return min(told, 1.0) if decibels(power, error) >= quiet else told

    def _reference_rounds(self, measured: Measured, swept: Swept) -> bool:
        """Whether it is the reference that quantizes there, and not the candidate."""
        if self._reference is None:
            return False
        names = [other.pair.reference for other in swept.values.values()]
        ids = _core.region(self._reference, names, [measured.pair.reference], True)
        return any(
            self._reference.graph.node(id).op_type in (*_QUANTIZERS, *OUTPUT_SLOTS) for id in ids
        )

    def largest(self, measured: Measured, swept: Swept) -> float | None:
        """The largest |difference| that is let pass, had the error the same distribution."""
        excess = self.excess(measured, swept)
        found = measured.introduced
        if excess is None or found is None or found.stats is None:
            return None
        return float(found.stats.max_abs) / excess if excess else math.inf

    def expected(self, measured: Measured, swept: Swept) -> float | None:
        """Mean square of the error that the steps in the value's region explain."""
        nodes = self.region(measured.pair.candidate, swept)
        view = measured.pair.view
        steps = [view.steps] if isinstance(view, QuantizedView) else []
        noise = sum(one.square_error for one in steps)
        quantizes = bool(steps)
        sums = [node for node in nodes if node.op_type in OPERANDS]
        found = measured.introduced
        assert found is not None
        assert found.stats is not None
        _, power = _mean_square(found.stats)
        for node in nodes:
            told = self._own_noise(node, swept, bool(sums), power)
            noise += told or 0.0
            quantizes |= told is not None
        plain = _is_plain(nodes)
        for node in sums:
            told = self._sum_noise(node, swept, power, alone=plain and len(sums) == 1)
            quantizes |= bool(told)
            noise += told or 0.0
        if not quantizes:
            return None
        return noise if plain else noise * _SLACK

    def region(self, name: str, swept: Swept) -> list[Node]:
        """Nodes between the value and the compared values before it."""
        ids = _core.region(self.model, list(swept.values), [name], True)
        return [self._graph.node(id) for id in ids]

    def steps_of(self, name: str) -> Steps | None:
        """Steps of what makes the value, where that is a quantizer or works on integers."""
        node = self._graph.value(name).producer
        if node is None:
            return None
        if node.op_type == "DequantizeLinear":
            return input_steps(self.model, node, 0)
        return output_steps(self.model, node)

    # -- noise ------------------------------------------------------------------------------------

    def _own_noise(self, node: Node, swept: Swept, summed: bool, power: float) -> float | None:
        """Of quantizers, and of operators on integers that sum no products; None for others."""
        if node.op_type not in _QUANTIZERS:
            return self._integer_noise(node, swept, power)
        if summed:  # its noise goes through the sum
            return None if constant(self.model, node.input_names[0]) is not None else 0.0
        if node.op_type == "DynamicQuantizeLinear":
            return self._dynamic(node.input_names[0], swept)
        maker = self._graph.value(node.input_names[0]).producer
        steps = self.steps_of(node.output_names[0])
        rounded = maker is not None and maker.op_type == "QuantizeLinear"
        return steps.square_error if steps is not None and not rounded else 0.0

    def _integer_noise(self, node: Node, swept: Swept, power: float) -> float | None:
        """`power`: mean square of what the node makes."""
        if node.op_type in OPERANDS or output_steps(self.model, node) is None:
            return None
        if node.op_type == "QLinearMul":
            first, second = self.factor(node, 0, swept), self.factor(node, 3, swept)
            if first is None or second is None:
                return None
            return first.power * second.noise + second.power * first.noise
        steps = [input_steps(self.model, node, slot) for slot in range(len(node.input_names))]
        noise = sum(one.square_error for one in steps if one is not None)
        # Each probability changes by its own size at most: y (1 - y) dx.
        return noise * power if node.op_type == "QLinearSoftmax" else noise

    def _sum_noise(self, node: Node, swept: Swept, power: float, *, alone: bool) -> float | None:
        first, second = (self.factor(node, slot, swept) for slot in OPERANDS[node.op_type])
        if first is None or second is None:
            return None
        ratio = first.noise / (first.power or 1.0) + second.noise / (second.power or 1.0)
        if not alone or not first.shape or not second.shape:
            return ratio * power
        is_conv = "Conv" in node.op_type
        terms = math.prod(second.shape[1:]) if is_conv else first.shape[-1]
        return terms * (first.power * second.noise + second.power * first.noise)

    def factor(self, node: Node, slot: int, swept: Swept) -> Factor | None:
        """An operand, seen through what hands it on."""
        if slot >= len(node.input_names):
            return None
        weight = self._weight(node, slot)
        return weight if weight is not None else self._activation(node.input_names[slot], swept)

    def _activation(self, name: str, swept: Swept) -> Factor | None:
        noise = 0.0
        while name not in swept.values:
            node = self._graph.value(name).producer
            if node is None or not node.input_names:
                break
            source = node.input_names[0]
            if node.op_type == "QuantizeLinear":
                steps = output_steps(self.model, node)
                noise += steps.square_error if steps is not None else 0.0
            elif node.op_type == "DynamicQuantizeLinear":
                noise += self._dynamic(source, swept)
            name = source
        found = swept.values.get(name)
        view = found.pair.view if found is not None else None
        if isinstance(view, QuantizedView):
            noise += view.steps.square_error
        if found is not None and found.accumulated is not None:
            stats = found.accumulated.stats
            if stats is None:
                return None
            return Factor(_mean_square(stats)[1], noise, found.accumulated.shape)
        fed = self._feeds.get(name)
        if fed is None:
            return None
        return Factor(float(np.mean(np.square(fed, dtype=np.float64))), noise, fed.shape)

    def _dynamic(self, name: str, swept: Swept) -> float:
        """DynamicQuantizeLinear cuts the range, with zero in it, into 255 steps."""
        found = swept.values.get(name)
        if found is None or found.accumulated is None or found.accumulated.stats is None:
            fed = self._feeds.get(name)
            low, high = (float(fed.min()), float(fed.max())) if fed is not None else (0.0, 0.0)
        else:
            low = found.accumulated.stats.ref_min or 0.0
            high = found.accumulated.stats.ref_max or 0.0
        return ((max(high, 0.0) - min(low, 0.0)) / _DYNAMIC_STEPS) ** 2 / 12

    def _weight(self, node: Node, slot: int) -> Factor | None:
        key = (node.id, slot)
        if key not in self._weights:
            self._weights[key] = self._read_weight(node, slot)
        return self._weights[key]

    def _read_weight(self, node: Node, slot: int) -> Factor | None:
        name = node.input_names[slot]
        numbers = dequantized_constant(self.model, name)
        if numbers is None:
            held = constant(self.model, name)
            if held is None:
                return None
            plain = held.numpy().astype(np.float64)
            return Factor(float(np.mean(np.square(plain))), 0.0, plain.shape)
        steps = self.weight_steps(node, slot)
        noise = steps.square_error if steps is not None else 0.0
        return Factor(float(np.mean(np.square(numbers))), noise, numbers.shape)

    def weight_steps(self, node: Node, slot: int) -> Steps | None:
        """Steps of a quantized weight that the node reads."""
        maker = self._graph.value(node.input_names[slot]).producer
        if maker is not None and maker.op_type == "DequantizeLinear":
            return input_steps(self.model, maker, 0)
        if node.op_type == "Gather":
            return carried_steps(self.model, node.output_names[0])
        if node.op_type == "MatMulNBits":
            scale = constant(self.model, node.input_names[2])
            zeros = np.zeros(1, np.int64)
            return Steps(scale.numpy().astype(np.float64), zeros, "uint4") if scale else None
        return input_steps(self.model, node, slot)


def decibels(power: float, error: float) -> float:
    """Signal to noise; infinite without noise."""
    if error == 0.0:
        return math.inf
    return 10 * math.log10(power / error) if power > 0.0 else -math.inf


def introduced_db(found: Comparison | None) -> float | None:
    """Signal to noise ratio of one comparison."""
    if found is None or found.stats is None or found.stats.compared == 0:
        return None
    error, power = _mean_square(found.stats)
    return decibels(power, error)


def signal_power(measured: Measured) -> float:
    """Mean square of what the reference has there."""
    found = measured.introduced
    return _mean_square(found.stats)[1] if found is not None and found.stats is not None else 0.0


def _mean_square(stats: DiffStats) -> tuple[float, float]:
    """Of the difference, and of the reference."""
    count = max(stats.compared, 1)
    return stats.sum_sq / count, stats.ref_sq / count


_PLAIN = frozenset(
    [
        *("Add", "Sub", "Sum", "Concat", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze"),
        *("Identity", "Cast", "Relu", "Clip", "MaxPool", "AveragePool", "GlobalAveragePool"),
        *("GlobalMaxPool", "ReduceMean", "Gather", "Slice", "Split", "Pad", "Expand", "Mul"),
        *("QLinearAdd", "QLinearConcat", "QLinearAveragePool", "QLinearGlobalAveragePool"),
        *("Constant", "Shape"),
    ]
)


def _is_plain(nodes: list[Node]) -> bool:
    """Sums of products, and what amplifies no error. Mul is only the scale of integer sums."""
    return all(
        node.op_type in _PLAIN or node.op_type in OPERANDS or node.op_type in _QUANTIZERS
        for node in nodes
    )
