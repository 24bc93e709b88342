"""Takes a model down, one opset at a time, and collects every reason why that cannot be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.carry import carried
from pyonnxtool.downgrade.containers import unpacked
from pyonnxtool.downgrade.function_body import expanded
from pyonnxtool.downgrade.restamp import restamped
from pyonnxtool.downgrade.steps import step_of
from pyonnxtool.downgrade.type_check import misfits, told, unknown_to
from pyonnxtool.downgrade.well_formed import malformed
from pyonnxtool.op_schemas import plain_domain, schema_at, versions_of
from pyonnxtool.rewriting import Refusal
from pyonnxtool.rewriting.decision import Edit, Keep
from pyonnxtool.rewriting.graphs import graphs_of, graphs_under, is_there, names_of
from pyonnxtool.rewriting.node_view import NodeView
from pyonnxtool.rewriting.operand import Facts
from pyonnxtool.rewriting.placing import edit, idle, replace
from pyonnxtool.rewriting.tape import Names, Tape

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Node
    from pyonnxtool.rewriting.decision import Decision

_CARRY_ROUNDS = 4
"""A node that is computed in another dtype may need Casts that need another dtype, and so on."""


@dataclass
class Descended:
    """What was done on the way down. The model is only of use when nothing was refused."""

    refusals: list[Refusal] = field(default_factory=list)
    refused: dict[Node, Refusal] = field(default_factory=dict)
    """Nodes that stay as they are. They may lose their readers, and are none of `refusals` yet."""
    changes: Counter[str] = field(default_factory=Counter)
    """What was done, and how often."""
    rules: dict[str, str] = field(default_factory=dict)
    """Value to the rule that made it."""
    stands_for: list[tuple[str, str]] = field(default_factory=list)
    """(value, old value) where an older value took the place of one that is gone."""


def descend(model: Model, target: int) -> Descended:
    """Bring the graph and its bodies, in place, from the model's opset down to `target`.

    Functions are the caller's matter. Nodes that cannot be are left as they are, and refused.
    """
    descent = _Descent(model, Names(names_of(model)))
    for opset in range(model.opset_imports.get("", 1), target, -1):
        descent.step(opset)
    descent.look_over(target)
    return descent.done


class _Descent:
    def __init__(self, model: Model, names: Names) -> None:
        self._model, self._names = model, names
        self._facts = Facts(model)
        self._level: dict[Node, int] = {}
        """Nodes that are written for a lower opset than the model's."""
        self._made: dict[Node, str] = {}
        """Nodes that are not the user's, and the rule that made each."""
        self._nodes: list[tuple[Node, str]] | None = None
        self._retyped = False
        """Whether values of the graph got other types in this step."""
        self._moved: dict[Node, Node] = {}
        """Nodes of bodies that were copied when the node around them was replaced."""
        self._gone: set[Node] = set()
        """Nodes of bodies that went with the node around them."""
        self.done = Descended()

    def step(self, opset: int) -> None:
        """From this opset to the one below.

        Inner nodes come first: a node that is replaced takes copies of its bodies along.
        """
        todo = self._concerned(opset)
        if self._unpack(todo, opset):
            todo = self._concerned(opset)
        new: list[tuple[Node, int]] = []
        while todo:
            now, later = _innermost(todo)
            again = []
            for node in now:
                for made, level in self._settle(node, opset):
                    if level < opset:
                        new.append((made, level))
                        self._level[made] = level
                    elif _concerns(made.op_type, opset):
                        again.append(made)
            todo = again + later
        self._model.set_opset_import("", opset - 1)
        if self._retyped:  # their readers knew them by their old types until here
            self._facts.forget()
            self._retyped = False
        for node, _ in self._standard():
            kept = self._level.get(node, opset - 1) >= opset - 1
            if kept and opset in versions_of(node.op_type) and node not in self.done.refused:
                new.append((node, opset - 1))
        self._fit(dict.fromkeys(new))

    def _concerned(self, opset: int) -> list[Node]:
        """Nodes to be settled, as far as they are not of an older opset anyway."""
        found = [node for node, op in self._standard() if _concerns(op, opset)]
        return [node for node in found if self._level.get(node, opset) >= opset]

    def _unpack(self, nodes: list[Node], opset: int) -> bool:
        """Known items take the place of sequences and optionals that the opset below lacks."""
        views = (NodeView(node, opset, self._facts) for node in nodes)
        changes, replaced = unpacked(self._model, views)
        self.done.changes += changes
        self.done.stands_for += replaced
        if changes:
            self._nodes = None
            self._facts.outdated()
        return bool(changes)

    def _standard(self) -> list[tuple[Node, str]]:
        """Nodes of ai.onnx, those of inner bodies first: an edit of a node moves its bodies."""
        if self._nodes is None:
            self._nodes = [
                (node, node.op_type)
                for graph in reversed(list(graphs_of(self._model)))
                for node in graph.nodes
                if not plain_domain(node.domain)
            ]
        return self._nodes

    def _settle(self, node: Node, opset: int) -> list[tuple[Node, int]]:
        """Bring one node below `opset`: the nodes in its place, each with its opset."""
        if node in self.done.refused:
            return []
        view = NodeView(node, opset, self._facts)
        tape = Tape(opset - 1, view.label or view.op_type, self._names)
        key = (view.op_type, opset)
        if why := malformed(view):
            return self._apply(view, view.refuse(why), tape, "")
        if key in ADAPTERS:
            rule = told_of(view.op_type, opset, ADAPTERS[key].__doc__)
            decision = ADAPTERS[key](view, tape)
            return self._apply(view, decision, tape, rule)
        step = step_of(view.op_type, opset)
        assert step is not None
        if step.free:
            rule = f"{view.op_type} {opset}: without attributes at their default"
            decision = restamped(view, step)
        else:
            rule = f"{view.op_type} {opset}: the function body of its schema"
            decision = expanded(view, tape)
        return self._apply(view, decision, tape, rule)

    def _fit(self, nodes: Iterable[tuple[Node, int]]) -> None:
        """Nodes that are as their opset has them, but for dtypes: those are seen to here."""
        for _ in range(_CARRY_ROUNDS):
            again = []
            for given, level in nodes:
                node = self._moved.get(given, given)  # by the node around it, a moment ago
                if node in self.done.refused or node in self._gone or not is_there(node):
                    continue
                schema = schema_at(node.op_type, level)
                if schema is None:
                    continue
                view = NodeView(node, level, self._facts)
                if not misfits(view, schema):
                    continue
                tape = Tape(level, view.label or view.op_type, self._names)
                rule = f"{view.op_type}: computed in a dtype that it takes below"
                again += self._apply(view, carried(view, tape, schema), tape, rule)
            if not again:
                return
            nodes = again

    def _apply(
        self, view: NodeView, decision: Decision, tape: Tape, rule: str
    ) -> list[tuple[Node, int]]:
        if isinstance(decision, Refusal):
            self._refuse(view.node, decision)
            return []
        if isinstance(decision, Keep) or (isinstance(decision, Edit) and idle(view.node, decision)):
            return []
        self.done.changes[rule] += 1
        self.done.rules |= {str(name): rule for name in view.outputs if name}
        self._retyped = self._retyped or bool(tape.retyped)
        self._facts.outdated()
        if isinstance(decision, Edit):
            added = edit(view.node, decision, tape)
            if added or tape.constants or decision.op_type is not None:
                self._nodes = None  # constants are nodes in a body
            self._trace(added, rule)
            return [(node, tape.opset) for node in [view.node, *added]]
        outputs = [decision] if isinstance(decision, str) else list(decision)
        inside = _inside([view.node])
        added, passed = replace(view, outputs, tape)
        self._nodes = None
        if inside:
            self._follow(inside, _inside(added))
        self.done.stands_for += passed
        self._trace(added, rule)
        return [(node, tape.opset) for node in added if not plain_domain(node.domain)]

    def _trace(self, added: Iterable[Node], rule: str) -> None:
        """Remember what made these nodes."""
        for node in added:
            self._made[node] = rule
            self.done.rules |= {made: rule for made in node.output_names if made}

    def _refuse(self, node: Node, refusal: Refusal) -> None:
        """The user's model may not have the node: then the rule that made it is told."""
        rule = refusal.rule or self._made.get(node, "")
        self.done.refused[node] = Refusal(refusal.node, refusal.op_type, refusal.reason, rule)

    def _follow(self, before: dict[str, Node], after: dict[str, Node]) -> None:
        """What is known of nodes in bodies is known of their copies."""
        copies = {node: after[name] for name, node in before.items() if name in after}
        self._gone |= before.values() - copies.keys()
        self._moved = {old: copies.get(new, new) for old, new in self._moved.items()} | copies
        for node, copy in copies.items():
            if node in self._level:
                self._level[copy] = self._level.pop(node)
            if node in self.done.refused:
                self.done.refused[copy] = self.done.refused.pop(node)

    def look_over(self, target: int) -> None:
        """Refuse whatever is left that the target does not have."""
        for node, _ in self._standard():
            if node in self.done.refused:
                continue
            view = NodeView(node, target, self._facts)
            why = unknown_to(view, target)
            schema = schema_at(view.op_type, target)
            if not why and schema is not None:
                found = misfits(view, schema)
                why = told(found[0], view.op_type, target) if found else ""
            if why:
                self._refuse(node, view.refuse(why))


