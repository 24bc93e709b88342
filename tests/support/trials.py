"""Pairs of models with the answer that a bisection has to give, and the judge of its answer."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx.inliner
import onnx.version_converter

from support.disguise import DISGUISES, Disguised, disguise
from support.drift import drift_pairs
from support.equivalents import EQUIVALENTS, rewritten
from support.faults import FAULTS, Planted, plant, plant_two
from support.faults.site import walk
from support.graph_builder import Case, Feed
from support.ort_runs import Outputs, all_values, demanded_difference, difference, run

if TYPE_CHECKING:
    from pyonnxtool.report import BisectReport, Culprit

NAMES_LOST = (
    "renamed", "names_shifted", "names_swapped", "public_renamed", "all_renamed", "all_swapped",
)  # fmt: skip
SMALL = 1 << 20
"""Bytes of a model of which all values may be computed to judge an answer."""

GOOD = ("exact", "fused", "quiet")
OUTCOMES = (
    "exact", "fused", "quiet", "extra", "in region", "wrong", "missed", "false alarm", "error",
)  # fmt: skip
"""`quiet`: rightly not a fault. `extra`: the right node first, but others blamed with it.
`fused`: the node is part of another now, and the region that holds that one is named."""


@dataclass(frozen=True)
class Trial:
    """`culprits` has one set of candidate nodes per fault; none at all for a control."""

    model: str
    kind: str
    disguise: str
    reference: onnx.ModelProto
    candidate: onnx.ModelProto
    feeds: tuple[Feed, ...]
    description: str
    effect: float
    culprits: tuple[frozenset[str], ...] = ()
    culprit_outputs: tuple[frozenset[str], ...] = ()
    reference_culprits: frozenset[str] = frozenset()
    region_is_enough: bool = False
    """The node has no counterpart of its own: naming the rewritten part around it is right."""
    fused: bool = False
    """The damaged node did not survive an optimizer: naming the region around it is right."""

    @property
    def name(self) -> str:
        """What selects this trial again."""
        return f"{self.model}/{self.kind}/{self.disguise}"

    @property
    def demanded(self) -> bool:
        """Whether the verdict has to be `fault`."""
        least = max(map(demanded_difference, (self.reference, self.candidate)))
        return bool(self.culprits) and self.effect > least


def seeded(*parts: str, seed: int = 0) -> np.random.Generator:
    """A generator that depends on the trial's name and seed alone: each repeats by itself."""
    return np.random.default_rng([zlib.crc32("/".join(parts).encode()), seed])


def planted_trials(
    case: Case,
    kinds: Sequence[str],
    disguises: Sequence[str] = (),
    attempts: int = 12,
    seed: int = 0,
    sample: int | None = None,
) -> Iterator[Trial]:
    """Every fault that applies to `case`: with names kept, and in each of `disguises`.

    Without `disguises` each fault gets two of them, so that all kinds meet all in the end. With a
    `sample` only so many kinds are planted, others for each model and seed.
    """
    expected, found = run(case.model, case.feeds), 0
    if sample is not None:
        kinds = [str(kind) for kind in seeded(case.name, seed=seed).permutation(list(kinds))]
    for kind in kinds:
        planted = _planted(case, kind, expected, attempts, seed) if found != sample else None
        if planted is None:
            continue
        found += 1
        others = [name for name in DISGUISES if name != "none"]
        turn = (zlib.crc32(f"{case.name}/{kind}".encode()) + seed) % len(others)
        chosen = disguises or ("none", others[turn], others[(turn + 5) % len(others)])
        for look in chosen:
            yield _disguised_trial(case, planted, kind, look)


def _planted(
    case: Case, kind: str, expected: list[Outputs], attempts: int, seed: int
) -> Planted | None:
    rng = seeded(case.name, kind, seed=seed)
    if kind.startswith("two_faults"):
        return plant_two(case.model, case.feeds, rng)
    if kind.startswith("inside/"):
        own = kind.removeprefix("inside/")
        return plant(own, case.model, case.feeds, rng, expected, inside=True, attempts=attempts)
    return plant(kind, case.model, case.feeds, rng, expected, attempts=attempts)


