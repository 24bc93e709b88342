"""What is declared of values after an edit, and whether every operator takes what it is given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.onnx_inference import ask_onnx
from pyonnxtool.rewriting import Refusal, refused
from pyonnxtool.surgery.type_text import dtype_text, sizes_of
from pyonnxtool.wording import plural

if TYPE_CHECKING:
    from pyonnxtool._core import Fact, Graph, Model, Value
    from pyonnxtool.surgery.type_text import Sizes

_MOST_TOLD = 8
"""Of problems: one of them brings others with it."""


def retyped(operation: str, before: Model, after: Model) -> list[str]:
    """Declare again what an edit has changed in `after`; what to say of its outputs.

    Of values that nodes make: what can be inferred now, where that is not what could be inferred
    before. The rest stays as it is declared. Raises Refused with each problem that the old model
    did not have: an operator that is given types or sizes that it does not take.
    """
    notes = _declared_anew(before, after)
    found = _problems(after)
    if found:
        had = set(_problems(before))
        found = [one for one in found if one not in had]
    if found:
        told = found[:_MOST_TOLD]
        more = len(found) - len(told)
        if more:
            told.append(f"and {plural(more, 'more problem')}")
        raise refused(operation, [Refusal("", "", problem) for problem in told])
    return notes


def _problems(model: Model) -> list[str]:
    found = model.graph.verify()
    if found:
        return found
    return [told for _, told in _core.infer_shapes(model, ask_onnx).contradictions]


def _declared_anew(before: Model, after: Model) -> list[str]:
    old, new = _inferred(before), _inferred(after)
    notes = []
    for path, graph in _with_paths(after):
        for value in [one for one in graph.values if _declared(one)]:
            fact = new[path, value.name]
            if not _is_other(value, old.get((path, value.name)), fact):
                continue
            told, sizes = value.type_text, sizes_of(fact)
            graph.declare(value, dtype_text(fact), _kept(value, fact) if sizes is None else sizes)
            if value.is_output and not path:
                notes.append(f"output {value.name!r} is {value.type_text} now, was {told}")
    return notes


def _inferred(model: Model) -> dict[tuple[str, str], Fact]:
    """What is known of each value that a node makes, by the path of its graph and its name."""
    bare = model.copy()
    for _, graph in _with_paths(bare):
        graph.forget_types()
    facts = _core.infer_shapes(bare, ask_onnx)
    return {
        (path, one.name): facts.value(one.name, graph)
        for path, graph in _with_paths(bare)
        for one in graph.values
        if one.producer is not None
    }


def _with_paths(model: Model) -> Iterator[tuple[str, Graph]]:
    """The main graph and the bodies in it, each with the nodes that it is in ("" for the main)."""
    waiting = [("", model.graph)]
    while waiting:
        path, graph = waiting.pop(0)
        yield path, graph
        for node in graph.nodes:
            for number, body in enumerate(node.subgraphs):
                waiting.append((f"{path}/{next(iter(node.output_names), '')}:{number}", body))


def _declared(value: Value) -> bool:
    return value.producer is not None and value.kind == "tensor"


def _is_other(value: Value, before: Fact | None, now: Fact) -> bool:
    """Whether an edit made the value something else than it is declared to be."""
    dtype, sizes, had = dtype_text(now), sizes_of(now), value.shape
    if dtype is not None and value.dtype is not None and dtype != value.dtype:
        return True
    if sizes is None or had is None:
        return False
    if before is None:  # a new name; what is declared of it may be what it was under the old one
        return len(sizes) != len(had) or any(map(_differ, sizes, had))
    return (dtype_text(before), sizes_of(before)) != (dtype, sizes) and tuple(sizes) != had


def _differ(one: int | str | None, other: int | str | None) -> bool:
    return isinstance(one, int) and isinstance(other, int) and one != other


def _kept(value: Value, fact: Fact) -> Sizes:
    return value.shape if fact.kind == "tensor" else None
