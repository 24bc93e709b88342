"""Whether the final outputs of two models agree, as the verdict has it.

Fingerprints are too coarse to tell: a weight that is off by a thousandth may hide in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyonnxtool.divergence.compare import compare
from pyonnxtool.verdict import Tolerances

if TYPE_CHECKING:
    from pyonnxtool.divergence.compare import Array, Comparison

_LIMITS = Tolerances.parse(None, None, None)


class FinalOutputs:
    """Outputs of both models, sample by sample, in the order in which they were kept."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._ours: dict[str, list[Array]] = {name: [] for name, _ in pairs}
        self._theirs: dict[str, list[Array]] = {name: [] for _, name in pairs}

    def keep_ours(self, name: str, value: Array) -> None:
        """A value of the reference; one that is no final output is not kept."""
        if name in self._ours:
            self._ours[name].append(value)

    def keep_theirs(self, name: str, value: Array) -> None:
        """A value of the candidate, likewise."""
        if name in self._theirs:
            self._theirs[name].append(value)

    def comparable(self, ours: str, theirs: str) -> bool:
        """Both were kept, in equal shapes."""
        left, right = self._ours[ours], self._theirs[theirs]
        return (
            bool(left)
            and len(left) == len(right)
            and all(a.shape == b.shape for a, b in zip(left, right, strict=True))
        )

    def agree(self, ours: str, theirs: str) -> bool:
        """Within the tolerance that final outputs have when the user gives none."""
        left, right = self._ours[ours], self._theirs[theirs]
        found = [compare(a, b) for a, b in zip(left, right, strict=True)]
        return all(one.identical or _holds(ours, one) for one in found)


def _holds(name: str, found: Comparison) -> bool:
    limit = _LIMITS.output_limit(name, found.dtype)
    return found.stats is not None and limit.holds(found.stats)