ALL_KINDS = (
    *FAULTS,
    *(f"two_faults_{number}" for number in range(4)),
    *(f"inside/{kind}" for kind in ("leaky_alpha", "operands_swapped", "op_replaced",
                                    "weight_element", "fp16_round_trip", "node_dropped")),
)  # fmt: skip


def rewritten_trials(case: Case, each: int = 3, seed: int = 0) -> Iterator[Trial]:
    """Faults in a candidate whose structure differs too: rewritten or optimized, then damaged."""
    for equivalent in EQUIVALENTS:
        model = rewritten(case.model, equivalent)
        if model is None:
            continue
        rng = seeded(case.name, equivalent, seed=seed)
        expected, found = run(model, case.feeds), 0
        for kind in rng.permutation(sorted(FAULTS)):
            planted = plant(str(kind), model, case.feeds, rng, expected, attempts=2)
            if planted is None or not planted.demanded or found == each:
                continue
            found += 1
            look = ("none", "renamed", "all_renamed")[found % 3]
            trial = _disguised_trial(case, planted, f"rewritten/{equivalent}/{kind}", look)
            originals = {node.name for node in case.model.graph.node}
            changed = not planted.culprits[0] <= originals
            yield replace(trial, region_is_enough=changed)


def exporter_trials(
    reference: Case, case: Case, kinds: Sequence[str], seed: int = 0, sample: int | None = None
) -> Iterator[Trial]:
    """Two exports of one network: the pair as it is, then with faults in the second."""
    yield _control(reference, f"other export/{case.name}", "none", case.model)
    for trial in planted_trials(case, kinds, ("none", "all_renamed"), 3, seed, sample):
        culprits = trial.culprits
        if trial.candidate.ByteSize() < SMALL and trial.disguise not in NAMES_LOST:
            culprits = tuple(with_aliases(case, trial.candidate, names) for names in culprits)
        yield replace(
            trial, kind=f"other export/{trial.kind}", reference=reference.model,
            feeds=reference.feeds, culprits=culprits, region_is_enough=True,
        )  # fmt: skip


def _disguised_trial(case: Case, planted: Planted, kind: str, look: str) -> Trial:
    result = disguise(planted.model, look, seeded(case.name, kind, look))
    if look in NAMES_LOST and planted.model.ByteSize() < SMALL:
        culprits = tuple(with_aliases(case, planted.model, names) for names in planted.culprits)
        planted = replace(planted, culprits=culprits)
    return Trial(
        case.name,
        kind,
        look,
        case.model,
        result.model,
        case.feeds,
        planted.description,
        planted.effect,
        tuple(frozenset(result.node(name) for name in names) for names in planted.culprits),
        tuple(_outputs(planted.model, names, result) for names in planted.culprits),
        planted.reference_culprits,
    )


