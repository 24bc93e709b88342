"""Where two models are joined: which value goes into which input, and whether it fits there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyonnxtool.errors import UsageError
from pyonnxtool.inspection import real_inputs
from pyonnxtool.rewriting import Refusal
from pyonnxtool.rewriting.operand import Facts
from pyonnxtool.surgery.new_names import by_glob
from pyonnxtool.surgery.selection import nothing_called
from pyonnxtool.surgery.type_text import Sizes, dtype_text, sizes_of
from pyonnxtool.wording import typed

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Value

Pairs = Mapping[str, str] | Iterable[tuple[str, str]]
_VALUE = "value of the first model"


@dataclass(frozen=True)
class Joint:
    """A value of the first model that takes the place of an input of the second."""

    value: str
    input: str
    now: str = ""
    """How the value is called in the new model."""


@dataclass
class Fit:
    """What joining says of the second model, and what speaks against it."""

    sizes: dict[str, int | str] = field(default_factory=dict)
    """Named sizes of the second model, and what they are in the first."""
    notes: list[str] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


def joints_asked(first: Model, second: Model, asked: Pairs | None) -> list[Joint]:
    """The joints that are asked for; None: outputs go into inputs of their name.

    A value may be a glob, whose wildcards are carried over to the input's. Where no output has the
    name of an input and there is one of each, these are joined. Raises UsageError for a name that
    there is not, an input that is asked for twice, and when there is nothing to go by.
    """
    if asked is None:
        return _by_name(first, second)
    pairs = asked.items() if isinstance(asked, Mapping) else asked
    values = [value.name for value in first.graph.values if not value.is_outer]
    joints = [
        Joint(*joint)
        for value, wanted in pairs
        for joint in by_glob(value, wanted, values, _VALUE).items()
    ]
    # Before IR version 4 weights had to be listed as inputs, and none could be handed in.
    listed = real_inputs(second.graph) if second.ir_version < 4 else second.graph.inputs
    inputs = [value.name for value in listed]
    taken: dict[str, str] = {}
    for joint in joints:
        if joint.input not in inputs:
            raise nothing_called(joint.input, inputs, "input of the second model")
        if taken.setdefault(joint.input, joint.value) != joint.value:
            raise UsageError(
                f"the input {joint.input!r} of the second model would be both "
                f"{taken[joint.input]!r} and {joint.value!r} of the first"
            )
    return list(dict.fromkeys(joints))


def _by_name(first: Model, second: Model) -> list[Joint]:
    outputs = [value.name for value in first.graph.outputs]
    inputs = [value.name for value in real_inputs(second.graph)]
    alike = [Joint(name, name) for name in inputs if name in outputs]
    if alike:
        return alike
    if len(outputs) == len(inputs) == 1:
        return [Joint(outputs[0], inputs[0])]
    ours = ", ".join(_told(value) for value in first.graph.outputs)
    theirs = ", ".join(_told(value) for value in real_inputs(second.graph))
    raise UsageError(
        "say which output of the first model goes into which input of the second: the first makes "
        f"{ours or 'nothing'}; the second takes {theirs or 'nothing'}; or put them side by side"
    )


def _told(value: Value) -> str:
    return f"{value.name!r} {typed(value.dtype, value.shape)}"


def fitted(first: Model, second: Model, joints: Sequence[Joint]) -> Fit:
    """Whether the values have the types of the inputs, and what that makes of named sizes."""
    fit = Fit()
    known = Facts(first)
    wanted = Facts(second)
    for joint in joints:
        fact = known.of(joint.value, first.graph)
        value, taken = first.graph.value(joint.value), second.graph.value(joint.input)
        ours = dtype_text(fact) or value.dtype
        theirs = taken.dtype or dtype_text(wanted.of(joint.input, second.graph))
        sizes = sizes_of(fact) or value.shape
        if ours is not None and theirs is not None and ours != theirs:
            other = typed(theirs, taken.shape)
            wrong = f"it is {typed(ours, sizes)}, and {_input(joint)} takes {other}"
            advice = "make them alike with `pyonnxtool set-io --dtype`"
            fit.refusals.append(_refusal(value, f"{wrong}; {advice}"))
        elif sizes is not None and taken.shape is not None:
            _compare(joint, value, sizes, taken.shape, fit)
    return fit


def _input(joint: Joint) -> str:
    return f"the input {joint.input!r}"


def _refusal(value: Value, wrong: str) -> Refusal:
    maker = value.producer
    where = "" if maker is None else f" (made by {maker.label})"
    return Refusal("", "", f"{value.name!r}{where} does not fit: {wrong}")


def _compare(joint: Joint, value: Value, ours: Sizes, theirs: Sizes, fit: Fit) -> None:
    assert ours is not None
    assert theirs is not None
    both = f"it is {_listed(ours)}, and {_input(joint)} takes {_listed(theirs)}"
    if len(ours) != len(theirs):
        fit.refusals.append(_refusal(value, both))
        return
    pairs = list(zip(ours, theirs, strict=True))
    if any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in pairs):
        fit.refusals.append(_refusal(value, both))
        return
    for size, name in pairs:
        if isinstance(name, str) and size is not None:
            before = fit.sizes.setdefault(name, size)
            if isinstance(before, int) and isinstance(size, int) and before != size:
                wrong = f"the size {name!r} of the second model would be {before} and {size}"
                fit.refusals.append(_refusal(value, wrong))
            elif before != size:
                fit.notes.append(f"{before} and {size} have to be the same: both are {name!r}")
        elif isinstance(size, str) and isinstance(name, int):
            fit.notes.append(f"the size {size!r} of {value.name!r} has to be {name}")


def _listed(sizes: Sizes) -> str:
    return typed("", sizes).removeprefix("?")
