"""What every way to bisect starts from: weights and final outputs of both models as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pyonnxtool.divergence.case import Case
from pyonnxtool.divergence.compare import compare
from pyonnxtool.divergence.judge import Judge
from pyonnxtool.divergence.network.located import located
from pyonnxtool.divergence.network.weights import weights_of_case
from pyonnxtool.divergence.plan import in_reference_form
from pyonnxtool.divergence.probe import Sample
from pyonnxtool.divergence.steadiness import unsteady_sides
from pyonnxtool.divergence.sweep import Measured, Swept
from pyonnxtool.report import BisectReport, ValueRow, WeightRow
from pyonnxtool.verdict import Tolerances


@dataclass(frozen=True)
class FirstLook:
    """Nothing is marked as an output yet."""

    weights: tuple[WeightRow, ...] = ()
    outputs: tuple[ValueRow, ...] = ()
    """Final outputs, each of its worst sample."""
    bad: tuple[int, ...] = ()
    """Indices of the samples that differ by more than the tolerance, the worst first."""
    ranked: tuple[int, ...] = ()
    """Indices of all samples, the worst first."""
    samples: int = 1
    unsteady: str = ""
    """Why no difference can be judged at all."""
    broken: Sample | None = None
    """The first sample with a final output that holds NaN or Inf."""

    def report(self, case: Case, verdict: str, **found: Any) -> BisectReport:
        """A report of what was found, with all that is known of the case."""
        notes = (*case.notes, *found.pop("notes", ()))
        named = [located(case, self.weights, one) for one in found.pop("culprits", ())]
        return BisectReport(
            verdict=verdict,
            reference=case.texts[0],
            candidate=case.texts[1],
            outputs=self.outputs,
            weights=self.weights,
            coverage=case.coverage,
            runs={"reference": case.reference.runs, "candidate": case.candidate.runs},
            samples=self.samples,
            notes=notes,
            culprits=tuple(named),
            **found,
        )


def first_look(case: Case, tolerances: Tolerances) -> FirstLook:
    """Compare weights, and the final outputs on every sample."""
    unsteady = unsteady_sides(case)
    if unsteady:
        return FirstLook(unsteady=unsteady[0], samples=len(case.samples))
    rows, _ = weights_of_case(case)
    return replace(final_outputs(case, tolerances), weights=tuple(rows))


def final_outputs(case: Case, tolerances: Tolerances) -> FirstLook:
    """Compare the final outputs on every sample, and nothing else."""
    judge = Judge(case, tolerances, Swept({}))
    worst = {pair.candidate: Measured(pair) for pair in case.outputs}
    bad: set[int] = set()
    off: dict[int, float] = {}
    broken: Sample | None = None
    for index, sample in enumerate(case.samples):
        case.reference.begin(sample.number, sample.reference)
        last = index + 1 == len(case.samples)
        reference = case.reference.run_whole(sample.reference, last=last)
        candidate = case.candidate.run_whole(sample.candidate, last=last)
        for pair in case.outputs:
            ours = reference[pair.reference]
            found = compare(ours, in_reference_form(pair, ours, candidate[pair.candidate]))
            worst[pair.candidate].take(index, found)
            broken = sample if broken is None and found.nonfinite else broken
            off[index] = max(off.get(index, 0.0), found.relative)
            if not judge.within_tolerance(pair.candidate, found):
                bad.add(index)
        case.progress("running both models", index + 1, len(case.samples))
    outputs = tuple(judge.output_row(measured) for measured in worst.values())
    ranked = tuple(sorted(off, key=lambda index: (index not in bad, -off[index])))
    return FirstLook(
        outputs=outputs,
        bad=ranked[: len(bad)],
        ranked=ranked,
        samples=len(case.samples),
        broken=broken,
    )