def with_aliases(case: Case, model: onnx.ModelProto, names: frozenset[str]) -> frozenset[str]:
    """Also the readers of a damaged node that now makes another of the reference's values.

    Without names nothing tells a wrong Slice from the wrong choice between two right ones.
    """
    known = dict(all_values(case.model, case.feeds))
    made = dict(all_values(model, case.feeds))
    grown, size = set(names), 0
    while len(grown) != size:
        size = len(grown)
        for node in model.graph.node:
            outputs = [name for name in node.output if name in made]
            moved = [n for n in outputs if n not in known or not _alike(made[n], known[n])]
            if node.name not in grown or not moved:
                continue
            if all(any(_alike(made[n], other) for other in known.values()) for n in moved):
                grown |= {n.name for n in model.graph.node if set(moved) & set(n.input)}
    return frozenset(grown)


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Equal in another shape as well, up to the rounding of a rewritten model."""
    if one.size != other.size or one.dtype != other.dtype:
        return False
    one, other = one.reshape(-1), other.reshape(-1)
    if one.dtype.kind != "f":
        return np.array_equal(one, other)
    scale = float(np.abs(other).max(initial=0.0, where=np.isfinite(other)))
    with np.errstate(over="ignore"):  # masks near the end of the range
        return bool(np.allclose(one, other, rtol=0.0, atol=1e-6 * scale, equal_nan=True))


def _outputs(model: onnx.ModelProto, names: frozenset[str], result: Disguised) -> frozenset[str]:
    nodes = [node for _, node, _ in walk(model.graph) if node.name in names]
    return frozenset(result.value(output) for node in nodes for output in node.output)


def control_trials(case: Case) -> Iterator[Trial]:
    """Pairs that compute the same: never `fault`."""
    for look in DISGUISES:
        result = disguise(case.model, look, seeded(case.name, look))
        yield _control(case, "disguised", look, result.model, result)
    for kind in EQUIVALENTS:
        model = rewritten(case.model, kind)
        if model is not None:
            yield _control(case, f"equal/{kind}", "none", model)
            hidden = disguise(model, "all_renamed", seeded(case.name, kind))
            yield _control(case, f"equal/{kind}", "all_renamed", hidden.model)
    inlined = onnx.inliner.inline_local_functions(case.model)
    if case.model.functions:
        yield _control(case, "inlined", "none", inlined)
    for opset in (15, 18, 21):
        if opset > case.model.opset_import[0].version:
            with contextlib.suppress(RuntimeError):  # the converter lacks some operators
                newer = onnx.version_converter.convert_version(inlined, opset)
                yield _control(case, f"opset/{opset}", "none", newer)


def drift_trials() -> Iterator[Trial]:
    """Rounding that something amplifies: `drift` or `same`."""
    for pair in drift_pairs():
        case = Case(pair.name.replace("/", "-"), pair.reference, pair.feeds)
        yield _control(case, "drift", "none", pair.candidate)
        result = disguise(pair.candidate, "all_renamed", seeded(pair.name))
        yield _control(case, "drift", "all_renamed", result.model)


def _control(
    case: Case, kind: str, look: str, model: onnx.ModelProto, result: Disguised | None = None
) -> Trial:
    feeds = [result.feed(feed) for feed in case.feeds] if result else case.feeds
    effect = difference(run(case.model, case.feeds), run(model, feeds))
    if effect is None:
        raise AssertionError(f"{case.name}/{kind}: a control changed its outputs' shapes")
    return Trial(case.name, kind, look, case.model, model, case.feeds, "no fault", effect)


def judge(trial: Trial, report: BisectReport) -> str:
    """One of OUTCOMES."""
    if report.verdict != "fault":
        return "missed" if trial.demanded else "quiet"
    if not trial.culprits:
        return "false alarm"
    return _judge_names(trial, report) if report.culprits else "wrong"


def _judge_names(trial: Trial, report: BisectReport) -> str:
    hits = [
        [_hit(trial, index, culprit) for culprit in report.culprits]
        for index in range(len(trial.culprits))
    ]
    if any(fault[0] for fault in hits) and all(any(fault) for fault in hits):
        blameless = len(report.culprits) - sum(map(any, zip(*hits, strict=True)))
        return "extra" if blameless else "exact"
    near = [
        [hit or bool(names & set(culprit.region))
         for hit, culprit in zip(fault, report.culprits, strict=True)]
        for fault, names in zip(hits, trial.culprits, strict=True)
    ]  # fmt: skip
    if not (any(fault[0] for fault in near) and all(map(any, near))):
        return "wrong"
    enough = (trial.region_is_enough or trial.fused) and len(report.culprits) <= len(trial.culprits)
    if enough:
        return "fused" if trial.fused else "exact"
    return "in region"


def _hit(trial: Trial, index: int, culprit: Culprit) -> bool:
    """By name, or by outputs in a model whose nodes have no names."""
    if culprit.reference_node and culprit.reference_node in trial.reference_culprits:
        return True
    if trial.disguise == "nameless":
        return bool(set(culprit.outputs) & trial.culprit_outputs[index])
    # A call of a function is blamed by the node in the function's body, whose name starts with its.
    names = trial.culprits[index]
    return culprit.node in names or any(culprit.node.startswith(f"{name}/") for name in names)
