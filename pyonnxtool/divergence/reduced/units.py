"""What can be taken out of a model: its nodes, together with their counterparts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyonnxtool.divergence.plan import Pair
from pyonnxtool.divergence.rounding import op_info

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Node
    from pyonnxtool.divergence.case import Case

Ids = frozenset[int]

_PLAIN = ("tensor", "unknown")


@dataclass(frozen=True)
class Unit:
    """Nodes that stay or go together: one node, or a region where several stand for one."""

    candidate: Ids
    reference: Ids


class Anatomy:
    """Who makes and who reads each value of a model's main graph.

    Constant nodes are no nodes here: like initializers, they come along with what reads them.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.order: list[Node] = [n for n in model.graph.order() if n.op_type != "Constant"]
        self.maker: dict[str, int] = {}
        self.readers: dict[str, set[int]] = {}
        self.reads: dict[int, list[str]] = {}
        self.makes: dict[int, list[str]] = {}
        constants = {tensor.name for tensor in model.graph.initializers}
        for node in model.graph.nodes:
            if node.op_type == "Constant":
                constants.update(node.output_names)
        for node in self.order:
            captured = [value.name for value in node.captured]
            read = dict.fromkeys([*filter(None, node.input_names), *captured])
            self.reads[node.id] = [name for name in read if name not in constants]
            self.makes[node.id] = [name for name in node.output_names if name]
            for name in self.makes[node.id]:
                self.maker[name] = node.id
            for name in self.reads[node.id]:
                self.readers.setdefault(name, set()).add(node.id)
        self.outputs = {value.name for value in model.graph.outputs}
        self.inputs = {value.name for value in model.graph.inputs}
        self.fixed = self._fixed()
        self.place = self._places()

    def boundary(self, ids: Iterable[int]) -> list[str]:
        """What the nodes read and do not make, in graph order; constants are left out."""
        chosen = self._sorted(ids)
        made = {name for one in chosen for name in self.makes[one]}
        read = dict.fromkeys(name for one in chosen for name in self.reads[one])
        return [name for name in read if name not in made]

    def exposed(self, ids: Iterable[int]) -> list[str]:
        """What the nodes make for others: graph outputs, and what none of them reads.

        A value that nothing reads in the whole model does not count where its node makes another.
        """
        chosen = self._sorted(ids)
        kept = set(chosen)
        found = []
        for one in chosen:
            names = self.makes[one]
            used = [name for name in names if name in self.outputs or name in self.readers]
            found += [
                name
                for name in used or names
                if name in self.outputs or not self.readers.get(name, set()) & kept
            ]
        return found

    def above(self, name: str, stops: Mapping[str, object]) -> Ids:
        """The nodes that make a value from values among `stops` and from graph inputs."""
        found: set[int] = set()
        pending = [name]
        while pending:
            maker = self.maker.get(pending.pop())
            if maker is None or maker in found:
                continue
            found.add(maker)
            pending += [read for read in self.reads[maker] if read not in stops]
        return frozenset(found)

    def _fixed(self) -> set[str]:
        """Values that are computed from constants alone."""
        found: set[str] = set()
        for node in self.order:
            info = op_info(node)
            if (info is not None and info.random) or node.subgraphs:
                continue
            if all(name in found for name in self.reads[node.id]):
                found.update(self.makes[node.id])
        return found

    def _places(self) -> dict[int, int]:
        """A topological order in which what constants make stands right before its first reader."""
        listed = {node.id: at for at, node in enumerate(self.order)}
        anchor = dict(listed)
        for node in reversed(self.order):
            made = self.makes[node.id]
            if made and all(name in self.fixed for name in made):
                readers = [anchor[one] for name in made for one in self.readers.get(name, ())]
                anchor[node.id] = min(readers, default=listed[node.id])
        self.order.sort(key=lambda node: (anchor[node.id], listed[node.id]))
        return {node.id: at for at, node in enumerate(self.order)}

    def _sorted(self, ids: Iterable[int]) -> list[int]:
        return sorted(ids, key=self.place.__getitem__)


def same_model_units(anatomy: Anatomy) -> tuple[list[Unit], list[Pair]]:
    """One unit a node, in graph order, for a model that is compared with itself.

    Nodes that hand on something other than a tensor stay together: it cannot be fed.
    """
    groups = _Groups()
    for node in anatomy.order:
        groups.join([("c", node.id)])
        info = op_info(node)
        for value in (*node.inputs, *node.outputs):
            if value is None or value.name not in anatomy.maker:
                continue
            doubtful = info is not None and info.non_tensor and value.kind != "tensor"
            if value.kind not in _PLAIN or doubtful:
                readers = [("c", one) for one in anatomy.readers.get(value.name, ())]
                groups.join([("c", anatomy.maker[value.name]), *readers])
    units = [
        Unit(ids, ids) for ids in (frozenset(one for _, one in group) for group in groups.all())
    ]
    return _in_order(units, anatomy), [Pair(name, name) for name in anatomy.maker]


def paired_units(
    case: Case, candidate: Anatomy, reference: Anatomy
) -> tuple[list[Unit], list[Pair]]:
    """Regions between paired values of two models, in graph order, and the pairs between them."""
    known = {pair.candidate for pair in case.pairs}
    more = [pair for pair in case.outputs if pair.candidate not in known]
    pairs = [
        pair
        for pair in (*case.pairs, *more)
        if pair.candidate in candidate.maker
        and candidate.model.graph.value(pair.candidate).kind in _PLAIN
    ]
    ours = {pair.reference: pair for pair in pairs}
    theirs = {pair.candidate: pair for pair in pairs}
    recorded = case.reference.recorded is not None
    groups = _Groups()
    for pair in pairs:
        above = () if recorded else reference.above(pair.reference, ours)
        groups.join(
            [
                *(("c", one) for one in candidate.above(pair.candidate, theirs)),
                *(("r", one) for one in above),
            ]
        )
    units = [
        Unit(
            frozenset(one for side, one in group if side == "c"),
            frozenset(one for side, one in group if side == "r"),
        )
        for group in groups.all()
    ]
    return _in_order([unit for unit in units if unit.candidate], candidate), pairs


def _in_order(units: Sequence[Unit], anatomy: Anatomy) -> list[Unit]:
    return sorted(units, key=lambda unit: max(anatomy.place[one] for one in unit.candidate))


class _Groups:
    """Disjoint sets that grow together (union-find)."""

    def __init__(self) -> None:
        self._parent: dict[tuple[str, int], tuple[str, int]] = {}

    def join(self, items: Sequence[tuple[str, int]]) -> None:
        """Puts all items into one group."""
        roots = [self._root(item) for item in items]
        for root in roots[1:]:
            self._parent[root] = roots[0] if root != roots[0] else self._parent[root]

    def all(self) -> list[list[tuple[str, int]]]:
        """Every group."""
        found: dict[tuple[str, int], list[tuple[str, int]]] = {}
        for item in self._parent:
            found.setdefault(self._root(item), []).append(item)
        return list(found.values())

    def _root(self, item: tuple[str, int]) -> tuple[str, int]:
        path = []
        while (parent := self._parent.setdefault(item, item)) != item:
            path.append(item)
            item = parent
        for one in path:
            self._parent[one] = item
        return item
