"""Several faults in the order of what each does to the final outputs by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool import _core
from pyonnxtool.divergence.compare import Array, compare, dtype_of
from pyonnxtool.divergence.pairing.rematch import values_of
from pyonnxtool.divergence.probe import Values, described, open_part
from pyonnxtool.errors import PyonnxtoolError
from pyonnxtool.feeds.dtypes import numpy_dtype

if TYPE_CHECKING:
    from pyonnxtool.divergence.case import Case
    from pyonnxtool.divergence.search.suspects import Fault, Search


def ranked(case: Case, search: Search, faults: Sequence[Fault]) -> list[tuple[Fault, float | None]]:
    """The faults, worst first, each with the difference that it alone makes in the final outputs.

    That is the largest |difference| of an output relative to its scale when the reference goes on
    from what the candidate makes, of the reference's values, at this one place; on the first
    sample. It counts every way from the fault to the outputs, as an error of the whole model does.
    None where it was not asked, for a single fault, or cannot be had, because the reference is
    not run in parts; such faults come after the others, by how far they are above rounding.
    """
    alone = _alone(case, search, faults) if len(faults) > 1 else {}
    place = {fault.measured.pair.candidate: at for at, fault in enumerate(faults)}

    def order(fault: Fault) -> tuple[float, float, int]:
        name = fault.measured.pair.candidate
        return (-alone.get(name, -1.0), -fault.excess, place[name])

    return [(one, alone.get(one.measured.pair.candidate)) for one in sorted(faults, key=order)]


def _alone(case: Case, search: Search, faults: Sequence[Fault]) -> dict[str, float]:
    if case.reference.recorded is not None:
        return {}
    outputs = [pair.reference for pair in case.outputs]
    near = {fault.measured.pair.candidate: [fault.measured.pair.reference] for fault in faults}
    near[faults[0].measured.pair.candidate].extend(outputs)
    try:
        ours, made = values_of(case, search.pairs, near, search.swept)
    except PyonnxtoolError:
        return {}
    found = {}
    for fault in faults:
        pair = fault.measured.pair
        expected, other = ours.get(pair.reference), made.get(pair.candidate)
        if not isinstance(expected, np.ndarray) or not isinstance(other, np.ndarray):
            continue
        value = other if pair.view is None else pair.view.to_reference(other, expected.shape)
        value = value.astype(numpy_dtype(dtype_of(expected)), copy=False)
        try:
            found[pair.candidate] = _at_outputs(case, ours, pair.reference, value, outputs)
        except PyonnxtoolError:  # another shape, for example
            continue
    return found


def _at_outputs(
    case: Case, ours: Mapping[str, object], name: str, value: Array, outputs: Sequence[str]
) -> float:
    """Largest relative difference of an output when `name` has this value in the reference."""
    sample = case.samples[0]
    fed: Values = {**sample.reference, name: value}
    later = [output for output in outputs if output != name]
    part = open_part(case.reference, described(fed), [o for o in later if _reads(case, o, name)])
    with part.session:
        made = {**part.run(fed), name: value}
    case.reference.runs += 1
    return max(
        (compare(ours[one], made[one]).relative for one in outputs if one in made), default=0.0
    )


def _reads(case: Case, output: str, name: str) -> bool:
    """Whether the value goes into the output."""
    return name in _core.frontier(case.reference.model, [name], [output])
