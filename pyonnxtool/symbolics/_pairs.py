"""Two quantized tensors of 8 bits: what comes of each of the 65,536 pairs of their integers.

onnxruntime's kernels round in other places than DequantizeLinear, the operator and QuantizeLinear
do, which are what other runtimes look for. For most scales no pair tells the two apart; so all of
them are tried, in float32 as at run time, before a longer form is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand

    Floats: TypeAlias = NDArray[np.float32]

_OUT = 6
"""Place of the scale of the result. Each scale is followed by a zero point."""
_NEAR = 2e-3
"""Of a half: where rounding may tell two ways to compute a number apart."""
_ULPS = (0, 1, -1, 2, -2)
_STEP = 2.0**-17
_STEPS = sorted(range(-12, 13), key=abs)


@dataclass(frozen=True)
class Pairs:
    """Scales and zero points of both tensors and of what is made of them."""

    dtype: str
    places: tuple[int, int]
    """Of the first and the second tensor among the inputs."""
    scales: tuple[np.float32, np.float32, np.float32]
    zeros: tuple[np.float32, np.float32, np.float32]

    @classmethod
    def of(cls, node: NodeView, dtype: str, places: tuple[int, int]) -> Pairs | None:
        """Of the tensors at these places, each followed by a scale and a zero point.

        None where they are computed, or where there are too many integers to try.
        """
        numbers = [
            (_known(node.arg(scale)), _known(node.arg(scale + 1), 0.0))
            for scale in (places[0] + 1, places[1] + 1, _OUT)
        ]
        (a, za), (b, zb), (y, zy) = numbers
        if dtype not in ("int8", "uint8") or a is None or b is None or y is None:
            return None
        if za is None or zb is None or zy is None:
            return None
        return cls(dtype, places, (a, b, y), (za, zb, zy))

    @cached_property
    def integers(self) -> Floats:
        """All of the type, in order."""
        limits = np.iinfo(self.dtype)
        return np.arange(limits.min, limits.max + 1, dtype=np.float32)

    @property
    def left(self) -> Floats:
        """The first of each pair, above its zero point."""
        return (self.integers - self.zeros[0])[:, None]

    @property
    def right(self) -> Floats:
        """The second of each pair, above its zero point."""
        return (self.integers - self.zeros[1])[None]

    @property
    def ratios(self) -> tuple[np.float32, np.float32]:
        """Of the scales of both to that of the result."""
        a, b, y = self.scales
        return np.float32(a / y), np.float32(b / y)

    def rounded(self, values: Floats) -> Floats:
        """To integers of the type, halves to even."""
        return np.clip(np.rint(values), self.integers[0], self.integers[-1])

    def quantized(self, values: Floats) -> Floats:
        """As QuantizeLinear does it, which adds the zero point after it has rounded."""
        return self.rounded(np.rint(values / self.scales[2]) + self.zeros[2])

    def offset(self) -> Floats:
        """For each integer of the second tensor: what onnxruntime adds to the first one's share."""
        (ra, rb), (za, zb, zy) = self.ratios, self.zeros
        fixed = np.float32(zy - _fused(za, ra, np.float32(rb * zb)))
        return _fused(self.integers, rb, fixed)

    def sums(self) -> Floats:
        """What onnxruntime's QLinearAdd rounds, where multiplication and addition are fused."""
        return _fused(self.integers[:, None], self.ratios[0], self.offset()[None])

    def products(self) -> Floats:
        """What onnxruntime's QLinearMul rounds."""
        a, b, y = self.scales
        ratio = np.float32(np.float32(a * b) / y)
        return self.left * self.right * ratio + self.zeros[2]

    def in_units(self) -> tuple[np.float32, np.float32, np.float32] | None:
        """Two scales and a zero point with which plain sums are rounded as onnxruntime's are.

        They are the ratios and the zero point of the result, or differ from them in the last bits;
        None when no such numbers are found.
        """
        sums = self.sums()
        wanted = self.rounded(sums)
        rows, columns = np.nonzero(np.abs(np.abs(sums - np.rint(sums)) - 0.5) < _NEAR)
        left, right = self.left[rows, 0], self.right[0, columns]
        near = wanted[rows, columns]
        for a, b, zero in self._close():
            if not np.array_equal(self.rounded(left * a + right * b + zero), near):
                continue
            if np.array_equal(self.rounded(self.left * a + self.right * b + zero), wanted):
                return a, b, zero
        return None

    def _close(self) -> Iterator[tuple[np.float32, np.float32, np.float32]]:
        (ra, rb), zero = self.ratios, self.zeros[2]
        for step in _STEPS:
            moved = np.float32(zero + np.float32(step * _STEP))
            for more in _ULPS:
                for other in _ULPS:
                    yield _moved(ra, more), _moved(rb, other), moved


def _known(operand: Operand, omitted: float | None = None) -> np.float32 | None:
    if not operand:
        return None if omitted is None else np.float32(omitted)
    found = operand.const
    return None if found is None or found.size != 1 else np.float32(found.item())


def _moved(value: np.float32, ulps: int) -> np.float32:
    return np.float32(value + np.float32(ulps) * np.spacing(value))


def _fused(x: Floats | np.float32, factor: np.float32, added: Floats | np.float32) -> Floats:
    """`x * factor + added`, rounded once: the product of 8 and 24 bits is exact in float64."""
    product = np.asarray(x, np.float64) * np.float64(factor)
    return (product + np.asarray(added, np.float64)).astype(np.float32)
