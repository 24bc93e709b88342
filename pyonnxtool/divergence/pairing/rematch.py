"""Pairs that names or surroundings suggested, put right and completed by values.

A node that an optimizer folded into its neighbour often keeps its name, and then makes another
value than its namesake: a convolution with its normalization inside makes what the normalization
made. Fed with the reference's values it computes one of them exactly, whatever is wrong elsewhere
in the model; that one is its counterpart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool import _core
from pyonnxtool.divergence.compare import Array, compare
from pyonnxtool.divergence.pairing.forms import Form, find_form
from pyonnxtool.divergence.plan import Pair, in_candidate_form
from pyonnxtool.divergence.probe import Values, as_type, described, open_part
from pyonnxtool.divergence.views import Rearranged
from pyonnxtool.errors import BackendError
from pyonnxtool.verdict import EPS

if TYPE_CHECKING:
    from pyonnxtool._core import Model
    from pyonnxtool.divergence.case import Case
    from pyonnxtool.divergence.sweep import Swept

_STEPS = 6
"""How far from its namesake a value's counterpart is looked for, in nodes."""
_ALIKE = 256
"""Spacings of the dtype, relative to the scale, up to which two values are the same one."""


def rematched(
    case: Case,
    pairs: Sequence[Pair],
    doubtful: Collection[str],
    regions: Collection[str],
    swept: Swept,
) -> list[Pair]:
    """`pairs`, put right and completed around what looks wrong.

    Each of `doubtful` (candidate values) may get another reference value: one that has no
    counterpart, near the one it was paired with. What is computed on the way to each of `regions`
    (paired candidate values) may get one from the reference's region. Only what the candidate
    makes of the reference's values up to rounding is paired, and none twice.
    """
    near = _wanted(case, pairs, doubtful, regions)
    if not near:
        return list(pairs)
    try:
        ours, made = values_of(case, pairs, near, swept)
    except BackendError:
        return list(pairs)
    found: dict[str, Pair] = {}
    taken: set[str] = set()
    own = {pair.candidate: pair.reference for pair in pairs}
    for name, values in near.items():
        for value in values:
            # Several values may be the same one in another form, if they were paired with it.
            free = value not in taken or value == own.get(name)
            form = _form(ours.get(value), made.get(name)) if free else None
            if form is not None:
                found[name] = Pair(value, name, True, form.view)
                taken.add(value)
                break
    kept = [pair for pair in pairs if pair.candidate not in found]
    order = {name: at for at, name in enumerate(_core.produced_values(case.candidate.model))}
    return sorted([*kept, *found.values()], key=lambda pair: order.get(pair.candidate, -1))


def _wanted(
    case: Case, pairs: Sequence[Pair], doubtful: Collection[str], regions: Collection[str]
) -> dict[str, list[str]]:
    """Candidate values and where their counterparts may be, in the candidate's order."""
    paired = {pair.candidate for pair in pairs}
    used = {pair.reference for pair in pairs}
    free = [name for name in _core.produced_values(case.reference.model) if name not in used]
    near: dict[str, list[str]] = {}
    for pair in pairs:
        if pair.candidate in doubtful:
            after = _near(case.reference.model, pair.reference, free)
            near[pair.candidate] = [pair.reference, *after]
        if pair.candidate in regions:
            inner = _made_in_region(case.candidate.model, paired, pair.candidate)
            outer = _made_in_region(case.reference.model, used, pair.reference)
            for name in inner:
                near.setdefault(name, []).extend(outer)
    return {name: values for name, values in near.items() if values}


def _made_in_region(model: Model, paired: Collection[str], output: str) -> list[str]:
    """Unpaired values between the paired ones and `output`."""
    nodes = [model.graph.node(at) for at in _core.region(model, list(paired), [output], True)]
    made = [name for node in nodes if node.op_type != "Constant" for name in node.output_names]
    return [name for name in made if name and name not in paired]


def _near(model: Model, name: str, free: Collection[str]) -> list[str]:
    """The free values after `name`, then those before it, the nearest first."""
    found: dict[str, None] = {}
    for forward in (True, False):
        ring = [name]
        for _ in range(_STEPS):
            ring = [other for value in ring for other in _next(model, value, forward)]
            ring = [other for other in dict.fromkeys(ring) if other in free and other not in found]
            found |= dict.fromkeys(ring)
    return list(found)


def _next(model: Model, name: str, forward: bool) -> list[str]:
    value = model.graph.value(name)
    if forward:
        return [out for node in value.consumers for out in node.output_names if out]
    return [read for read in value.producer.input_names if read] if value.producer else []


def values_of(
    case: Case, pairs: Sequence[Pair], near: Mapping[str, Sequence[str]], swept: Swept
) -> tuple[Values, Values]:
    """What the reference has at the places in `near`, and what the candidate makes of it there.

    By their names on either side, on the first sample. `near` maps the candidate's values to
    values of the reference. Raises BackendError where a part cannot be run.
    """
    paired = [pair.candidate for pair in pairs]
    read = _core.frontier(case.candidate.model, paired, list(near), True)
    pair_of = {pair.candidate: pair for pair in pairs}
    sample = case.samples[0]
    case.reference.begin(sample.number, sample.reference)
    wanted = {value for values in near.values() for value in values}
    wanted |= {pair_of[name].reference for name in read if name in pair_of}
    produced = set(_core.produced_values(case.reference.model))
    part = open_part(case.reference, {}, sorted(wanted & produced))
    with part.session:
        ours = part.run(sample.reference)
    case.reference.runs += 1
    ours |= sample.reference
    fed: dict[str, Array] = dict(sample.candidate)
    for name in read:
        pair = pair_of.get(name)
        value = ours.get(pair.reference) if pair is not None else None
        if pair is not None and isinstance(value, np.ndarray):
            value = in_candidate_form(pair, value, swept.shapes)
            fed[name] = as_type(value, swept.types.get(name))
    given = described({name: fed[name] for name in paired if name in fed})
    part = open_part(case.candidate, given, list(near), detach=True)
    with part.session:
        made = part.run(fed)
    case.candidate.runs += 1
    return ours, made


def _form(ours: object, theirs: object) -> Form | None:
    """How the second holds the numbers of the first, up to rounding; None where it does not."""
    if not isinstance(ours, np.ndarray) or not isinstance(theirs, np.ndarray):
        return None
    if ours.size != theirs.size or ours.dtype != theirs.dtype:
        return None
    plain = Form(None if ours.shape == theirs.shape else Rearranged())
    other = find_form([ours], [theirs]) if plain.view is not None else None
    # In the order of memory first: where all elements are equal, other orders fit as well.
    return next((form for form in (plain, other) if form and _fits(form, ours, theirs)), None)


def _fits(form: Form, ours: Array, theirs: Array) -> bool:
    seen = theirs if form.view is None else form.view.to_reference(theirs, ours.shape)
    found = compare(ours, seen)
    return found.relative <= _ALIKE * EPS.get(found.dtype, 0.0)
