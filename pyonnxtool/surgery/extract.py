"""extract: the part of a model between some values and some others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.errors import UsageError
from pyonnxtool.model import ModelLike, as_model
from pyonnxtool.proof import check_of
from pyonnxtool.rewriting import Rewrite
from pyonnxtool.rewriting.operand import Facts
from pyonnxtool.surgery.cut_line import check_enough, cut_line
from pyonnxtool.surgery.edit_report import EditReport, edited
from pyonnxtool.surgery.places import made_in, named, opened_for, weights_of
from pyonnxtool.surgery.type_text import Sizes, declared_as, dtype_text, sizes_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pyonnxtool._core import Model
    from pyonnxtool.proof import Check, Running
    from pyonnxtool.surgery.staged_run import Recorded

SHAPES = ("inferred", "recorded")


@dataclass(frozen=True)
class _Part:
    """What is cut out of which model: functions in the way are open."""

    source: Model
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    opened: int


def extract(
    given: ModelLike,
    *,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    types: Mapping[str, str] | None = None,
    shapes: str = "inferred",
    feeds: object = None,
    **running: Unpack[Running],
) -> Rewrite[EditReport]:
    """The part of the model that makes `outputs` from `inputs`; the model stays as it is.

    Both are names or globs of values: in the main graph, also in functions that it calls, where a
    value is called "<call>/<its name>" (such functions are opened). Without `inputs` they are the
    model's as far as they are needed, without `outputs` all that the model has. A glob of inputs
    stands for those that are read, one of outputs for those that follow from the inputs alone.

    New inputs and outputs get the dtype and shape that can be inferred, or, with
    `shapes="recorded"`, those that they have in a run of the model on `feeds` (generated without
    them): a size that differs between `verify` samples stays open. `types` are name to type,
    "float32[1,3,n]", where neither will do. What is in between keeps names, metadata and bytes.

    With `verify` the model runs on that many feeds, and the part on what its inputs had there.

    Raises UsageError for a name that there is not, for outputs that need more than `inputs`, and
    for an input without a known dtype; Refused for values inside the body of an If, a Loop or a
    Scan, or as `edit_report.edited` does; BackendError when the model does not run.
    """
    if shapes not in SHAPES:
        raise UsageError(f"shapes={shapes!r}: choose one of {', '.join(SHAPES)}")
    check = replace(check_of(**running), inputs=feeds)
    model = as_model(given)
    part = _part_of(model, inputs, outputs)
    made, fed = _core.cut_out(part.source, part.inputs, part.outputs)
    made.graph.sort()  # not every file lists producers first, and not all take that
    _refuse_unread(inputs, fed)
    record = _record(part, fed, shapes, check)
    _declare(made, part, fed, types or {}, record)
    changes = {"functions opened": part.opened, "nodes cut off": _nodes_cut(part.source, made)}
    result = edited("extract", model, made, changes, check=replace(check, samples=0))
    if record is None or not check.samples:
        return result
    found = record.compared("extract", made, fed, part.outputs)
    return replace(result, report=replace(result.report, verification=found))


def _part_of(model: Model, inputs: Sequence[str], outputs: Sequence[str]) -> _Part:
    if not inputs and not outputs:
        raise UsageError("say which values the part begins with (inputs) or ends with (outputs)")
    source, opened = opened_for("extract", model, [*inputs, *outputs])
    graph = source.graph
    made = made_in(graph)
    weights = weights_of(graph)
    fed = [value.name for value in graph.inputs if value.name not in weights]
    given = named("extract", source, inputs, [*fed, *made])
    wanted = named("extract", source, outputs, made) or [value.name for value in graph.outputs]
    exact = {name for name in (outputs or wanted) if name in set(wanted)}
    if inputs and not exact.issuperset(wanted):
        computable = cut_line(graph, given).computable
        wanted = [name for name in wanted if name in exact or name in computable - set(given)]
    both = [name for name in wanted if name in set(given)]
    if both:
        raise UsageError(
            f"{both[0]!r} is asked for as an input and as an output; take it away on one side"
        )
    if not wanted:
        raise UsageError(f"nothing that {' '.join(outputs)} names follows from the inputs alone")
    if inputs:
        given = _read_or_exact(source, given, wanted, inputs)
        check_enough(source, given, wanted)
    return _Part(source, tuple(given), tuple(wanted), opened)


def _read_or_exact(
    model: Model, given: Sequence[str], wanted: Sequence[str], patterns: Sequence[str]
) -> list[str]:
    """A glob stands for the values of it that are read."""
    read = set(_core.frontier(model, given, wanted))
    return [name for name in given if name in read or name in set(patterns)]


def _refuse_unread(patterns: Sequence[str], fed: Sequence[str]) -> None:
    unread = [name for name in patterns if name not in set(fed) and not _is_glob_of(name, fed)]
    if unread:
        raise UsageError(
            f"nothing that is asked for depends on the input {unread[0]!r}; leave it out"
        )


def _is_glob_of(pattern: str, names: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names)


def _record(part: _Part, fed: Sequence[str], shapes: str, check: Check) -> Recorded | None:
    """What the values at both ends of the part are in a run, where that is needed."""
    if shapes != "recorded" and not check.samples:
        return None
    from pyonnxtool.surgery.staged_run import recorded  # noqa: PLC0415 - what runs models takes a while

    names = [*fed, *part.outputs]
    return recorded("extract", part.source, names, check, shapes=shapes == "recorded")


def _declare(
    made: Model,
    part: _Part,
    fed: Sequence[str],
    types: Mapping[str, str],
    record: Recorded | None,
) -> None:
    """The types of inputs and outputs: told, recorded, or inferred where they were neither."""
    graph = made.graph
    ports = [*fed, *part.outputs]
    for name in types:
        if name not in ports:
            raise UsageError(f"type {name}: the part has no such input or output")
    facts = Facts(part.source)
    old = {value.name for value in [*part.source.graph.inputs, *part.source.graph.outputs]}
    for name in ports:
        if name in types:
            declared_as(graph, name, types[name])
            continue
        if name not in old:
            _infer(graph, name, facts, part)
        if record is not None and record.with_shapes:
            dtype, sizes = record.type_of(name, graph.value(name).shape)
            if dtype is not None:
                graph.declare(name, dtype, sizes)
    for name in fed:
        if graph.value(name).kind == "unknown":
            raise UsageError(_untyped(part, name))


def _infer(graph: _core.Graph, name: str, facts: Facts, part: _Part) -> None:
    fact = facts.of(name, part.source.graph)
    declared = part.source.graph.value(name)
    dtype = dtype_text(fact)
    if dtype is not None:
        graph.declare(name, dtype, _more_of(sizes_of(fact), declared.shape))


def _more_of(inferred: Sizes, declared: Sizes) -> Sizes:
    """Sizes as inferred, with declared names where nothing is inferred."""
    if inferred is None or declared is None or len(inferred) != len(declared):
        return inferred if inferred is not None else declared
    return [two if one is None else one for one, two in zip(inferred, declared, strict=True)]


def _untyped(part: _Part, name: str) -> str:
    maker = part.source.graph.value(name).producer
    by = f" (from {maker.label})" if maker is not None else ""
    return (
        f"the dtype of {name!r}{by} is not known: give its type, such as {name}=float32[1,3], or "
        "have it recorded in a run (shapes recorded)"
    )


def _nodes_cut(source: Model, made: Model) -> int:
    return source.graph.node_count - made.graph.node_count
