"""When a difference counts: tolerances for final outputs, and what rounding can explain.

Everything here works on numbers that were already measured (`DiffStats`); nothing is run.
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyonnxtool.errors import UsageError

if TYPE_CHECKING:
    from pyonnxtool._core import DiffStats

EPS = {
    "float64": 2.0**-52,
    "float32": 2.0**-23,
    "float16": 2.0**-10,
    "bfloat16": 2.0**-7,
    "float8e4m3fn": 2.0**-3,
    "float8e4m3fnuz": 2.0**-3,
    "float8e5m2": 2.0**-2,
    "float8e5m2fnuz": 2.0**-2,
    "float8e8m0": 1.0,
    "float6e2m3": 2.0**-3,
    "float6e3m2": 2.0**-2,
    "float4e2m1": 2.0**-1,
    "complex64": 2.0**-23,
    "complex128": 2.0**-52,
}
"""Spacing of 1.0 in each floating dtype; a dtype that is not here is compared exactly."""

OUTPUT_RTOL = {"float64": 1e-10, "float32": 1e-5, "complex64": 1e-5, "complex128": 1e-10}
"""Relative to the output's scale. Narrower dtypes get 16 of their own spacings."""


def output_rtol(dtype: str) -> float:
    """Tolerance of a final output, relative to its largest magnitude; 0 for integers."""
    return OUTPUT_RTOL.get(dtype, 16 * EPS.get(dtype, 0.0))


@dataclass(frozen=True)
class Limit:
    """What one value may differ by. `None` means that the user did not say."""

    atol: float | None = None
    rtol: float | None = None
    ulp: float | None = None

    @property
    def given(self) -> bool:
        """Whether the user said anything."""
        return (self.atol, self.rtol, self.ulp) != (None, None, None)

    def absolute(self, scale: float) -> float:
        """Sum of atol and rtol * scale; `scale` is the largest finite |reference|."""
        return (self.atol or 0.0) + (self.rtol or 0.0) * scale

    def holds(self, stats: DiffStats) -> bool:
        """True when the pair is within atol + rtol * scale, or within `ulp` spacings."""
        if mismatched_non_finite(stats):
            return False
        if self.ulp is not None and stats.max_ulp <= self.ulp:
            return True
        return stats.max_abs <= self.absolute(stats.ref_abs_max)


@dataclass(frozen=True)
class Tolerances:
    """The user's --atol, --rtol and --ulp: pairs of a name pattern and a number; the last fits."""

    atol: tuple[tuple[str, float], ...] = ()
    rtol: tuple[tuple[str, float], ...] = ()
    ulp: tuple[tuple[str, float], ...] = ()

    @classmethod
    def parse(
        cls,
        atol: Sequence[str | float] | str | float | None = None,
        rtol: Sequence[str | float] | str | float | None = None,
        ulp: Sequence[str | float] | str | float | None = None,
    ) -> Tolerances:
        """From "[GLOB=]NUMBER" texts or plain numbers. Raises UsageError on anything else."""
        return cls(_parse("--atol", atol), _parse("--rtol", rtol), _parse("--ulp", ulp))

    def limit(self, value: str) -> Limit:
        """What was given for the value called `value`."""
        return Limit(_last(self.atol, value), _last(self.rtol, value), _last(self.ulp, value))

    def output_limit(self, value: str, dtype: str) -> Limit:
        """`limit`, with the dtype's own tolerance where nothing was given."""
        limit = self.limit(value)
        return limit if limit.given else Limit(rtol=output_rtol(dtype))

    def sentence(self, dtypes: Iterable[str]) -> str:
        """The rule for final outputs, for the report's header."""
        parts = [
            f"{option} {pattern + '=' if pattern != '*' else ''}{number:g}"
            for option, rules in (("atol", self.atol), ("rtol", self.rtol), ("ulp", self.ulp))
            for pattern, number in rules
        ]
        if parts:
            return ", ".join(parts) + " (rtol is relative to the output's scale)"
        rules = [
            f"{output_rtol(dtype):g} of the output's scale ({dtype})"
            if dtype in EPS
            else f"equal ({dtype})"
            for dtype in sorted(set(dtypes))
        ]
        return ", ".join(rules)


def _parse(
    option: str, given: Sequence[str | float] | str | float | None
) -> tuple[tuple[str, float], ...]:
    if given is None:
        return ()
    items = [given] if isinstance(given, str | float | int) else list(given)
    rules = []
    for item in items:
        pattern, _, number = str(item).rpartition("=")
        try:
            limit = float(number)
        except ValueError:
            limit = math.nan
        if not limit >= 0:
            raise UsageError(
                f"{option} {item!r} is not a number that is 0 or more, or GLOB=NUMBER; "
                f"for example {option} 1e-4 or {option} 'logits*=1e-3'"
            )
        rules.append((pattern or "*", limit))
    return tuple(rules)


def _last(rules: tuple[tuple[str, float], ...], value: str) -> float | None:
    found = [number for pattern, number in rules if fnmatch.fnmatchcase(value, pattern)]
    return found[-1] if found else None


def mismatched_non_finite(stats: DiffStats) -> int:
    """How many places hold a NaN or an infinity on one side that the other does not have."""
    return stats.nan_mismatch + stats.inf_mismatch


def rounding_bound(dtype: str, terms: float, scale: float) -> float:
    """Largest |difference| that rounding explains between two evaluations of one operator.

    `terms` is how many products or summands one output element adds up, `scale` the magnitude
    of the result or of what is summed, whichever is larger. Errors of a sum grow like the square
    root of its length when they are independent (Higham, Accuracy and Stability of Numerical
    Algorithms, 2nd ed., section 4.5, rule of thumb); 8 spacings are left for the elementary
    functions, which runtimes compute to a few units in the last place.
    """
    return EPS.get(dtype, 0.0) * (8.0 + 2.0 * math.sqrt(max(terms, 1.0))) * scale
