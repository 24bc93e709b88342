"""Applies rules to a model until none of them fits any more."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyonnxtool.errors import UsageError
from pyonnxtool.op_schemas import plain_domain
from pyonnxtool.rewriting.decision import Keep
from pyonnxtool.rewriting.found import label_of
from pyonnxtool.rewriting.graphs import graphs_under, is_there, names_of
from pyonnxtool.rewriting.match import Match
from pyonnxtool.rewriting.matching import Matcher
from pyonnxtool.rewriting.near_misses import near_misses, why_idle
from pyonnxtool.rewriting.operand import Facts
from pyonnxtool.rewriting.placing import stand_in
from pyonnxtool.rewriting.refusal import Refusal
from pyonnxtool.rewriting.report import Left
from pyonnxtool.rewriting.sweeping import sweep
from pyonnxtool.rewriting.taking_over import is_idle, take_over, taken_over
from pyonnxtool.rewriting.tape import Names, Tape
from pyonnxtool.rewriting.written import unfit
from pyonnxtool.user_file import told_of

if TYPE_CHECKING:
    from pyonnxtool._core import Function, Graph, Model, Node
    from pyonnxtool.rewriting.found import Found, Miss
    from pyonnxtool.rewriting.rule import Rule

_TIMES_PER_NODE = 4
_TIMES_AT_LEAST = 1000
"""How often rules are applied to a model before they are taken to go round in circles."""

_LATEST = 20
"""Applications of which the names are told when there is no end."""


@dataclass
class Applied:
    """What rules did to a model."""

    changes: Counter[str] = field(default_factory=Counter)
    """Rule, and how often."""
    left: list[Left] = field(default_factory=list)
    """Places where a rule was refused, and where its pattern nearly fitted."""
    rules: dict[str, str] = field(default_factory=dict)
    """Value to the rule that made it."""
    stands_for: list[tuple[str, str]] = field(default_factory=list)
    """(value, old value) where an older value took the place of one that is gone."""
    idle: list[str] = field(default_factory=list)
    """Sentences about rules that did nothing at all, and came nowhere near."""


def apply_rules(model: Model, rules: Sequence[Rule]) -> Applied:
    """Apply the rules, the first that fits first, in all graphs, bodies and functions, in place.

    Raises UsageError for what the functions of rules do wrong, and for rules without an end.
    """
    work = _Application(model, rules)
    while work.round():
        pass
    work.tell_misses()
    return work.done


class _Application:
    def __init__(self, model: Model, rules: Sequence[Rule]) -> None:
        self._model, self._rules = model, rules
        self._names, self._facts = Names(names_of(model)), Facts(model)
        self._refused: set[tuple[Rule, Node]] = set()
        self._misses: dict[Rule, list[tuple[str, Miss]]] = {}
        nodes = sum(graph.node_count for graph, _ in self._graphs())
        self._most = _TIMES_AT_LEAST + _TIMES_PER_NODE * nodes
        self._latest: deque[str] = deque(maxlen=_LATEST)
        self.done = Applied()

    def _graphs(self) -> Iterator[tuple[Graph, Model | Function]]:
        """Every graph, and what says which opsets it imports. Inner ones first: edits move them."""
        holders: list[Model | Function] = [self._model, *self._model.functions]
        for holder in holders:
            for graph in reversed(list(graphs_under(holder.graph))):
                yield graph, holder

    def round(self) -> bool:
        """Try every rule at every node once; whether one was applied.

        Later nodes come first, so that what may follow on a pattern is not left behind.
        """
        before = self.done.changes.total()
        self._misses = {rule: [] for rule in self._rules}
        for graph, holder in self._graphs():
            opset = holder.opset_imports.get("", self._model.opset_imports.get("", 1))
            matchers = _Beginnings([(rule, self._matcher(rule, opset)) for rule in self._rules])
            changed = [self._at(node, holder, matchers) for node in reversed(graph.order())]
            if any(changed):
                graph.sort()
        return self.done.changes.total() > before

    def _matcher(self, rule: Rule, opset: int) -> Matcher:
        return Matcher(
            rule.pattern, opset, self._facts, tolerance=rule.tolerance, shared=rule.shared
        )

    def _at(self, node: Node, holder: Model | Function, matchers: _Beginnings) -> bool:
        if not is_there(node):
            return False
        for rule, matcher in matchers.at(node):
            if (rule, node) in self._refused:
                continue
            found = self._tried(rule, matcher, node)
            if found is not None:
                if self._apply(rule, found, holder):
                    return True
            elif matcher.closest is not None:
                self._misses[rule].append((node.label, matcher.closest))
        return False

    def _tried(self, rule: Rule, matcher: Matcher, node: Node) -> Found | None:
        try:
            return matcher.at(node)
        except RecursionError as error:
            count = len(rule.pattern.made)
            raise UsageError(
                f"the pattern of rule {rule.name} has {count} nodes, too many in a row; write one "
                "that is applied again and again"
            ) from error

    def _apply(self, rule: Rule, found: Found, holder: Model | Function) -> bool:
        match = Match(rule.pattern, found, self._facts)
        tape = Tape(match.opset, match.root.label or match.root.op_type, self._names)
        outputs = self._decided(rule, match, tape)
        if not isinstance(outputs, Refusal):
            wrong = unfit(tape, holder, self._model.ir_version, rule.name)
            wrong = wrong or circular(match, outputs)
            outputs = match.refuse(wrong) if wrong else outputs
        if not isinstance(outputs, Refusal) and is_idle(match, outputs):
            outputs = match.refuse("")
        if isinstance(outputs, Refusal):
            self._refused.add((rule, match.root.node))
            if outputs.reason:
                self.done.left.append(Left(match.root.node.label, f"{rule.name}: {outputs.reason}"))
            return False
        self._replace(rule, match, outputs, tape, holder)
        return True

    def _decided(self, rule: Rule, match: Match, tape: Tape) -> list[str] | Refusal:
        """What the rule's function says; a refusal without a reason keeps the place in silence."""
        try:
            decision = rule.build(match, tape)
        except (Exception, SystemExit) as error:  # whatever the user's own code raises
            where = f"rule {rule.name} at {label_of(match.root)}"
            raise UsageError(f"{where} failed: {told_of(error, rule.file)}") from error
        if isinstance(decision, Refusal):
            return decision
        if isinstance(decision, Keep):
            return Refusal(match.root.label, match.root.op_type, "")
        if not isinstance(decision, str | list | tuple):
            raise UsageError(
                f"rule {rule.name} returned {type(decision).__name__}; return the value that takes "
                "the place of what the pattern gives back, or match.refuse(why)"
            )
        outputs = [decision] if isinstance(decision, str) else list(decision)
        if len(outputs) != len(match.outputs):
            raise UsageError(
                f"rule {rule.name} returned {len(outputs)} values, and its pattern gives back "
                f"{len(match.outputs)}"
            )
        self._known(rule, match, tape, outputs)
        return outputs

    def _known(self, rule: Rule, match: Match, tape: Tape, outputs: Sequence[str]) -> None:
        """Raises UsageError for a name that neither the tape nor the graph has."""
        made = {name for node in tape.nodes for name in node.output}
        made |= {tensor.name for tensor in tape.constants}
        made |= {str(name) for view in match.nodes for name in view.inputs}  # whatever they are
        read = [name for node in tape.nodes for name in node.input if name]
        for old, new in zip(match.outputs, outputs, strict=True):
            if not new and old and old.consumers:
                raise UsageError(f"rule {rule.name} gives back nothing for {old!s}, which is read")
        for name in filter(None, (*outputs, *read)):
            graph: Graph | None = match.graph
            while graph is not None and name not in made and not graph.defines(str(name)):
                graph = graph.parent
            if graph is None:
                raise UsageError(f"rule {rule.name} names {str(name)!r}, and nothing makes it")

    def _replace(
        self,
        rule: Rule,
        match: Match,
        outputs: Sequence[str],
        tape: Tape,
        holder: Model | Function,
    ) -> None:
        graph, place = match.graph, match.root.node
        read = [name for view in match.nodes for name in (*view.inputs, *view.outputs) if name]
        replaced = {str(name) for name in match.outputs}
        for view in match.nodes:
            if replaced & set(view.node.output_names):
                kept = ["" if name in replaced else name for name in view.node.output_names]
                view.node.set_outputs(kept)
        taken = taken_over(match, outputs)
        take_over(graph, taken)
        rest = [pair for pair in zip(match.outputs, outputs, strict=True) if pair[1] not in taken]
        olds, news = [old for old, _ in rest], [new for _, new in rest]
        added, passed = stand_in(graph, olds, news, tape, place)
        for domain in {node.domain for node in added} - holder.opset_imports.keys():
            holder.set_opset_import(domain, 1)
        self._facts.outdated()
        self.done.changes[rule.told] += 1
        self.done.stands_for += passed
        for node in added:
            self.done.rules |= {name: rule.told for name in node.output_names if name}
        sweep(graph, [view.node for view in match.nodes], read)
        self._latest.append(rule.name)
        if self.done.changes.total() > self._most:
            names = " and ".join(dict.fromkeys(reversed(self._latest)))
            raise UsageError(
                f"the rules were applied {self._most:,} times and still fit: {names} go round in "
                "circles; a rule must not write what a pattern fits again"
            )

    def tell_misses(self) -> None:
        """Report the near misses of the last round, and rules that had nothing to look at."""
        self.done.left.reverse()  # earlier nodes first
        nodes = [node for graph, _ in self._graphs() for node in graph.nodes]
        there = {(plain_domain(node.domain), node.op_type) for node in nodes}
        for rule in self._rules:
            tried = self._misses[rule][::-1]
            near = near_misses(rule, tried)
            self.done.left += near
            if not near and not self.done.changes[rule.told] and not self._was_refused(rule):
                self.done.idle.append(why_idle(rule, tried, there))

    def _was_refused(self, rule: Rule) -> bool:
        return any(refused is rule for refused, _ in self._refused)


