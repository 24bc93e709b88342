"""Finds a pattern in a graph, and remembers what came closest to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool import _core
from pyonnxtool.errors import PyonnxtoolError, UsageError
from pyonnxtool.op_schemas import plain_domain
from pyonnxtool.rewriting.constant_match import equal_constants, told
from pyonnxtool.rewriting.found import (
    Found,
    Miss,
    label_of,
    outermost,
    same_value,
    source_of,
)
from pyonnxtool.rewriting.node_view import NodeView
from pyonnxtool.rewriting.operand import Operand, home_of
from pyonnxtool.rewriting.pattern import Either, Free, Known, Made, Step, Term, options_of, terms_in
from pyonnxtool.user_file import told_of
from pyonnxtool.wording import plural

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool._core import Node
    from pyonnxtool.rewriting.operand import Facts
    from pyonnxtool.rewriting.pattern import Pattern

_BROADCASTING = frozenset({"Sub", "Div", "Pow", "Mod", "Where", "Less", "Greater"}) | {
    *("Add", "Mul", "Max", "Min", "Mean", "Sum", "Equal", "And", "Or", "Xor", "PRelu"),
    *("LessOrEqual", "GreaterOrEqual", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor"),
}
_MOST_SHUFFLED = 4
"""Inputs of a commutative operator that are tried in every order."""


@cache
def _commutative() -> frozenset[str]:
    return frozenset(op.op_type for op in _core.op_table() if op.commutative and not op.domain)


class Matcher:
    """Tries one pattern at the nodes of one graph."""

    def __init__(
        self, pattern: Pattern, opset: int, facts: Facts, *, tolerance: float, shared: bool
    ) -> None:
        self._pattern, self._opset, self._facts = pattern, opset, facts
        self._tolerance, self._shared = tolerance, shared
        self.closest: Miss | None = None
        """Of the tries since `at` was called."""

    def at(self, node: Node) -> Found | None:
        """The pattern with this node as what makes its first output; None: it does not fit."""
        self.closest = None
        first, *others = self._pattern.outputs
        for found in self._output(first, self._view(node), Found()):
            for whole in self._others(others, found):
                if self._alone(whole):
                    return whole
        return None

    def may_begin_at(self, op_type: str, domain: str) -> bool:
        """Whether a node of this operator can make the first output."""
        return any(_fits(one.step, op_type, domain) for one in self._pattern.first)

    def _view(self, node: Node) -> NodeView:
        return NodeView(node, self._opset, self._facts)

    def _operand(self, node: Node, place: int) -> Operand:
        names = node.output_names
        return Operand(names[place] if place < len(names) else "", node.graph, self._facts)

    def _miss(self, found: Found, text: str, *, nearly: bool = False) -> None:
        """`nearly`: what is wrong is of the right kind, such as a constant of another value."""
        miss = Miss(len(found.nodes), text, nearly)
        if self.closest is None or miss.nearness > self.closest.nearness:
            self.closest = miss

    # Each of these gives every way in which its part of the pattern fits, beside what was found.

    def _step(self, step: Step, view: NodeView, found: Found) -> Iterator[Found]:
        if step in found.nodes:
            if found.nodes[step].node == view.node:
                yield found
            return
        found = found.with_node(step, view)
        label = label_of(view)
        places = sum(map(bool, view.outputs))
        if len(view.outputs) < step.outputs:
            self._miss(found, f"{label} has {plural(places, 'output')}, not {step.outputs}")
            return
        for with_attributes in self._attributes(step, view, found):
            count, wanted = _trimmed(view), len(step.inputs)
            if count > wanted and not step.open:
                self._miss(found, f"{label} has {plural(count, 'input')}, not {wanted}")
                continue
            for inputs in self._orders(step, view):
                yield from self._inputs(step, view, inputs, 0, with_attributes)

    def _attributes(self, step: Step, view: NodeView, found: Found) -> Iterator[Found]:
        for name, wanted in step.attributes.items():
            where, has = f"{label_of(view)}: its {name}", view.attr(name)
            wrong = ""
            if _referred(view, has):
                wrong = f"{where} is an attribute of the function around it"
            elif isinstance(wanted, Free):
                known = found.values.get(wanted.name, has)
                if known != has:
                    wrong = f"{where} is {has!r}, not {known!r} as elsewhere"
                elif not self._holds(wanted, has, found, where):
                    return
                found = found.with_value(wanted.name, has)
            elif wanted is None:
                wrong = f"{label_of(view)} has the attribute {name}" if view.given(name) else ""
            elif callable(wanted):
                if not _asked(wanted, has, f"the condition of {step.told}'s {name}"):
                    wrong = f"{where} is {has!r}, which its condition denies"
            elif has is None:
                wrong = f"{label_of(view)} has no attribute {name}"
            elif not self._same_attribute(name, has, wanted, view):
                wrong = f"{where} is {has!r}, not {wanted!r}"
            if wrong:
                self._miss(found, wrong)
                return
        yield found

    def _same_attribute(self, name: str, has: Any, wanted: Any, view: NodeView) -> bool:
        if isinstance(has, _core.Tensor):
            return equal_constants(has.numpy(), np.asarray(wanted), self._tolerance)
        if isinstance(has, str | bytes) or isinstance(wanted, str | bytes):
            return bool(has == wanted)
        rank = view.arg(0).rank if name == "axis" else None
        if rank is not None and isinstance(has, int) and isinstance(wanted, int):
            return bool(has % max(rank, 1) == wanted % max(rank, 1))
        try:
            return equal_constants(np.asarray(has), np.asarray(wanted), self._tolerance)
        except (TypeError, ValueError):  # no numbers, such as a body
            return False

    def _orders(self, step: Step, view: NodeView) -> Iterator[tuple[Operand, ...]]:
        count = max(len(view.inputs), len(step.inputs))
        given = tuple(view.arg(place) for place in range(count))
        plain = not plain_domain(view.domain) and view.op_type in _commutative()
        if not plain or step.open or not 1 < count <= _MOST_SHUFFLED:
            yield given
            return
        yield from dict.fromkeys(permutations(given))

    def _inputs(
        self, step: Step, view: NodeView, given: Sequence[Operand], place: int, found: Found
    ) -> Iterator[Found]:
        if place == len(step.inputs):
            yield found
            return
        at = view.inputs.index(given[place]) if given[place] else place
        where = f"{label_of(view)}: input {at}"
        for more in self._value(step.inputs[place], given[place], found, where, view):
            yield from self._inputs(step, view, given, place + 1, more)

    def _value(
        self, term: Term | None, operand: Operand, found: Found, where: str, reader: NodeView
    ) -> Iterator[Found]:
        if isinstance(term, Either):
            yield from self._either(term, operand, found, where, reader)
        elif term is None:
            if not operand:
                yield found
            else:
                self._miss(found, f"{where} is given")
        elif not operand:
            self._miss(found, f"{where} is omitted")
        elif isinstance(term, Free):
            yield from self._free(term, operand, found, where)
        elif isinstance(term, Known):
            if self._constant(term, operand, found, where, reader):
                yield found
        elif isinstance(term, Made):
            yield from self._made(term, operand, found, where)

    def _either(
        self, term: Either, operand: Operand, found: Found, where: str, reader: NodeView
    ) -> Iterator[Found]:
        options, producer = options_of(term), operand.producer
        if producer is not None and all(
            isinstance(one, Made) and not _fits(one.step, producer.op_type, producer.domain)
            for one in options
        ):
            wanted = " or ".join(dict.fromkeys(one.step.told for one in options))
            self._miss(found, f"{where} is made by {producer.op_type}, not {wanted}")
            return
        for option in term.terms:
            for fitting in self._value(option, operand, found, where, reader):
                if self._holds(term, operand, fitting, where):
                    yield fitting

    def _free(self, term: Free, operand: Operand, found: Found, where: str) -> Iterator[Found]:
        known = found.values.get(term.name)
        if known is not None and not same_value(known, operand):
            self._miss(found, f"{where} is {operand!s}, and {term.name} is {known!s} elsewhere")
            return
        if self._holds(term, operand, found, where):
            yield found if known is not None else found.with_value(term.name, operand)

    def _constant(
        self, term: Known, operand: Operand, found: Found, where: str, reader: NodeView
    ) -> bool:
        has = operand.const
        if has is None:
            self._miss(found, f"{where} is no constant, and {told(term.array)} is wanted")
            return False
        wanted = term.array
        if term.number and has.size == 1:
            wanted = wanted.reshape(has.shape)
        if not equal_constants(has, wanted, self._tolerance):
            self._miss(found, f"{where} is {told(has)}, not {told(term.array)}", nearly=True)
            return False
        if term.number and _widens(has, reader):
            self._miss(
                found, f"{where} has {has.ndim} axes, which may be more than the others have"
            )
            return False
        return self._holds(term, operand, found, where)

    def _made(self, term: Made, operand: Operand, found: Found, where: str) -> Iterator[Found]:
        producer = operand.producer
        if producer is None:
            self._miss(found, f"{where} is {source_of(operand)}, not made by {term.step.told}")
            return
        view = self._view(producer)
        if not _fits(term.step, producer.op_type, producer.domain):
            self._miss(found, f"{where} is made by {view.op_type}, not {term.step.told}")
            return
        if producer.graph != operand.graph:
            told = f"{where} is made by {label_of(view)} outside of this body"
            self._miss(found, told, nearly=True)
            return
        if producer.output_names.index(str(operand)) != term.place:
            self._miss(found, f"{where} is another output of {label_of(view)}")
            return
        for fitting in self._step(term.step, view, found):
            if self._holds(term, view, fitting, label_of(view)):
                yield fitting

    def _output(self, term: Term, view: NodeView, found: Found) -> Iterator[Found]:
        """The node as what makes an output of the pattern."""
        if isinstance(term, Either):
            for option in term.terms:
                for fitting in self._output(option, view, found) if option else ():
                    if self._holds(term, view, fitting, label_of(view)):
                        yield fitting
        elif isinstance(term, Made) and _fits(term.step, view.op_type, view.domain):
            taken = any(one.node == view.node for one in found.nodes.values())
            if taken and term.step not in found.nodes:  # outputs are of nodes of their own
                return
            for fitting in self._step(term.step, view, found):
                if self._holds(term, view, fitting, label_of(view)):
                    output = self._operand(view.node, term.place)
                    yield replace(fitting, outputs=(*fitting.outputs, output))

    def _others(self, others: Sequence[Made | Either], found: Found) -> Iterator[Found]:
        """The outputs after the first: of nodes that are matched, or that read what is matched."""
        if not others:
            yield found
            return
        first, *rest = others
        inside = [found.nodes[one.step] for one in options_of(first) if one.step in found.nodes]
        for view in inside or self._ahead(first, found):
            for fitting in self._output(first, view, found):
                yield from self._others(rest, fitting)

    def _ahead(self, term: Made | Either, found: Found) -> list[NodeView]:
        """Nodes that may make the term, as far from what was found as the pattern is deep."""
        root = next(iter(found.nodes.values()))
        reached = {str(one) for view in found.nodes.values() for one in view.outputs if one}
        reached |= {str(one) for one in found.values.values() if isinstance(one, Operand) and one}
        seen: dict[Node, None] = {}
        steps = [one for one in terms_in([term]) if isinstance(one, Made)]
        for _ in steps:
            values = [root.graph.value(name) for name in reached if home_of(name, root.graph)]
            nodes = [node for value in values for node in value.consumers if node not in seen]
            seen |= dict.fromkeys(nodes)
            reached = {name for node in nodes for name in node.output_names if name}
        options = options_of(term)
        fitting = [
            node
            for node in seen
            if any(_fits(one.step, node.op_type, node.domain) for one in options)
        ]
        if not fitting:
            wanted = " or ".join(one.step.told for one in options)
            self._miss(found, f"no {wanted} reads what {label_of(root)} has to do with")
        return [self._view(node) for node in fitting]

    def _alone(self, found: Found) -> bool:
        """What is computed on the way has no other readers, unless it may."""
        if self._shared:
            return True
        kept = {str(one) for one in found.outputs}
        inside = {view.node for view in found.nodes.values()}
        free = {(one.step, one.place) for one in self._pattern.made if one.many_readers}
        for step, view in found.nodes.items():
            for place, name in enumerate(view.outputs):
                if not name or str(name) in kept or (step, place) in free:
                    continue
                if view.graph.value(str(name)).is_output:
                    self._miss(found, f"{label_of(view)} makes {name!s}, an output of the graph")
                    return False
                for reader in view.graph.value(str(name)).consumers:
                    if reader not in inside:
                        other = f"{reader.op_type} {reader.name or reader.output_names[0]!r}"
                        self._miss(found, f"{label_of(view)}: {other} reads {name!s} as well")
                        return False
        return True

    def _holds(self, term: Term, shown: Any, found: Found, where: str) -> bool:
        for condition in term.conditions:
            if not _asked(condition.holds, shown, f"the condition of {where}"):
                self._miss(found, f"{where} is not {condition.told}")
                return False
        return True


def _widens(constant: NDArray[Any], reader: NodeView) -> bool:
    """Whether a constant of one element could give the result more axes than it has without."""
    if not constant.ndim or plain_domain(reader.domain) or reader.op_type not in _BROADCASTING:
        return False
    return constant.ndim > max(
        (one.rank or 0 for one in reader.inputs if one.const is None), default=0
    )


def _fits(step: Step, op_type: str, domain: str) -> bool:
    if not fnmatchcase(plain_domain(domain), plain_domain(step.domain)):
        return False
    return any(fnmatchcase(op_type, name) for name in step.op_types)


def _trimmed(view: NodeView) -> int:
    """How many inputs there are without those at the end that are omitted."""
    return max((place + 1 for place, one in enumerate(view.inputs) if one), default=0)


def _referred(view: NodeView, value: Any) -> bool:
    """Whether the attribute is "@name", for that of the function around the node."""
    in_function = view.graph.model.graph != outermost(view.graph)
    return in_function and isinstance(value, str) and value.startswith("@")


def _asked(condition: Callable[[Any], object], shown: Any, what: str) -> bool:
    try:
        return bool(condition(shown))
    except PyonnxtoolError:
        raise
    except (Exception, SystemExit) as error:  # whatever the user's own code raises
        raise UsageError(f"{what} failed: {told_of(error)}") from error
