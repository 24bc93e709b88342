"""Where a graph is cut: what follows from the values that are handed in, and what needs more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.errors import UsageError
from pyonnxtool.wording import plural

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Model, Node

_MOST_NAMED = 8


@dataclass(frozen=True)
class CutLine:
    """Values of a graph when some are handed in."""

    below: frozenset[str]
    """Depend on what is handed in."""
    beyond: frozenset[str]
    """Depend on an input of the graph that is not."""

    @property
    def computable(self) -> frozenset[str]:
        """Follow from what is handed in, and need nothing else."""
        return self.below - self.beyond


def cut_line(graph: Graph, given: Collection[str]) -> CutLine:
    """Looks at every node once. Raises ModelError for a cycle."""
    handed = set(given)
    weights = {tensor.name for tensor in graph.initializers}
    below = set(handed)
    beyond = {value.name for value in graph.inputs} - weights - handed
    for node in graph.order():
        read = _reads(node)
        made = {name for name in node.output_names if name} - handed
        if not below.isdisjoint(read):
            below |= made
        if not beyond.isdisjoint(read):
            beyond |= made
    return CutLine(frozenset(below), frozenset(beyond))


def check_enough(model: Model, given: Sequence[str], outputs: Sequence[str]) -> None:
    """Raise UsageError when the outputs need inputs of the model that are not given."""
    graph = model.graph
    needed = set(_core.frontier(model, given, outputs)).difference(given)
    missing = [value.name for value in graph.inputs if value.name in needed]
    if not missing:
        return
    line = cut_line(graph, given)
    wanting = [name for name in outputs if name in line.beyond]
    made_of_them = _joints(model, given, outputs, line)
    verb = "needs" if len(wanting) == 1 else "need"
    them = "it" if len(missing) == 1 else "them"
    were = "was" if len(missing) == 1 else "were"
    told = (
        f"{_listed('output', wanting)} also {verb} {_listed('input', missing)} of the model, "
        f"which {were} not given; add {them} to the inputs"
    )
    if made_of_them:
        told += f", or what is made of {them}: {_shown(made_of_them)}"
    enough = [repr(name) for name in outputs if name not in line.beyond]
    raise UsageError(told + (f"; {_shown(enough)} would need no more" if enough else ""))


def _joints(model: Model, given: Sequence[str], outputs: Sequence[str], line: CutLine) -> list[str]:
    """Values made of missing inputs alone that nodes read which depend on given ones."""
    graph = model.graph
    found: dict[str, str] = {}
    weights = {tensor.name for tensor in graph.initializers}
    ports = {value.name for value in graph.inputs} | weights
    for number in _core.region(model, given, outputs):
        read = _reads(graph.node(number))
        if line.below.isdisjoint(read):
            continue
        for name in sorted(read & line.beyond - line.below - ports):
            maker = graph.value(name).producer
            found[name] = f"{name!r} ({maker.op_type})" if maker is not None else repr(name)
    return list(found.values())


def _reads(node: Node) -> set[str]:
    captured = {value.name for value in node.captured} if node.subgraphs else set()
    return {name for name in node.input_names if name} | captured


def _listed(noun: str, names: Sequence[str]) -> str:
    return f"the {noun if len(names) == 1 else noun + 's'} {_shown([repr(one) for one in names])}"


def _shown(texts: Sequence[str]) -> str:
    more = len(texts) - _MOST_NAMED
    listed = ", ".join(texts[:_MOST_NAMED])
    return listed + (f" and {plural(more, 'other')}" if more > 0 else "")
