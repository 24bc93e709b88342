"""bisect: name the node that introduces the divergence, or say that it is drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING

from pyonnxtool.divergence.case import open_case
from pyonnxtool.divergence.first_look import first_look
from pyonnxtool.divergence.numbers.origin import with_origins
from pyonnxtool.divergence.search.outcomes import Tell
from pyonnxtool.divergence.search.ways import Search, search
from pyonnxtool.divergence.sweep import Progress
from pyonnxtool.report import BisectReport
from pyonnxtool.subjects import sides
from pyonnxtool.verdict import Tolerances

if TYPE_CHECKING:
    from pyonnxtool.divergence.pairing.given_pairs import ValueMap
    from pyonnxtool.subjects import SubjectLike


def bisect(
    reference: SubjectLike,
    candidate: SubjectLike | None = None,
    *,
    by: str = "auto",
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
    progress: Progress | None = None,
    all_faults: bool = False,
    journal: str | PathLike[str] | None = None,
    resume: str | PathLike[str] | None = None,
    max_runs: int | None = None,
    tell: Tell | None = None,
    timeout: float | None = None,
    value_map: ValueMap = (),
) -> BisectReport:
    """Find the nodes of the candidate that introduce its difference from the reference.

    Takes what `diff` takes, and how to search. `by` is "values" (run every node on the reference's
    values), "splice" (parts of the candidate in the reference's place: no value is marked as an
    output), "pass" (which optimizers of onnxruntime make the difference), or "auto": values, and
    where watching hides the difference, splice and pass.

    Splice and pass go run by run. `tell` gets the plan, a text, and then a `Step` after each run;
    `journal` is a new file that every run is noted in, `resume` one to continue from; after
    `max_runs` runs the report is "inconclusive" and says what is known. With a `timeout`, in
    seconds, every run is done in a child process: one that takes longer, or that takes its process
    down, is skipped. `all_faults` has splice
    repair what it found and continue until the outputs agree.

    The verdict is "same" when the final outputs agree; "fault" when some node introduces more
    than rounding explains (every such node is listed, the worst first); "drift" when the outputs
    differ and no node does; "inconclusive" when too little could be compared, when a side is not
    deterministic, or when the difference vanishes as soon as values are marked.

    Raises UsageError, ModelError or BackendError.
    """
    how = Search(by, all_faults, journal, resume, max_runs, tell, timeout)
    how.check()
    tolerances = Tolerances.parse(atol, rtol, ulp)
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
        first = first_look(case, tolerances)
        if first.unsteady:
            return first.report(case, "inconclusive", reason=first.unsteady)
        if not first.bad:
            return with_origins(case, first, first.report(case, "same"))
        return with_origins(case, first, search(case, tolerances, first, how))
