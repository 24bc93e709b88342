"""Two models that became one are run one after the other, and the one beside them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, cast

from pyonnxtool.divergence.case import feeds_of
from pyonnxtool.surgery.staged_run import Recorded, agreed, probed_at, ran
from pyonnxtool.verification import drawn_outputs

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Value
    from pyonnxtool.divergence.probe import Feeds, Values
    from pyonnxtool.proof import Check
    from pyonnxtool.rewriting import Verification
    from pyonnxtool.surgery.joints import Joint


def chained(
    models: tuple[Model, Model],
    joints: Sequence[Joint],
    prefixes: tuple[str, str],
    made: Model,
    of_second: Collection[int],
    check: Check,
) -> Verification:
    """Run the first model on inputs of the new one, the second on what that gives, and compare.

    `of_second` are ids of nodes of the new model that were the second's.

    Raises Refused when an output of the new model is another, BackendError when one of the two does
    not run.
    """
    feeds = feeds_of(made, check.inputs, check.samples, check.seed, None, None)
    first, second = models
    ports = {value.name for value in made.graph.outputs}
    kept = [value.name for value in first.graph.outputs if prefixes[0] + value.name in ports]
    probed, _ = probed_at(first, [*(joint.value for joint in joints), *kept])
    fed = [_fed(first, one, prefixes[0]) for one in feeds]
    runs, backend, note = ran("merge", "the first model", probed, cast("Any", fed), check)
    weights = {tensor.name: tensor for tensor in first.graph.initializers}
    held = [joint.value for joint in joints if joint.value in weights]
    known = [
        {name: weights[name].numpy() for name in held} | before | run
        for before, run in zip(fed, runs, strict=True)
    ]
    handed = [
        _fed(second, one, prefixes[1]) | {joint.input: run[joint.value] for joint in joints}
        for one, run in zip(feeds, known, strict=True)
    ]
    ended, _, another = ran("merge", "the second model", second, cast("Any", handed), check)
    expected = [
        {prefixes[0] + name: run[name] for name in kept} | _prefixed(last, prefixes[1], ports)
        for run, last in zip(known, ended, strict=True)
    ]
    trials = [
        (one, {name: value for name, value in values.items() if name in ports})
        for one, values in zip(feeds, expected, strict=True)
    ]
    notes = tuple(filter(None, dict.fromkeys([note, another])))
    drawn = frozenset(drawn_outputs(made))
    recorded = Recorded((), check, False, notes, backend, drawn)
    joined = _handed_over(made, [joint.now for joint in joints], of_second)
    return agreed("merge", joined, cast("list[tuple[Feeds, Values]]", trials), recorded)


def _handed_over(made: Model, names: Sequence[str], of_second: Collection[int]) -> Model:
    """A copy in which the second model's nodes read what is joined through two Identities.

    Where onnxruntime has no kernel of float16 it computes in float32, and keeps values in it from
    node to node; from model to model it rounds them. A single Identity would be computed so too.
    """
    probed = made.copy()
    graph = probed.graph
    for name in dict.fromkeys(names):
        readers = [node for node in graph.value(name).consumers if node.id in of_second]
        if readers:
            graph.insert_after(name, _twice, readers)
    return probed


def _twice(value: Value) -> Value:
    graph = value.graph
    passed: Value = graph.op("Identity", graph.op("Identity", value))
    return passed


def _fed(model: Model, feeds: Feeds, prefix: str) -> dict[str, Any]:
    """What of the new model's inputs are inputs of this one."""
    names = [value.name for value in model.graph.inputs]
    return {name: feeds[prefix + name] for name in names if prefix + name in feeds}


def _prefixed(values: Values, prefix: str, ports: set[str]) -> dict[str, Any]:
    return {prefix + name: value for name, value in values.items() if prefix + name in ports}
