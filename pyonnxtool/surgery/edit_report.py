"""What every edit gives back, and the check that the graph is still one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pyonnxtool.inspection import Port, port, real_inputs
from pyonnxtool.proof import verified
from pyonnxtool.report import strict_json
from pyonnxtool.rewriting import Change, Left, Refusal, Rewrite, RewriteReport, StandsFor, refused
from pyonnxtool.rewriting.measure import measured
from pyonnxtool.wording import plural

if TYPE_CHECKING:
    from pyonnxtool._core import Model
    from pyonnxtool.proof import Check


@dataclass(frozen=True)
class Weight:
    """A constant of the model."""

    name: str
    """Of the value that it is."""
    dtype: str
    shape: tuple[int, ...]
    bytes: int
    """As they are stored; 0 of strings."""
    place: str
    """ "inside" the model file, or another file and the offset in it: "m.onnx.data:4096"."""


_MOST_TOLD = 8
"""Problems of a graph that does not hold together; what follows often comes of the first ones."""


@dataclass(frozen=True, kw_only=True)
class EditReport(RewriteReport):
    """What an edit did, and what goes in and out of the model now."""

    operation: str
    """Which edit: "extract", "rename"."""
    inputs_before: tuple[Port, ...]
    """Inputs of the model as it was."""
    inputs: tuple[Port, ...]
    """Inputs of the new model."""
    outputs_before: tuple[Port, ...]
    """Outputs of the model as it was."""
    outputs: tuple[Port, ...]
    """Outputs of the new model."""
    header: Mapping[str, str] = field(default_factory=dict)
    """What the new model says of itself, where the edit is about that: "producer_name",
    "metadata.license"."""
    second: str = ""
    """The other model, where the edit makes one of two."""
    second_map: tuple[StandsFor, ...] = ()
    """As `value_map`, of values of the other model."""
    weights: tuple[Weight, ...] = ()
    """The weights of the new model, the largest first, where the edit is about them."""

    def to_json(self) -> str:
        """`pyonnxtool/edit/1`."""
        return strict_json("pyonnxtool/edit/1", self)


def edited(
    operation: str,
    before: Model,
    after: Model,
    changes: Mapping[str, int],
    *,
    check: Check,
    value_map: Sequence[StandsFor] = (),
    notes: Sequence[str] = (),
    left: Sequence[Left] = (),
    rules: Mapping[str, str] | None = None,
    trial: Model | None = None,
) -> Rewrite[EditReport]:
    """The new model and its report, once the graph holds together and, if asked for, was run.

    `changes` is what was done and how often. Outputs that both models have, or that `value_map`
    says are the same, are compared when the check has samples. `left` is what was looked at and
    stays as it was, `rules` are values of the new model and what made them.

    Raises Refused with each problem of the graph that the old model did not have, or when outputs
    differ; BackendError when the old model cannot be run.
    """
    had = set(before.verify())
    problems = [problem for problem in after.verify() if problem not in had]
    if problems:
        more = len(problems) - _MOST_TOLD
        told = problems[:_MOST_TOLD] + ([f"and {plural(more, 'more problem')}"] if more > 0 else [])
        raise refused(operation, [Refusal("", "", problem) for problem in told])
    report = EditReport(
        model=before.path or before.graph.name or "model",
        operation=operation,
        changes=tuple(Change(rule, count) for rule, count in changes.items() if count),
        value_map=tuple(value_map),
        left=tuple(left),
        before=measured(before),
        after=measured(after),
        inputs_before=tuple(port(value) for value in real_inputs(before.graph)),
        inputs=tuple(port(value) for value in real_inputs(after.graph)),
        outputs_before=tuple(port(value) for value in before.graph.outputs),
        outputs=tuple(port(value) for value in after.graph.outputs),
        notes=tuple(notes),
    )
    made = Rewrite(trial or after, report)
    ports = {new: old for old, new in report.pairs}
    check = replace(check, without_it="leave it unchecked with --samples 0")
    done = verified(operation, before, made, check, ports=ports, rules=rules, drifts=bool(rules))
    return replace(done, model=after)
