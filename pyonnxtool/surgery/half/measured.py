"""Values that pass what float16 holds when the model runs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.agreement import side_of
from pyonnxtool.divergence.case import feeds_of, parse_memory
from pyonnxtool.divergence.numbers.ranges_simulated import Rounded, Tried
from pyonnxtool.divergence.watch import produced, watch
from pyonnxtool.errors import PyonnxtoolError
from pyonnxtool.feeds.sizes import resolve_shapes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool._core import Model
    from pyonnxtool.proof import Check

LARGEST = 65504.0
LEAST_FILL = 1e9
"""A number from here on only has to be large; so has a negative one beyond float16: a mask."""


def passes_half(floats: NDArray[Any]) -> bool:
    """Whether it has finite numbers beyond float16 that are more than the fill of a mask."""
    largest = float(floats.max(initial=0.0))
    if largest <= LARGEST and float(floats.min(initial=0.0)) >= -LARGEST:
        return False
    over = floats[np.isfinite(floats) & (np.abs(floats) > LARGEST)]
    return bool(((over > 0) & (over < LEAST_FILL)).any() or _spread(over[over < 0]))


def _spread(below: NDArray[Any]) -> bool:
    """Whether negative numbers are of many sizes, as those of a mask are not."""
    return bool(below.size and below.max() - below.min() > 0.5 * -below.min())


class Measured:
    """The float32 model on the inputs that it is checked on; nothing runs without samples.

    Raises BackendError where it does not run.
    """

    def __init__(self, model: Model, check: Check) -> None:
        self._check = check
        self._feeds = []
        if check.samples:
            shapes = resolve_shapes(model, {}, {}) if check.inputs is None else None
            self._feeds = feeds_of(model, check.inputs, check.samples, check.seed, shapes, None)
            self._side, _ = side_of("the original model", model, check)

    def large(self) -> frozenset[str]:
        """Values of the main graph that pass float16."""
        found: set[str] = set()
        for number, feeds in enumerate(self._feeds):
            self._tell("measuring values", number)
            names = produced(self._side)
            for group in watch(self._side, feeds, names, parse_memory(self._check.memory)):
                found |= {name for name, made in group.items() if _is_large(made)}
        return frozenset(found)

    def rounded(self, names: set[str]) -> float | None:
        """How far outputs are off, of their scale, when these values are rounded to float16.

        A runtime without kernels for float16 rounds few of them. None where nothing can be said.
        """
        if not self._feeds or not names:
            return None
        self._tell("rounding values", 0)
        try:
            with Rounded(Tried(self._side, self._feeds[:1], "float16", names), []) as model:
                error = model.error(set())
        except PyonnxtoolError:
            return None
        return error if math.isfinite(error) else None

    def close(self) -> None:
        """Close the session."""
        if self._feeds:
            self._side.close()

    def _tell(self, what: str, number: int) -> None:
        if self._check.progress is not None:
            self._check.progress(what, number, len(self._feeds))


def _is_large(made: object) -> bool:
    return isinstance(made, np.ndarray) and made.dtype == np.float32 and passes_half(made)