def _concerns(op_type: str, opset: int) -> bool:
    """Whether the opset changed the operator, or how others read it: then there is an adapter."""
    return opset in versions_of(op_type) or (op_type, opset) in ADAPTERS


def _innermost(nodes: list[Node]) -> tuple[list[Node], list[Node]]:
    """Nodes that can be settled now, and those around them, which would move them."""
    within = [node for node in nodes if not node.subgraphs]
    if within:
        return within, [node for node in nodes if node.subgraphs]
    deepest = max(map(_depth, nodes))
    return (
        [node for node in nodes if _depth(node) == deepest],
        [node for node in nodes if _depth(node) < deepest],
    )


def _depth(node: Node) -> int:
    depth, graph = 0, node.graph.parent
    while graph is not None:
        depth, graph = depth + 1, graph.parent
    return depth


def _inside(nodes: Iterable[Node]) -> dict[str, Node]:
    """Nodes in bodies at any depth, by the first value that each makes."""
    bodies = [body for node in nodes for body in node.subgraphs]
    inner = [node for body in bodies for graph in graphs_under(body) for node in graph.nodes]
    return {next(filter(None, node.output_names), ""): node for node in inner}


def told_of(op_type: str, opset: int, docstring: str | None) -> str:
    """How reports name an adapter: "ReduceMean 18: `axes` goes back to an attribute"."""
    first = (docstring or "").strip().splitlines()[0] if docstring else ""
    return f"{op_type} {opset}: {first.partition(': ')[2] or first}".rstrip(".: ")
