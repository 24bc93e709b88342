"""What diff and bisect found, as frozen data. JSON comes from here; texts are drawn elsewhere."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pyonnxtool.findings import Origin, QuantizedRow, Ranges
from pyonnxtool.report_parts import Baseline, Surroundings

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
    condition: float | None = None
    """How many times its node amplifies relative changes of its inputs, where that was asked."""
    referee: str = ""
    """What float64 says of it, where it was asked: "ill-conditioned: ..."."""


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
    baseline: Baseline | None = None
    origins: tuple[Origin, ...] = ()
    """Where NaN and Inf start on each side, when there are any."""
    quantized: tuple[QuantizedRow, ...] = ()
    """For a quantized candidate: layers and values, then weights, each the noisiest first."""
    ranges: Ranges | None = None
    """With --ranges: how the reference would fit a narrower float."""

    worst_sample: int | None = None
    """The sample with the final output that is the furthest from what is allowed."""
    values_samples: tuple[int, ...] = ()
    """The samples that `values` are of: of many, the worst few."""

    def to_json(self) -> str:
        """`pyonnxtool/diff/1`; NaN and infinities are strings, so the text is strict JSON."""
        return strict_json("pyonnxtool/diff/1", self)


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
    surroundings: Surroundings | None = None
    """The same as data to draw."""
    condition: float | None = None
    """How many times the node's region amplifies relative changes of its inputs."""
    iteration: int | None = None
    """Inside a Loop or Scan: the first iteration that differs, counted from 0."""
    alone: float | None = None
    """Of several faults: the relative difference of a final output that this one makes by itself.
    They are listed by it."""
    module: str = ""
    """Path of the module that the node was exported from: "encoder.layer.3.attention"."""
    source: str = ""
    """Its line in the network's source: "model.py:31: x = self.fc(x)"."""


@dataclass(frozen=True)
class Step:
    """One run of a search that judges nothing but the final outputs."""

    number: int
    method: str
    """"splice" or "pass"."""
    what: str
    """What was run, in words."""
    verdict: str
    """"good", "bad", or "skip" where it could not be run."""
    error: float | None = None
    """Largest difference of an output, relative to its scale."""
    seconds: float = 0.0
    note: str = ""
    """Why it could not be run, or "from the journal"."""
    within: bool | None = None
    """Every output is within its tolerance; None where it could not be run."""


@dataclass(frozen=True)
class Frontier:
    """Two neighbouring cuts of the candidate, each as the names of the values that cross it.

    The candidate's values `before`, fed to the rest of the reference, give good outputs; its values
    `after` do not. Where the reference was recorded it is the other way round: the rest of the
    candidate gives good outputs from the recorded values `after`, and not from those `before`.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]


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
    values: tuple[ValueRow, ...] = ()
    """Every value that was compared on the way, in graph order."""
    baseline: Baseline | None = None
    origins: tuple[Origin, ...] = ()
    """Where NaN and Inf start on each side, when there are any."""
    quantized: tuple[QuantizedRow, ...] = ()
    """For a quantized candidate: layers and values, then weights, each the noisiest first."""
    method: str = ""
    """What named it: "values", "splice" or "pass"."""
    plan: str = ""
    """For splice and pass: how much there was to search, and the runs that it may take at most."""
    steps: tuple[Step, ...] = ()
    """For splice and pass: every run, in order."""
    frontier: Frontier | None = None
    """For splice: where the candidate's values start to make the outputs wrong."""
    optimizers: tuple[str, ...] = ()
    """For pass: without these optimizers of the runtime the outputs agree; each is needed."""
    optimizers_enough: tuple[str, ...] = ()
    """For pass: with these alone, of those that change the model, the outputs still differ."""

    def to_json(self) -> str:
        """`pyonnxtool/bisect/1`; NaN and infinities are strings, so the text is strict JSON."""
        return strict_json("pyonnxtool/bisect/1", self)


@dataclass(frozen=True)
class ReducedNode:
    """A node that is left."""

    node: str
    op_type: str
    domain: str = ""


@dataclass(frozen=True)
class ReduceReport:
    """The result of `reduce`: the smallest model that still shows what the whole one showed."""

    reference: str
    candidate: str
    kept: str
    """What it still shows: "diverges", "crashes", "nan" or "check"."""
    shown: str
    """That in a sentence, for the model that is left."""
    nodes: tuple[ReducedNode, ...]
    """Without any one of them (or of the regions that `notes` name) it is gone."""
    nodes_before: int
    graph: str = ""
    """The graph that is left, as text; of two models the candidate's."""
    reference_graph: str = ""
    inputs: tuple[str, ...] = ()
    """Its inputs: "x float32[1,8]"."""
    outputs: tuple[ValueRow, ...] = ()
    """Its outputs that show a difference."""
    trials: int = 0
    """How many smaller models were tried."""
    runs: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    sample: int = 0
    folder: str = ""
    """Where it was written; empty: nowhere."""
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    verdict: str = "reduced"

    def to_json(self) -> str:
        """`pyonnxtool/reduce/1`; NaN and infinities are strings, so the text is strict JSON."""
        return strict_json("pyonnxtool/reduce/1", self)


def strict_json(schema: str, report: Any) -> str:
    """The fields of a dataclass as strict JSON that names its schema: NaN and Inf are words."""
    return json.dumps({"schema": schema, **_plain(asdict(report))}, indent=1, allow_nan=False)


def _plain(data: Any) -> Any:
    if isinstance(data, float) and not math.isfinite(data):
        return str(data)
    if isinstance(data, Mapping):
        return {key: _plain(item) for key, item in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(item) for item in data]
    return data
