"""diff: two models value by value, in one table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pyonnxtool.divergence.bodies.inside_notes import with_inside_notes
from pyonnxtool.divergence.case import Case, open_case
from pyonnxtool.divergence.first_look import final_outputs
from pyonnxtool.divergence.graph_order import in_graph_order
from pyonnxtool.divergence.judge import Judge
from pyonnxtool.divergence.network.lineup import line_up
from pyonnxtool.divergence.network.weights import weights_of_case
from pyonnxtool.divergence.numbers.origin import origins_of_case
from pyonnxtool.divergence.numbers.ranges import parse_format, ranges_of
from pyonnxtool.divergence.quantized.rows import quantized_rows
from pyonnxtool.divergence.steadiness import observer_effect, unsteady_sides
from pyonnxtool.divergence.sweep import Progress, Sweep, Swept
from pyonnxtool.report import DiffReport, ValueRow
from pyonnxtool.subjects import sides
from pyonnxtool.verdict import Tolerances

if TYPE_CHECKING:
    from pyonnxtool.divergence.pairing.given_pairs import ValueMap
    from pyonnxtool.subjects import SubjectLike

_MOST_SAMPLES = 3
"""Of so many samples, the worst ones, the values on the way are compared."""


def diff(
    reference: SubjectLike,
    candidate: SubjectLike | None = None,
    *,
    inputs: object = None,
    samples: int = 1,
    seed: int = 0,
    shapes: Mapping[str, Sequence[int]] | None = None,
    dims: Mapping[str, int] | None = None,
    atol: Sequence[str | float] | str | float | None = None,
    rtol: Sequence[str | float] | str | float | None = None,
    ulp: Sequence[str | float] | str | float | None = None,
    memory: str | int = "2GiB",
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    custom_ops: Sequence[str] = (),
    introduced: bool = True,
    progress: Progress | None = None,
    value_map: ValueMap = (),
    ranges: str | None = None,
) -> DiffReport:
    """Compare two models (or one model on two backends) value by value.

    `reference` and `candidate` are paths, subjects such as "m.onnx@ort:none", `Model`s or
    `onnx.ModelProto`s; with no candidate, the model at optimization level none is compared with
    itself at level all. `inputs` is a file, a folder, "script.py:function", a mapping of arrays
    or several of them; without it `samples` sets are generated from `seed`. `memory` bounds the
    bytes of values that are held at once. With `introduced`, every node of the candidate is also
    run on the reference's values, so that a node that only hands an error on is told from one
    that makes it. `value_map` names values of both that belong together, where the tool does not
    see it: {"reference's name": "candidate's"}, or "REF=CAND" texts. `ranges` is "fp16", "bf16",
    "e4m3" or "e5m2": how the reference's values and weights would fit that format, and which nodes
    would have to stay in float32.

    Raises UsageError, ModelError or BackendError.
    """
    tolerances = Tolerances.parse(atol, rtol, ulp)
    wanted = parse_format(ranges) if ranges is not None else None
    ours, theirs = sides(reference, candidate, custom_ops)
    with open_case(
        ours,
        theirs,
        inputs=inputs,
        samples=samples,
        seed=seed,
        shapes=shapes,
        dims=dims,
        memory=memory,
        only=only,
        skip=skip,
        progress=progress,
        value_map=value_map,
    ) as case:
        every = case.samples
        report = _report(case, tolerances, introduced)
        if wanted is None:
            return report
        case.samples = every
        return replace(report, ranges=ranges_of(case, wanted))


def _report(case: Case, tolerances: Tolerances, introduced: bool) -> DiffReport:
    unsteady = unsteady_sides(case)
    weights, compared = weights_of_case(case)
    samples, final = case.samples, None
    if len(samples) > _MOST_SAMPLES:
        # The verdict needs no more than the outputs; what is inside is shown of the worst.
        final = final_outputs(case, tolerances)
        case.samples = [samples[index] for index in final.ranked[:_MOST_SAMPLES]]
    line_up(case, case.samples)
    swept = Sweep(
        case.reference,
        case.candidate,
        case.pairs,
        case.outputs,
        memory=case.memory,
        introduced=introduced,
        progress=case.progress,
    ).run(case.samples)
    judge = Judge(case, tolerances, swept)
    outputs = tuple(judge.output_row(measured) for measured in swept.outputs.values())
    outputs = final.outputs if final is not None else outputs
    different = any(row.status == "bad" for row in outputs)
    noisy = quantized_rows(case, swept)
    compared_rows = (
        judge.row(swept.values[pair.candidate])
        for pair in case.pairs
        if swept.values[pair.candidate].accumulated is not None
    )
    rows = in_graph_order(compared_rows, case.candidate.model.graph)
    if introduced:
        rows = with_inside_notes(case, tolerances, swept, rows)
    return DiffReport(
        verdict="inconclusive" if unsteady else "different" if different else "same",
        reference=case.texts[0],
        candidate=case.texts[1],
        values=rows,
        outputs=outputs,
        weights=tuple(weights),
        weights_compared=compared,
        coverage=case.coverage,
        observer_effect=observer_effect(judge, swept),
        samples=len(samples),
        runs={"reference": case.reference.runs, "candidate": case.candidate.runs},
        tolerance=tolerances.sentence(row.dtype for row in outputs),
        notes=(*case.notes, *unsteady, *_could_not_run(swept)),
        origins=origins_of_case(case, swept.values.values(), swept.outputs.values()),
        quantized=noisy,
        worst_sample=_worst(outputs),
        values_samples=tuple(sample.number for sample in case.samples),
    )


def _worst(outputs: Sequence[ValueRow]) -> int | None:
    """The sample with the output that is the furthest from what is allowed."""
    if not outputs:
        return None

    def off(row: ValueRow) -> float:
        found = row.accumulated.get("max_abs")
        return math.inf if found is None else found / (row.tolerance or math.inf)

    return max(outputs, key=lambda row: (row.status == "bad", off(row))).sample


def _could_not_run(swept: Swept) -> list[str]:
    failed = [measured for measured in swept.values.values() if measured.error]
    if not failed:
        return []
    return [
        f"{len(failed)} values could not be computed on their own, "
        f"for example {failed[0].pair.candidate!r}: {failed[0].error}"
    ]
