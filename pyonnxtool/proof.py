"""How a rewrite is checked before it is written: what each of them takes, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias, TypedDict, TypeVar

from pyonnxtool.rewriting import Rewrite, RewriteReport
from pyonnxtool.verdict import Tolerances

if TYPE_CHECKING:
    from pyonnxtool._core import Model
    from pyonnxtool.divergence.sweep import Progress
    from pyonnxtool.rewriting.report import Axes

Tolerance: TypeAlias = "Sequence[str | float] | str | float | None"
Report = TypeVar("Report", bound=RewriteReport)

_EXACT_ENOUGH = Tolerances()
"""What `diff` allows when it is told nothing."""


class Running(TypedDict, total=False):
    """How a rewrite is checked, but for what the models are fed."""

    verify: int
    """Number of samples on which old and new model are run and compared; 0, the default: none."""
    seed: int
    atol: Tolerance
    rtol: Tolerance
    memory: str | int
    """Budget of what is held at once, "2GiB" unless given."""
    custom_ops: Sequence[str]
    progress: Progress | None


class Proof(Running, total=False):
    """What every function that rewrites takes besides what it does."""

    inputs: object
    """What they are fed: files, mappings of arrays, or None: they are generated."""


@dataclass(frozen=True)
class Check:
    """How a rewrite is checked."""

    samples: int = 1
    """0: not at all."""
    seed: int = 0
    inputs: object = None
    """Files, mappings of arrays, or None: they are generated."""
    tolerances: Tolerances = _EXACT_ENOUGH
    memory: str | int = "2GiB"
    """Budget of what is held at once, and of the search for the node should outputs differ."""
    custom_ops: Sequence[str] = ()
    progress: Progress | None = None
    without_it: str = "skip the check with --no-verify"
    """What a user does who cannot have it."""


def check_of(
    *,
    verify: int = 0,
    inputs: object = None,
    seed: int = 0,
    atol: Tolerance = None,
    rtol: Tolerance = None,
    memory: str | int = "2GiB",
    custom_ops: Sequence[str] = (),
    progress: Progress | None = None,
) -> Check:
    """The check that a `Proof` describes. Raises UsageError for what is no tolerance."""
    tolerances = Tolerances.parse(atol, rtol)
    return Check(verify, seed, inputs, tolerances, memory, tuple(custom_ops), progress)


def verified(
    what: str,
    model: Model,
    rewrite: Rewrite[Report],
    check: Check,
    border: Mapping[str, Axes] | None = None,
    *,
    ports: Mapping[str, str] | None = None,
    rules: Mapping[str, str] | None = None,
    drifts: bool = False,
) -> Rewrite[Report]:
    """The rewrite with the word of `verify` in its report, unless no samples are asked for.

    Raises as `verify` does, which says what `border`, `ports`, `rules` and `drifts` are.
    """
    if not check.samples:
        return rewrite
    from pyonnxtool.verification import verify  # noqa: PLC0415 - what runs models takes a while

    told = rewrite.report.value_map
    found = verify(
        what, model, rewrite.model, check, told, border, ports=ports, rules=rules, drifts=drifts
    )
    return replace(rewrite, report=replace(rewrite.report, verification=found))
