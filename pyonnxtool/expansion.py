"""Replaces nodes by what they are made of: each as a small model of its own, brought to the opset.

A symbolic writes for a new opset whatever the model's is; the nodes that it writes are taken down,
or up, as `opset` does it with whole models.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pyonnxtool.downgrade.functions import open_functions, with_callers
from pyonnxtool.downgrade.leftovers import Unread
from pyonnxtool.downgrade.lowering import lowered
from pyonnxtool.errors import PyonnxtoolError, UsageError
from pyonnxtool.inspection import STANDARD_DOMAINS
from pyonnxtool.op_schemas import plain_domain, schema_at, standard_ops, versions_of
from pyonnxtool.raising import raised
from pyonnxtool.rewriting import Refusal
from pyonnxtool.rewriting.decision import Edit, Keep
from pyonnxtool.rewriting.graphs import graphs_of, graphs_under, names_of
from pyonnxtool.rewriting.island import isolated, put_back
from pyonnxtool.rewriting.node_view import NodeView
from pyonnxtool.rewriting.operand import Facts
from pyonnxtool.rewriting.placing import edit, replace
from pyonnxtool.rewriting.tape import Names, Tape
from pyonnxtool.user_file import told_of

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Node
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.symbolics._catalogue import Known

_DEEPEST = 8
"""Custom operators that are written with custom operators, and so on."""


@dataclass
class Expanded:
    """What was done. The model is only of use when nothing was refused."""

    refusals: list[Refusal] = field(default_factory=list)
    changes: Counter[str] = field(default_factory=Counter)
    """What was done, and how often."""
    rules: dict[str, str] = field(default_factory=dict)
    """Value to the rule that made it."""
    opened: Model | None = None
    """The old model, with those functions open that held something to expand."""
    nodes: list[Node] = field(default_factory=list)
    """Nodes of `opened` that were expanded."""
    stands_for: list[tuple[str, str]] = field(default_factory=list)
    """(value, old value) where an older value took the place of one that is gone."""


@dataclass(frozen=True)
class Wanted:
    """Which nodes are expanded, and how."""

    known: Mapping[str, Known]
    """Operator ("DOMAIN::OP") to its symbolic."""
    keep: Sequence[str] = ()
    """Globs of custom operators that stay."""
    expand: frozenset[str] = frozenset()
    """Operators of ai.onnx that are built of older ones."""


def standardize(given: Model, wanted: Wanted) -> tuple[Model, Expanded]:
    """A copy of the model without custom operators that have a symbolic, and what was done.

    Custom operators without one are refused unless they are kept. Raises UsageError for operators
    to expand or to keep that there are not, and for a symbolic that fails.
    """
    _check_names(given, wanted)
    model = given.copy()
    model, closed = _opened(model, wanted)
    unread = Unread(model)
    opened = model.copy()
    scout = _Expander(opened, wanted)
    expander = _Expander(model, wanted)
    expander.run()
    done = expander.done
    done.opened = opened
    done.nodes = [one for one in _all_nodes(opened) if scout.concerns(one)]
    done.refusals = [*closed, *done.refusals]
    if done.refusals:
        return model, done
    if done.changes:
        unread.prune(model)
        for graph in graphs_of(model):
            graph.sort()
    dropped = _drop_imports(model)
    if dropped:
        done.changes["opset imports that no operator needs: dropped"] = dropped
    return model, done


def operator_of(node: Node) -> str:
    """`com.microsoft::Gelu`; `ai.onnx::Gelu` for ONNX's own."""
    return f"{plain_domain(node.domain) or 'ai.onnx'}::{node.op_type}"


def custom_operators(model: Model) -> list[str]:
    """Those that neither ONNX nor the model itself defines, in functions too."""
    own = {(function.domain, function.name) for function in model.functions}
    return sorted(
        operator_of(node)
        for node in {(one.domain, one.op_type): one for one in _all_nodes(model)}.values()
        if node.domain not in STANDARD_DOMAINS and (node.domain, node.op_type) not in own
    )


def _all_nodes(model: Model) -> Iterator[Node]:
    for body in (model.graph, *(function.graph for function in model.functions)):
        for graph in graphs_under(body):
            yield from graph.nodes


def _check_names(model: Model, wanted: Wanted) -> None:
    for name in sorted(wanted.expand):
        if not versions_of(name):
            close = ", ".join(one for one in standard_ops() if one.lower() == name.lower())
            raise UsageError(
                f"ai.onnx has no operator {name!r}" + (f"; did you mean {close}" if close else "")
            )
    custom = custom_operators(model)
    for pattern in wanted.keep:
        if not any(fnmatchcase(operator, pattern) for operator in custom):
            told = f"its custom operators are: {', '.join(custom)}" if custom else "it has none"
            raise UsageError(f"no custom operator of the model is called {pattern!r}; {told}")