class _Beginnings:
    """Which rules may begin at a node, by its operator."""

    def __init__(self, matchers: Sequence[tuple[Rule, Matcher]]) -> None:
        self._all = matchers
        self._by_operator: dict[tuple[str, str], list[tuple[Rule, Matcher]]] = {}

    def at(self, node: Node) -> list[tuple[Rule, Matcher]]:
        """In the order of the rules."""
        key = node.op_type, node.domain
        if key not in self._by_operator:
            self._by_operator[key] = [one for one in self._all if one[1].may_begin_at(*key)]
        return self._by_operator[key]


def circular(match: Match, outputs: Sequence[str]) -> str:
    """Why the match cannot be replaced as one; "" when it can be.

    With several outputs, what it reads may depend on what it makes.
    """
    if len(match.outputs) < 2:
        return ""
    inside = {view.node for view in match.nodes}
    needed = {str(name) for view in match.nodes for name in view.inputs if name}
    made = {str(name) for view in match.nodes for name in view.outputs if name}
    waiting = [str(name) for name in match.outputs if name]
    seen = set(waiting)
    while waiting:
        for reader in match.graph.value(waiting.pop(0)).consumers:
            if reader in inside:
                continue
            reached = {name for name in reader.output_names if name}
            if found := sorted(reached & needed - made):
                return f"{found[0]}, which it reads, is computed of what it makes"
            waiting += sorted(reached - seen)
            seen |= reached
    return ""
