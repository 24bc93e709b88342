"""merge: two models become one, the second reading what the first makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.errors import UsageError
from pyonnxtool.model import ModelLike, as_model
from pyonnxtool.onnx_inference import ask_onnx
from pyonnxtool.proof import check_of
from pyonnxtool.rewriting import Refusal, Rewrite, StandsFor, refused
from pyonnxtool.surgery.edit_report import EditReport, edited
from pyonnxtool.surgery.joints import Fit, Joint, Pairs, fitted, joints_asked
from pyonnxtool.surgery.namespaces import (
    Border,
    NewNames,
    border_of,
    names_apart,
    nodes_apart,
    renamed,
)
from pyonnxtool.surgery.rename import rename
from pyonnxtool.surgery.selection import selected
from pyonnxtool.surgery.shared_functions import adopt_functions, functions_apart
from pyonnxtool.surgery.shared_versions import Levelled, levelled

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pyonnxtool._core import Model
    from pyonnxtool.proof import Proof


@dataclass(frozen=True)
class _Pair:
    """Two models on their way to one, and how their values are called meanwhile."""

    first: Model
    second: Model
    joints: tuple[Joint, ...]
    ours: Border
    theirs: Border


def merge(
    first: ModelLike,
    second: ModelLike,
    joined: Pairs | None = None,
    *,
    keep: Sequence[str] = (),
    drop: Sequence[str] = (),
    prefix_first: str = "",
    prefix_second: str = "",
    to: int | None = None,
    **proof: Unpack[Proof],
) -> Rewrite[EditReport]:
    """One model of two, in which the second reads what the first makes; both stay as they are.

    `joined` is value of the first to input of the second, or pairs of those where one value goes
    into several inputs; {"present.*": "past.*"} are all of them. A value may be an output, one
    inside, a weight, or an input: then both are fed by it. Without it, outputs go into inputs of
    their name, or the only output into the only input; empty, the models lie side by side. A value
    must have the dtype and the sizes of the input; named sizes of the second model become what they
    are in the first.

    Outputs of the first that are joined are none any more unless `keep` has them; `drop` takes
    others of it away, with the nodes that only they needed. Both are names or globs.

    Inputs and outputs keep their names. Values and nodes inside that both models have a name for
    get another one in one of them, and so do functions that are not the same. `prefix_first` and
    `prefix_second` go before all names of a model.

    The model of the lower opset is raised to the other's, or the other lowered where that is
    refused, or both are brought to opset `to`. Header and metadata are the first model's, with
    entries that only the second has.

    With `verify` the first model runs on that many feeds of the new one and the second on what that
    gives, and the new model is compared with that.

    Raises UsageError for a name that there is not and for an input or output that both have;
    Refused with every value that does not fit, for models that cannot be brought to one opset, or
    as `edit_report.edited` does; BackendError when one of the models does not run.
    """
    check = check_of(**proof)
    models = as_model(first), as_model(second)
    asked = joints_asked(*models, joined)
    level = levelled("merge", *models, to)
    prefixes = prefix_first, prefix_second
    pair = _paired(level, asked, prefixes, _kept(models[0], asked, keep, drop))
    fit = fitted(pair.first, pair.second, pair.joints)
    if fit.refusals:
        raise refused("merge", fit.refusals)
    inputs = {joint.input for joint in pair.joints}
    names = names_apart(pair.first, pair.second, pair.ours, pair.theirs, inputs)
    made, changes, notes = _made(pair, fit, names)
    _refuse_contradictions(made, models)
    told = _told(models[0], level.moved[0], prefix_first, names.first, made)
    told_of_second = _told(models[1], level.moved[1], prefix_second, names.second, made)
    done = edited(
        "merge",
        models[0],
        made,
        Counter(level.changes) + changes,
        check=replace(check, samples=0),
        value_map=told,
        notes=[*level.notes, *fit.notes, *notes],
    )
    report = replace(done.report, second=_name(models[1]), second_map=tuple(told_of_second))
    if check.samples:
        from pyonnxtool.surgery.chained_run import chained  # noqa: PLC0415 - what runs models takes a while

        now = dict(report.pairs)
        joints = [replace(joint, now=now.get(joint.value, joint.value)) for joint in asked]
        ours = {node.id for node in pair.first.graph.nodes}
        added = {node.id for node in made.graph.nodes} - ours
        found = chained(models, joints, prefixes, made, added, check)
        report = replace(report, verification=found)
    return Rewrite(made, report)


def _name(model: Model) -> str:
    return model.path or model.graph.name or "model"


def _kept(
    first: Model, joints: Sequence[Joint], keep: Sequence[str], drop: Sequence[str]
) -> list[str]:
    """Outputs of the first model that stay outputs."""
    there = [value.name for value in first.graph.outputs]
    held = set(selected(keep, there, "output of the first model"))
    gone = set(selected(drop, there, "output of the first model"))
    if held & gone:
        raise UsageError(f"the output {min(held & gone)!r} is to be kept and to be dropped")
    ports = {value.name for value in first.graph.inputs}
    gone |= {joint.value for joint in joints if joint.value not in ports} - held
    return [name for name in there if name not in gone]


def _paired(
    level: Levelled,
    asked: Sequence[Joint],
    prefixes: tuple[str, str],
    kept: Sequence[str],
) -> _Pair:
    """Both models with prefixes, functions and nodes apart, and what goes in and out of them."""
    first, second = (
        rename(model, prefix=prefix).model if prefix else model
        for model, prefix in zip(level.models, prefixes, strict=True)
    )
    for place, model in enumerate((first, second)):
        _refuse_lost(model, asked, level.moved[place], prefixes[place], of_first=not place)
    joints = tuple(
        Joint(prefixes[0] + level.moved[0].get(one.value, one.value), prefixes[1] + one.input)
        for one in asked
    )
    inputs = {joint.input for joint in joints}
    ours = border_of(first, (), [prefixes[0] + name for name in kept])
    theirs = border_of(second, inputs, [value.name for value in second.graph.outputs])
    if not ours.outputs and not theirs.outputs:
        raise UsageError("a model needs an output; keep one of those that are joined or dropped")
    return _Pair(first, nodes_apart(first, second), joints, ours, theirs)


def _refuse_lost(
    model: Model,
    joints: Sequence[Joint],
    moved: Mapping[str, str],
    prefix: str,
    *,
    of_first: bool,
) -> None:
    """Raise when a value that is joined is gone since the model was brought to another opset."""
    for joint in joints:
        name = joint.value if of_first else joint.input
        if not model.graph.defines(prefix + moved.get(name, name)):
            raise UsageError(
                f"{name!r} is gone once the model is at the other's opset; join another value, or "
                "bring the models to one opset first with `pyonnxtool opset`"
            )


def _made(pair: _Pair, fit: Fit, names: NewNames) -> tuple[Model, Counter[str], list[str]]:
    """The new model, what was done, and notes."""
    first, second, apart = functions_apart(renamed(pair.first, names.first), pair.second)
    joined = {joint.input: names.first.get(joint.value, joint.value) for joint in pair.joints}
    made, sizes = _core.put_beside(first, second, names.second, joined, fit.sizes)
    made.graph.sort()
    changes = Counter(
        {
            "inputs joined": len(joined),
            "nodes added": second.graph.node_count,
            "values that got another name": len(names.first) + len(names.second),
            "functions that got another name": apart,
            "functions added": adopt_functions(made, second),
        }
    )
    for domain, version in second.opset_imports.items():
        if domain not in made.opset_imports:
            made.set_opset_import(domain, version)
    graph = made.graph
    wanted = {*(names.first.get(name, name) for name in pair.ours.outputs), *pair.theirs.outputs}
    going = [value.name for value in graph.outputs if value.name not in wanted]
    for name in going:
        graph.remove_output(name)
    changes["outputs removed"] = len(going)
    if set(going).difference(joined.values()):
        changes["nodes cut off"] = _cut_off(made)
    if first.graph.name and second.graph.name and first.graph.name != second.graph.name:
        graph.set_name(f"{first.graph.name}_{second.graph.name}")
    return made, changes, [*_apart(sizes), *_adopt_metadata(made, second)]


def _cut_off(made: Model) -> int:
    """Nodes that no output needs any more."""
    before = made.graph.node_count
    made.prune()
    return before - made.graph.node_count


def _apart(sizes: Mapping[str, str]) -> list[str]:
    told = ", ".join(f"{old!r} is {new!r}" for old, new in sizes.items())
    why = "nothing says that these sizes of the second model are the first's"
    return [f"{why}, so they have names of their own: {told}"] if sizes else []


def _adopt_metadata(made: Model, second: Model) -> list[str]:
    """Entries that only the second model has; notes of those that differ."""
    notes = []
    there = made.metadata
    for key, value in second.metadata.items():
        if there.setdefault(key, value) != value:
            notes.append(f"metadata {key!r} is the first model's; the second had another text")
        elif key not in made.metadata:
            made.set_metadata(key, value)
    return notes


def _refuse_contradictions(made: Model, models: tuple[Model, Model]) -> None:
    """Raise Refused where sizes do not go together that neither model said of itself."""
    found = _core.infer_shapes(made, ask_onnx).contradictions
    if not found:
        return
    known = {
        text for model in models for _, text in _core.infer_shapes(model, ask_onnx).contradictions
    }
    new = [Refusal(node.name, node.op_type, text) for node, text in found if text not in known]
    if new:
        raise refused("merge", new)


def _told(
    model: Model, moved: Mapping[str, str], prefix: str, names: Mapping[str, str], made: Model
) -> list[StandsFor]:
    """Values of one of the models that have another name now."""
    told = []
    for value in model.graph.values:
        stands = prefix + moved.get(value.name, value.name)
        now = names.get(stands, stands)
        if now != value.name and made.graph.defines(now):
            told.append(StandsFor(now, value.name))
    return told