def _opened(model: Model, wanted: Wanted) -> tuple[Model, list[Refusal]]:
    """The model with those functions open that hold something to expand."""
    scout = _Expander(model, wanted)
    holding = {
        (function.domain, function.name, function.overload)
        for function in model.functions
        for graph in graphs_under(function.graph)
        for node in graph.nodes
        if scout.concerns(node)
    }
    return open_functions(model, with_callers(model, holding)) if holding else (model, [])


def _drop_imports(model: Model) -> int:
    """Forget domains that no operator is of; how many."""
    used = {plain_domain(node.domain) for node in _all_nodes(model)}
    used |= {function.domain for function in model.functions}
    unused = [one for one in model.opset_imports if plain_domain(one) and one not in used]
    for domain in unused:
        model.remove_opset_import(domain)
    return len(unused)


class _Expander:
    """Expands the nodes of one model, in place."""

    def __init__(self, model: Model, wanted: Wanted, depth: int = 0) -> None:
        self._model, self._wanted, self._depth = model, wanted, depth
        self._opset = model.opset_imports.get("", 1)
        self._functions = {(one.domain, one.name) for one in model.functions}
        self._facts = Facts(model)
        self._names: Names | None = None
        self._labels = Names(())
        """Of nodes: several may have one name, and what is made of them may not."""
        self._refused: set[Node] = set()
        self._origins: dict[Node, frozenset[str]] = {}
        """Operators in whose place a node stands, and in whose place these stood."""
        self.done = Expanded()

    def run(self) -> None:
        """Every node that is to be expanded, and what it is expanded to, until none is left."""
        before = -1
        while before < self.done.changes.total():  # new nodes may have bodies
            before = self.done.changes.total()
            for graph in reversed(list(graphs_of(self._model))):  # inner first: edits move bodies
                waiting = graph.order()
                while waiting:
                    node = waiting.pop(0)
                    if self.concerns(node) and node not in self._refused:
                        waiting = [*self._expand(node), *waiting]

    def concerns(self, node: Node) -> bool:
        """Whether the node is to be expanded."""
        if (node.domain, node.op_type) in self._functions:
            return False
        operator = operator_of(node)
        if not plain_domain(node.domain):
            return node.op_type in self._wanted.expand or not schema_at(node.op_type, self._opset)
        if any(fnmatchcase(operator, pattern) for pattern in self._wanted.keep):
            return False
        return operator in self._wanted.known or node.domain not in STANDARD_DOMAINS

    def _expand(self, node: Node) -> list[Node]:
        """The nodes in its place."""
        operator = operator_of(node)
        label = node.name or next(filter(None, node.output_names), "")
        origins = self._origins.get(node, frozenset())
        made = (
            Refusal("", "", "what it is made of has it again")
            if operator in origins
            else self._made_of(node, self._labels.fresh(label or node.op_type))
        )
        if isinstance(made, Refusal):
            self.done.refusals.append(Refusal(label, operator, made.reason, made.rule))
            self._refused.add(node)
            return []
        island, rule = made
        self.done.changes[rule] += 1
        if self._names is None:
            self._names = Names(names_of(self._model))
        added = put_back(island, node, self._names)
        self._facts.outdated()
        for each in added:
            inside = (
                one
                for body in each.subgraphs
                for graph in graphs_under(body)
                for one in graph.nodes
            )
            self._origins |= dict.fromkeys((each, *inside), origins | {operator})
        self.done.rules |= {name: rule for each in added for name in each.output_names if name}
        return [each for each in added if not self._passed_by(each)]

    def _passed_by(self, node: Node) -> bool:
        """Whether the node was an Identity that nothing needs, and is gone."""
        if node.op_type != "Identity" or plain_domain(node.domain):
            return False
        (given,), (made,) = node.input_names, node.output_names
        if node.graph.value(made).is_output:
            return False
        graph = node.graph
        graph.remove_node(node)
        graph.replace_uses(made, given)
        self.done.stands_for.append((given, made))
        return True

    def _made_of(self, node: Node, label: str) -> tuple[Model, str] | Refusal:
        """What takes the node's place, at the opset of the model, and the rule."""
        operator = operator_of(node)
        island = isolated(node, self._facts, only_read=True)
        island.graph.nodes[0].set_name(label)  # names of new values begin with it
        if operator in self._wanted.known:
            return self._by_symbolic(island, operator)
        if plain_domain(node.domain):
            told = "no symbolic is known for it; give one (--symbolics) or keep it: --keep"
            return Refusal("", "", f"{told} {operator}")
        versions = versions_of(node.op_type)
        if not versions:
            return Refusal("", "", "ai.onnx has no such operator")
        first = min(versions)
        if first > self._opset:
            island.set_opset_import("", first)
            return _brought(island, self._opset, f"{node.op_type}: as older opsets have it")
        if first == 1:
            return Refusal("", "", "every opset has it, so it is not built of older operators")
        return self._of_older(island, node.op_type, first - 1)

    def _of_older(self, island: Model, op_type: str, older: int) -> tuple[Model, str] | Refusal:
        """The operator as the older opset has it, with the names of the model's opset."""
        rule = f"{op_type}: built of older operators"
        below = _brought(island, older, rule)
        made = below if isinstance(below, Refusal) else _brought(below[0], self._opset, rule)
        if isinstance(below, Refusal) or isinstance(made, Refusal):
            return made
        if all(node.op_type != op_type for node in _all_nodes(made[0])):
            return made
        # An operator that had another name: Scatter became ScatterElements.
        there = {node.op_type for node in _all_nodes(made[0])}
        names = {node.op_type for node in _all_nodes(below[0])} - there
        oldest = min((min(versions_of(name), default=1) for name in names), default=1)
        if not 1 < oldest <= older:
            return Refusal("", "", "older opsets have it under another name", rule)
        return self._of_older(island, op_type, oldest - 1)

    def _by_symbolic(self, island: Model, operator: str) -> tuple[Model, str] | Refusal:
        known = self._wanted.known[operator]
        rule = f"{operator}: {known.told}" if known.told else operator
        if self._depth == _DEEPEST:
            return Refusal("", "", "its symbolic leads to custom operators without end", rule)
        written = known.opset_for(self._opset)
        island.set_opset_import("", written)
        (node,) = island.graph.nodes
        view = NodeView(node, written, Facts(island))
        tape = Tape(written, view.label or view.op_type, Names(names_of(island)))
        decision = _called(known, operator, view, tape)
        if isinstance(decision, Refusal):
            return Refusal("", "", decision.reason, rule)
        if isinstance(decision, Keep):
            return Refusal("", "", f"its symbolic keeps it; say so: --keep {operator}", rule)
        if known.function.__module__.startswith("pyonnxtool.") and not isinstance(decision, Edit):
            made, has = 1 if isinstance(decision, str) else len(decision), view.node.output_names
            if any(has[made:]):  # nobody checks custom nodes first
                return Refusal("", "", f"it has {len(has)} outputs, its operator {made}", rule)
        unread = Unread(island)
        _place(view, decision, tape, operator)
        unread.prune(island)  # constants of types that the model's opset may not have
        inner = _Expander(island, Wanted(self._wanted.known), self._depth + 1)
        inner.run()
        if inner.done.refusals:
            first = inner.done.refusals[0]
            reason = first.reason.replace(f"--keep {first.op_type}", f"--keep {operator}")
            return Refusal("", "", f"it is made of {first.op_type}: {reason}", rule)
        return _brought(island, self._opset, rule)


