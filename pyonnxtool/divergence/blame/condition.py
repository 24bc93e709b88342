"""How much a region amplifies the rounding of what it is given: its condition, estimated."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from pyonnxtool.divergence.compare import Array, compare
from pyonnxtool.verdict import EPS, mismatched_non_finite

ILL = 100.0
"""A region is called ill-conditioned from here: two digits of what it is given are lost."""

_TRIALS = 3
_SMALLEST = 2.0**-27
"""Relative size of a perturbation below which float64's own rounding would show."""
_PATIENCE = 2.0
"""Seconds that one estimate may take; at least one perturbation is tried."""


@dataclass(frozen=True)
class Condition:
    """`number` is `change` over `size`, both relative."""

    number: float
    size: float
    """Relative perturbation of the inputs."""
    change: float
    """Largest change of the output that it made, relative to the output's scale."""

    @property
    def ill(self) -> bool:
        """Whether it is bad enough to be told."""
        return self.number >= ILL

    def sentence(self) -> str:
        """For people: "ill-conditioned: inputs perturbed by 1.2e-07 change the output by ..."."""
        word = "ill-conditioned" if self.ill else "well-conditioned"
        return (
            f"{word}: inputs perturbed by {self.size:.2g} change the output by {self.change:.2g}; "
            f"condition about {self.number:.2g}"
        )


def estimate_condition(
    function: Callable[[Mapping[str, Array]], Array], inputs: Mapping[str, Array], dtype: str
) -> Condition | None:
    """The condition of `function` (float64) at `inputs`, for values that are kept in `dtype`.

    A backward stable evaluation errs by about the condition times the dtype's spacing. With
    f the function, x its floating inputs and e the size of a perturbation,

        condition = max over k of  |f(x (1 + e s_k)) - f(x)|_max / (e |f(x)|_max)

    where each s_k holds independent signs, one per element. e is the spacing of `dtype` (but
    2^-27 at least), so that what is measured is what rounding the inputs really does, steps and
    branches included. Source: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed.,
    section 1.6 (condition as relative change of the output over that of the input, componentwise
    in the input); random perturbations for the maximum: Kenney and Laub, Small-sample statistical
    condition estimates for general matrix functions, SIAM J. Sci. Comput. 15 (1994).

    It is an estimate from below. None where no input is a float, and where the output is no
    finite float or does not stay one.
    """
    floats = [name for name, value in inputs.items() if value.dtype.name in EPS]
    if not floats or dtype not in EPS:
        return None
    started = time.monotonic()
    wide = {**inputs, **{name: inputs[name].astype(np.float64) for name in floats}}
    truth = function(wide)
    if truth.dtype.kind != "f" or not np.isfinite(truth).all() or not truth.any():
        return None
    size = max(EPS[dtype], _SMALLEST)
    rng = np.random.default_rng(0)
    change = 0.0
    for _ in range(_TRIALS):
        moved = {
            name: wide[name] * (1.0 + size * rng.choice((-1.0, 1.0), wide[name].shape))
            for name in floats
        }
        other = function({**wide, **moved})
        if other.shape != truth.shape:
            return None
        found = compare(truth, other).judged
        if found is None or mismatched_non_finite(found):
            return None
        change = max(change, float(found.max_abs) / (found.ref_abs_max or math.inf))
        if time.monotonic() - started > _PATIENCE:
            break
    return Condition(change / size, size, change)
