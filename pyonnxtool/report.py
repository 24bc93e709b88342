"""What diff and bisect found, as frozen data. JSON comes from here; texts are drawn elsewhere."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

Metrics = Mapping[str, float | int | None]
"""Metric name (`max_abs`, `max_rel`, `sqnr_db`, `cosine`, `max_ulp`, ...) to its number."""


@dataclass(frozen=True)
class Coverage:
    """How many values of the reference were paired with one of the candidate."""

    compared: int = 0
    fused: int = 0
    ambiguous: int = 0
    unmatched: int = 0

    def sentence(self) -> str:
        """For people: "812 compared, 37 fused away, 5 ambiguous"."""
        parts = [f"{self.compared} compared"]
        parts += [f"{self.fused} fused away"] if self.fused else []
        parts += [f"{self.ambiguous} ambiguous"] if self.ambiguous else []
        parts += [f"{self.unmatched} without a counterpart"] if self.unmatched else []
        return ", ".join(parts)


@dataclass(frozen=True)
class ValueRow:
    """One pair of values. `status` is "ok", "noise" (differs, rounding explains it) or "bad"."""

    value: str
    reference_value: str
    node: str
    op_type: str
    dtype: str
    shape: tuple[int, ...]
    status: str
    accumulated: Metrics = field(default_factory=dict)
    introduced: Metrics = field(default_factory=dict)
    gain: float | None = None
    tolerance: float | None = None
    """Largest absolute difference that rounding (or the user's --atol/--rtol) explains."""
    note: str = ""
    """"NaN at the same 3 places", "shape (1, 8) vs (1, 9)", "a tie in ArgMax" ..."""
    sample: int = 0
    """The sample that these (the worst) numbers are from."""


@dataclass(frozen=True)
class WeightRow:
    """One weight that differs between the two models."""

    name: str
    reference_name: str
    dtype: str
    shape: tuple[int, ...]
    changed: int
    metrics: Metrics = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class DiffReport:
    """The result of `diff`. `verdict` is "same", "different" or "inconclusive"."""

    verdict: str
    reference: str
    candidate: str
    values: tuple[ValueRow, ...] = ()
    outputs: tuple[ValueRow, ...] = ()
    weights: tuple[WeightRow, ...] = ()
    weights_compared: int = 0
    coverage: Coverage = Coverage()
    observer_effect: str = "none"
    """"none", "changes the result", or "not checked"."""
    samples: int = 1
    runs: Mapping[str, int] = field(default_factory=dict)
    tolerance: str = ""
    """The rule for final outputs as text: "1e-05 of the output's scale (float32)"."""
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """`pyonnxtool/diff/1`; NaN and infinities are strings, so the text is strict JSON."""
        return _to_json("pyonnxtool/diff/1", self)


@dataclass(frozen=True)
class Culprit:
    """A node of the candidate that introduces a difference, and its counterpart."""

    node: str
    op_type: str
    domain: str
    graph: str
    outputs: tuple[str, ...]
    reference_node: str
    reference_outputs: tuple[str, ...]
    introduced: Metrics = field(default_factory=dict)
    accumulated: Metrics = field(default_factory=dict)
    referee: str = ""
    why: str = ""
    region: tuple[str, ...] = ()
    """Names of all candidate nodes between the matched values, when there are several."""
    neighbourhood: str = ""
    """The culprit and the nodes around it on both sides, as text."""


@dataclass(frozen=True)
class BisectReport:
    """The result of `bisect`. `verdict`: "fault", "drift", "same" or "inconclusive"."""

    verdict: str
    reference: str
    candidate: str
    culprits: tuple[Culprit, ...] = ()
    contributors: tuple[ValueRow, ...] = ()
    """For drift: the values with the largest introduced error, largest first."""
    gains: tuple[ValueRow, ...] = ()
    """For drift: the values that amplify most."""
    outputs: tuple[ValueRow, ...] = ()
    weights: tuple[WeightRow, ...] = ()
    coverage: Coverage = Coverage()
    observer_effect: str = "none"
    runs: Mapping[str, int] = field(default_factory=dict)
    samples: int = 1
    reason: str = ""
    """Why it is inconclusive, or what makes it drift, in a sentence."""
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """`pyonnxtool/bisect/1`; NaN and infinities are strings, so the text is strict JSON."""
        return _to_json("pyonnxtool/bisect/1", self)


def _to_json(schema: str, report: DiffReport | BisectReport) -> str:
    return json.dumps({"schema": schema, **_plain(asdict(report))}, indent=1, allow_nan=False)


def _plain(data: Any) -> Any:
    if isinstance(data, float) and not math.isfinite(data):
        return str(data)
    if isinstance(data, Mapping):
        return {key: _plain(item) for key, item in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(item) for item in data]
    return data
