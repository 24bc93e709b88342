"""Models are run one after the other, and an edit that cuts or joins them is checked on that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from pyonnxtool.agreement import judged, side_of
from pyonnxtool.divergence.case import feeds_of
from pyonnxtool.divergence.compare import dtype_of
from pyonnxtool.divergence.probe import Feeds, Values
from pyonnxtool.errors import BackendError
from pyonnxtool.rewriting import Refusal, Verification, refused
from pyonnxtool.verification import drawn_outputs
from pyonnxtool.wording import distance

if TYPE_CHECKING:
    from pyonnxtool._core import Model
    from pyonnxtool.proof import Check
    from pyonnxtool.report import ValueRow
    from pyonnxtool.surgery.type_text import Sizes

_MOST_NAMED = 4


@dataclass(frozen=True)
class Recorded:
    """What some values of a model are in runs of it."""

    runs: tuple[Values, ...]
    check: Check
    with_shapes: bool
    """The shapes are to be declared."""
    notes: tuple[str, ...] = ()
    backend: str = "onnxruntime"
    drawn: frozenset[str] = frozenset()
    """Values that random numbers decide."""

    def type_of(self, name: str, declared: Sizes) -> tuple[str | None, Sizes]:
        """Dtype and shape as they were seen; a size that was not always the same is as declared.

        The dtype is None for what is no tensor.
        """
        seen = [run[name] for run in self.runs]
        arrays = [array for array in seen if isinstance(array, np.ndarray)]
        ranks = {array.ndim for array in arrays}
        if len(arrays) < len(seen) or len(ranks) != 1:
            return None, None
        known = declared if declared is not None and len(declared) in ranks else None
        sizes = []
        for axis in range(ranks.pop()):
            several = {array.shape[axis] for array in arrays}
            open_one = known[axis] if known is not None else None
            sizes.append(int(several.pop()) if len(several) == 1 else open_one)
        return dtype_of(arrays[0]), sizes

    def compared(
        self, what: str, made: Model, inputs: Sequence[str], outputs: Sequence[str]
    ) -> Verification:
        """Run the new model on what its inputs had, and compare its outputs with what they had.

        Raises Refused when an output differs or the new model does not run.
        """
        trials = [
            (cast("Feeds", {name: run[name] for name in inputs}), {n: run[n] for n in outputs})
            for run in self.runs
        ]
        return agreed(what, made, trials, self)


def recorded(
    what: str, model: Model, names: Sequence[str], check: Check, *, shapes: bool = False
) -> Recorded:
    """Run the model on the inputs that the check names, once at least, and keep these values.

    A name is that of an input, a weight, or of something that a node makes. Raises BackendError
    when the model does not run, and UsageError for inputs that do not fit.
    """
    feeds = feeds_of(model, check.inputs, max(check.samples, 1), check.seed, None, None)
    probed, wanted = probed_at(model, names)
    runs, backend, note = ran(what, "the original model", probed, feeds, check)
    weights = {tensor.name: tensor for tensor in model.graph.initializers}
    held = [name for name in names if name in weights]
    known: list[Values] = []
    for fed, run in zip(feeds, runs, strict=True):
        own = {name: weights[name].numpy() for name in held if name not in fed}
        known.append({**own, **fed, **{name: run[name] for name in wanted}})
    return Recorded(
        runs=tuple(known),
        check=check,
        with_shapes=shapes,
        notes=tuple(filter(None, [note])),
        backend=backend,
        drawn=frozenset(drawn_outputs(probed)),
    )


def probed_at(model: Model, names: Sequence[str]) -> tuple[Model, list[str]]:
    """A copy whose outputs are those of the names that have to be run for, and which they are.

    Inputs and weights are known, but for sparse weights.
    """
    probed = model.copy()
    graph = probed.graph
    known = {value.name for value in graph.inputs} | {one.name for one in graph.initializers}
    wanted = [name for name in dict.fromkeys(names) if name not in known]
    for value in graph.outputs:
        if value.name not in wanted:
            graph.remove_output(value.name)
    for name in wanted:
        if not graph.value(name).is_output:
            graph.add_output(name)
    return probed, wanted


def ran(
    what: str, text: str, model: Model, feeds: Sequence[Feeds], check: Check
) -> tuple[list[Values], str, str]:
    """The outputs for each set of inputs, what ran it, and a note where that is unusual.

    Raises BackendError, which says what could not be verified.
    """
    try:
        return _ran(text, model, feeds, check)
    except BackendError as error:
        advice = "" if check.inputs is not None else "; give real inputs, or do not ask for a run"
        told = str(error).removeprefix(f"{text}: ")
        raise BackendError(f"{what}: {text} does not run here: {told}{advice}") from error


def _ran(
    text: str, model: Model, feeds: Sequence[Feeds], check: Check
) -> tuple[list[Values], str, str]:
    side, note = side_of(text, model, check)
    if not model.graph.outputs:
        return [{} for _ in feeds], side.backend.name, note
    taken = {value.name for value in model.graph.inputs}
    runs = []
    try:
        for number, one in enumerate(feeds):
            runs.append(side.run_whole({name: one[name] for name in one if name in taken}))
            if check.progress is not None:
                check.progress(f"running {text}", number + 1, len(feeds))
    finally:
        side.close()
    return runs, side.backend.name, note


def agreed(
    what: str, made: Model, trials: Sequence[tuple[Feeds, Values]], known: Recorded
) -> Verification:
    """Run the new model on each set of inputs, and compare with what is expected.

    Raises Refused when an output differs or the new model does not run.
    """
    check = known.check
    try:
        found, backend, note = _ran("the new model", made, [fed for fed, _ in trials], check)
    except BackendError as error:
        reason = f"the new model does not run: {str(error).removeprefix('the new model: ')}"
        raise refused(what, [Refusal("", "", reason)]) from error
    worst: dict[str, tuple[float, ValueRow]] = {}
    for number, ((_, expected), run) in enumerate(zip(trials, found, strict=True)):
        for name, value in expected.items():
            drawn = name in known.drawn
            one = judged(name, value, run[name], check.tolerances, sample=number, is_random=drawn)
            if name not in worst or one[0] > worst[name][0]:
                worst[name] = one
    rows = tuple(row for _, row in worst.values())
    bad = [row for row in rows if row.status == "bad"]
    if bad:
        told = [f"output {row.value!r} differs: {distance(row) or row.note}" for row in bad]
        raise refused(what, [Refusal("", "", one) for one in told[:_MOST_NAMED]])
    sizes = [{name: np.shape(value) for name, value in fed.items()} for fed, _ in trials]
    return Verification(
        samples=len(trials),
        sizes=tuple({str(one): one for one in sizes}.values()),
        outputs=tuple(row for row in rows if row.value not in known.drawn),
        tolerance=check.tolerances.sentence(row.dtype for row in rows),
        notes=(*known.notes, *filter(None, [note])),
        backends=(known.backend, backend),
    )
