"""Which graph input and output of one model is which of the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyonnxtool.errors import UsageError
from pyonnxtool.feeds import required_inputs

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Value


Axes = tuple[int, ...]
Sizes = Sequence[int | str | None]


@dataclass(frozen=True)
class Interface:
    """Pairs (reference name, candidate name). `notes` says what was not matched by name."""

    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()
    moved: Mapping[str, Axes] = field(default_factory=dict)
    """Inputs of the candidate that take the reference's with its axes permuted, by name."""
    moved_outputs: Mapping[str, Axes] = field(default_factory=dict)
    """Outputs of the candidate that are the reference's with its axes permuted, by name, as far as
    declared shapes or the caller tell."""


def match_interface(
    reference: Model,
    candidate: Model,
    told: Mapping[str, Axes | None] | None = None,
    renamed: Mapping[str, str] | None = None,
) -> Interface:
    """Pair the graph inputs and outputs by name, or by place when no name is shared.

    `renamed` has the reference's names of inputs and outputs that are called otherwise in the
    candidate, by the candidate's.

    The order of graph inputs and outputs is part of a model's signature, so it may stand in for
    names; dtypes and ranks must agree. A value may have its channels last on one side and first on
    the other; `told` gives the axes of inputs and outputs of the candidate, by name, where that is
    known (None: as the reference has them). Raises UsageError when an output is missing in the
    candidate, when an input of the candidate has no source, or when nothing fits.
    """
    told, renamed = told or {}, renamed or {}
    ours, theirs = required_inputs(reference), required_inputs(candidate)
    inputs, by_place = _pair("input", ours, theirs, told, renamed)
    moved = _moved(inputs, ours, theirs, told)
    made, same = candidate.graph.outputs, reference.graph.outputs
    outputs, outputs_by_place = _pair("output", same, made, told, renamed)
    notes = [f"input {name!r} is fed transposed {perm}" for name, perm in moved.items()]
    if by_place:
        notes.append("the models share no input name: inputs were matched by their order")
    if outputs_by_place:
        notes.append("the models share no output name: outputs were matched by their order")
    known = {name for _, name in outputs}
    more = [value.name for value in candidate.graph.outputs if value.name not in known]
    if more:
        notes.append(f"only the candidate has the output {', '.join(map(repr, more))}")
    turned = _moved(outputs, same, made, told)
    return Interface(tuple(inputs), tuple(outputs), tuple(notes), moved, turned)


def _moved(
    pairs: Sequence[tuple[str, str]],
    ours: Sequence[Value],
    theirs: Sequence[Value],
    told: Mapping[str, Axes | None],
) -> dict[str, Axes]:
    by_name = {value.name: value for value in ours}, {value.name: value for value in theirs}
    perms = {b: _perm(by_name[0][a], by_name[1][b], told) for a, b in pairs}
    return {name: perm for name, perm in perms.items() if perm is not None}


def _perm(ours: Value, theirs: Value, told: Mapping[str, Axes | None]) -> Axes | None:
    """The candidate's axes as those of the reference; None where they are in the same order."""
    if theirs.name in told:
        return told[theirs.name]
    if not _fits(ours, theirs):
        return _layout(ours, theirs, _agree)
    # Names of sizes tell more than that nothing contradicts.
    return None if ours.shape == theirs.shape else _layout(ours, theirs, _equal)


def _layout(ours: Value, theirs: Value, alike: Callable[[Sizes, Sizes], bool]) -> Axes | None:
    """Channels last instead of first, or the reverse, where the sizes allow just that."""
    rank = len(ours.shape or ())
    last = (0, *range(2, rank), 1)
    first = (0, rank - 1, *range(1, rank - 1))
    for perm in (last, first) if rank >= 3 else ():
        if ours.shape and alike([ours.shape[axis] for axis in perm], theirs.shape or ()):
            return perm
    return None


def _equal(ours: Sizes, theirs: Sizes) -> bool:
    return None not in ours and tuple(ours) == tuple(theirs)


def _pair(
    what: str,
    reference: Sequence[Value],
    candidate: Sequence[Value],
    told: Mapping[str, Axes | None],
    renamed: Mapping[str, str],
) -> tuple[list[tuple[str, str]], bool]:
    ours = {value.name: value for value in reference}
    theirs = _by_old_name(candidate, ours, renamed)
    if ours.keys() & theirs.keys():
        return _pair_by_name(what, ours, theirs, told), False

    def fits(a: Value, b: Value) -> bool:
        return _fits(a, b) or (what == "input" and _perm(a, b, told) is not None)

    if len(reference) == len(candidate) and all(map(fits, reference, candidate)):
        pairs = [(a.name, b.name) for a, b in zip(reference, candidate, strict=True)]
        return pairs, bool(pairs)
    raise UsageError(
        f"the two models have no {what} in common: the reference has {_listed(reference)}, "
        f"the candidate has {_listed(candidate)}; are they the same network?"
    )


def _by_old_name(
    candidate: Sequence[Value], ours: Mapping[str, Value], renamed: Mapping[str, str]
) -> dict[str, Value]:
    """By the reference's names where these are known, and by their own where two would have one."""
    own = {value.name: value for value in candidate}
    old = {name: renamed[name] for name in own if renamed.get(name) in ours}
    by_old = {old.get(name, name): value for name, value in own.items()}
    return by_old if len(by_old) == len(own) else own


def _pair_by_name(
    what: str,
    ours: dict[str, Value],
    theirs: dict[str, Value],
    told: Mapping[str, Axes | None],
) -> list[tuple[str, str]]:
    # The candidate may ignore an input (pruned), but it cannot invent one, nor lack an output.
    needed, there = (theirs, ours) if what == "input" else (ours, theirs)
    missing = [name for name in needed if name not in there]
    if missing:
        side = "reference" if what == "input" else "candidate"
        raise UsageError(
            f"the {side} has no {what} {', '.join(map(repr, missing))}; "
            f"it has {_listed(list(there.values()))}"
        )
    for name in needed if what == "input" else ():
        if not _fits(ours[name], theirs[name]) and _perm(ours[name], theirs[name], told) is None:
            raise UsageError(
                f"{what} {name!r} is {_described(ours[name])} in the reference, "
                f"but {_described(theirs[name])} in the candidate"
            )
    return [(name, theirs[name].name) for name in ours if name in theirs]


def _fits(ours: Value, theirs: Value) -> bool:
    if ours.shape is None or theirs.shape is None:
        return True
    return _agree(ours.shape, theirs.shape)


def _agree(ours: Sizes, theirs: Sizes) -> bool:
    return len(ours) == len(theirs) and not any(
        isinstance(a, int) and isinstance(b, int) and a != b
        for a, b in zip(ours, theirs, strict=True)
    )


def _listed(values: Sequence[Value]) -> str:
    return ", ".join(f"{value.name!r} {_described(value)}" for value in values[:8]) + (
        f" and {len(values) - 8} more" if len(values) > 8 else "" if values else "none"
    )


def _described(value: Value) -> str:
    shape = "" if value.shape is None else f"[{', '.join(map(_dim, value.shape))}]"
    return f"{value.dtype or value.kind}{shape}"


def _dim(dim: int | str | None) -> str:
    return "?" if dim is None else str(dim)
