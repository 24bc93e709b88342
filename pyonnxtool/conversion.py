"""opset: the same model for a runtime that knows another version of the operators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import index
from typing import TYPE_CHECKING

from pyonnxtool.downgrade.descent import Descended
from pyonnxtool.downgrade.functions import opened
from pyonnxtool.downgrade.lowering import lowered
from pyonnxtool.downgrade.old_ir import ir_version_of, restated
from pyonnxtool.errors import UsageError
from pyonnxtool.model import ModelLike, as_model
from pyonnxtool.op_schemas import newest_opset
from pyonnxtool.proof import check_of, verified
from pyonnxtool.raising import raised
from pyonnxtool.report import strict_json
from pyonnxtool.rewriting import Change, Rewrite, RewriteReport, StandsFor, refused
from pyonnxtool.rewriting.measure import measured
from pyonnxtool.runtimes import Runtime, find_runtime

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pyonnxtool._core import Model
    from pyonnxtool.divergence.sweep import Progress
    from pyonnxtool.proof import Proof

LOWEST = 7
"""The first opset with the broadcasting of today; onnxruntime takes none below."""


@dataclass(frozen=True, kw_only=True)
class OpsetReport(RewriteReport):
    """What `opset` did to which operators."""

    opset_before: int
    """Of ai.onnx, in the old model."""
    opset: int
    """Of ai.onnx, in the new model."""
    ir_version_before: int
    """Of the old model."""
    ir_version: int
    """Of the new model."""
    runtime: Runtime | None = None
    """What it was made for, when that was named."""
    rules: Mapping[str, str] = field(default_factory=dict)
    """Value of the new model to what made it, or changed the node that makes it."""

    def to_json(self) -> str:
        """`pyonnxtool/opset/1`."""
        return strict_json("pyonnxtool/opset/1", self)


def opset(given: ModelLike, to: int | str, **proof: Unpack[Proof]) -> Rewrite[OpsetReport]:
    """The model at opset `to` of ai.onnx, or at one that a runtime takes; not changed itself.

    `to` is a number, or a runtime's name with its version: "onnxruntime-1.8"; such a model gets an
    IR version that the runtime takes too, and stays at its own opset where that is low enough. A
    model that is there already is given back as it is. Upwards each node that changed goes through
    the onnx package's converter.

    `verify` is the number of samples on which old and new model are run and compared; `inputs`,
    `seed`, `atol`, `rtol`, `memory`, `custom_ops` and `progress` say how, see `proof.Proof`.

    Raises UsageError for an opset or runtime that there is not, Refused with every node that has no
    equal there or when the new model differs, BackendError when the old one cannot be run to
    compare, or ModelError.
    """
    check = check_of(**proof)
    model = as_model(given)
    runtime = find_runtime(to) if isinstance(to, str) else None
    goal = goal_of(model, to)
    what = f"opset {goal}" + (f" for {runtime.name}" if runtime else "")
    if check.progress is not None:
        check.progress(what, 0, 0)
    made, done = _converted(model, goal, runtime)
    if done.refusals:
        raise refused(what, done.refusals)
    report = OpsetReport(
        model=model.path or model.graph.name or "model",
        changes=tuple(Change(rule, count) for rule, count in done.changes.items()),
        value_map=tuple(StandsFor(new, old) for new, old in done.stands_for),
        before=measured(model),
        after=measured(made),
        opset_before=imported(model),
        opset=goal,
        ir_version_before=model.ir_version,
        ir_version=made.ir_version,
        runtime=runtime,
        rules=done.rules,
        notes=_notes(made),
    )
    if made is model:
        return Rewrite(model, report)
    return verified(what, model, Rewrite(made, report), check, rules=done.rules, drifts=True)


def goal_of(given: ModelLike, to: int | str) -> int:
    """The opset that `opset` brings the model to. Raises UsageError as that does."""
    before = imported(as_model(given))
    if isinstance(to, str):
        return max(LOWEST, min(before, find_runtime(to).opset))
    return checked_opset(index(to))


def _notes(made: Model) -> tuple[str, ...]:
    own = {function.domain for function in made.functions}
    others = [f"{name} {at}" for name, at in made.opset_imports.items() if name and name not in own]
    return (f"other domains stay as they are: {', '.join(others)}",) if others else ()


def _converted(model: Model, goal: int, runtime: Runtime | None) -> tuple[Model, Descended]:
    """The model itself when there is nothing to do."""
    before = imported(model)
    if goal > before:
        return raised(model, goal)
    made, done = lowered(model, goal) if goal < before else (model, Descended())
    highest = None if runtime is None else runtime.ir_version or ir_version_of(runtime.opset)
    if highest is not None and made.ir_version > highest:
        made, closed = opened(made.copy(), goal, highest)
        done.refusals += [*closed, *restated(made, highest)]
    return made, done


def lowest_reached(given: ModelLike, to: int, progress: Progress | None = None) -> int | None:
    """The lowest opset above `to` at which nothing is refused, searched by halves.

    None when `to` itself is one, or is above the model's own, which counts as reached.
    """
    model = as_model(given)
    low, high = to, imported(model)
    if low >= high or not lowered(model, low)[1].refusals:
        return None
    while high - low > 1:  # refused at `low`, reached at `high`
        middle = (low + high) // 2
        if progress is not None:
            progress(f"trying opset {middle}", 0, 0)
        if lowered(model, middle)[1].refusals:
            low = middle
        else:
            high = middle
    return high


def imported(model: Model) -> int:
    """The opset of ai.onnx: the model's, else the highest of its functions.

    Raises UsageError for a model that has none.
    """
    of_functions = [each.opset_imports.get("") for each in model.functions]
    given = [model.opset_imports.get(""), max(filter(None, of_functions), default=None)]
    found = next(filter(None, given), None)
    if found is None:
        told = ", ".join(f"{domain} {version}" for domain, version in model.opset_imports.items())
        raise UsageError(
            f"the model imports no opset of ai.onnx, only {told or 'none at all'}: there is "
            "nothing to convert"
        )
    return found


def checked_opset(to: int) -> int:
    """Raises UsageError for an opset that there is not, or that is too old for any runtime."""
    newest = newest_opset()
    if not LOWEST <= to <= newest:
        raise UsageError(
            f"there is no way to opset {to}: give one from {LOWEST} to {newest}, the newest that "
            "the onnx package knows here"
        )
    return to