def _called(known: Known, operator: str, view: NodeView, tape: Tape) -> Decision:
    """What the symbolic says. Raises UsageError when a user's own fails."""
    try:
        return known.function(view, tape)
    except PyonnxtoolError:
        raise
    except (LookupError, ArithmeticError, TypeError, ValueError, AttributeError) as error:
        if known.function.__module__.startswith("pyonnxtool."):  # nobody checks custom nodes first
            return view.refuse(f"the node is not as its operator wants it: {error}")
        raise _failed(operator, view, error) from error
    except Exception as error:  # whatever the user's own code raises
        raise _failed(operator, view, error) from error


def _failed(operator: str, view: NodeView, error: Exception) -> UsageError:
    return UsageError(f"the symbolic of {operator} failed at {view.label!r}: {told_of(error)}")


def _place(view: NodeView, decision: Decision, tape: Tape, operator: str) -> None:
    """Put what was decided into the island. Raises UsageError for values that there are not."""
    if isinstance(decision, Edit):
        edit(view.node, decision, tape)
        return
    assert not isinstance(decision, Keep | Refusal)
    outputs = [decision] if isinstance(decision, str) else [str(one or "") for one in decision]
    there = {name for node in tape.nodes for name in node.output}
    there |= {tensor.name for tensor in tape.constants} | set(view.node.input_names)
    for place, kept in enumerate(view.node.output_names):
        new = str(outputs[place]) if place < len(outputs) else ""
        if kept and (not new or new not in there):
            what = f"returns {new!r}, which nothing makes," if new else "returns nothing"
            raise UsageError(f"the symbolic of {operator} {what} for output {place} ({kept!r})")
    replace(view, outputs, tape)


def _brought(island: Model, target: int, rule: str) -> tuple[Model, str] | Refusal:
    """The island at the model's opset."""
    now = island.opset_imports[""]
    if now == target:
        return island, rule
    made, done = lowered(island, target) if now > target else raised(island, target)
    if done.refusals:
        first = done.refusals[0]
        why = f"{first.op_type} {first.reason}" if first.op_type else first.reason
        return Refusal("", "", f"at opset {target} there is no equal: {why}", rule)
    return made, rule
