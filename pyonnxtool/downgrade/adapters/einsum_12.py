"""Einsum from 12 to 11: MatMul where axes are contracted, Mul and ReduceSum where they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._einsum_equation import (
    Equation,
    has_ellipsis,
    read_equation,
)
from pyonnxtool.downgrade.adapters._einsum_term import Term, split_up
from pyonnxtool.feeds.dtypes import numpy_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape


_Plan: TypeAlias = "tuple[Term, Term, list[str], list[str], list[str], list[str]]"
"""Operands of a MatMul, and labels: kept of both, of the first, of the second, and summed."""


@ADAPTERS.add(("Einsum", 12))
def einsum(node: NodeView, tape: Tape) -> Decision:
    """12 -> 11: Transpose, Reshape, MatMul, Mul and ReduceSum, two operands at a time."""
    equation = _equation(node)
    if not isinstance(equation, Equation):
        return equation
    terms = []
    for operand, labels in zip(node.inputs, equation.terms, strict=True):
        term = _term(operand, labels, tape)
        if term is None:
            return node.refuse(f"axes of {list(operand.shape or [])} that are one differ in size")
        terms.append(term)
    if any(0 in term.sizes.values() for term in terms):
        return _empty(node, equation, terms, tape)
    return _contracted(_broadcast(terms), equation.output).name


def _equation(node: NodeView) -> Equation | Refusal:
    text = node.attr_str("equation", "")
    if not all(node.inputs):
        return node.refuse("an operand is missing")
    ranks = [one.rank for one in node.inputs]
    dotted = [rank for rank, dots in zip(ranks, has_ellipsis(text), strict=False) if dots]
    if None in dotted:
        return node.refuse_dynamic("the rank of an operand with an ellipsis")
    equation = read_equation(text, ranks)
    return node.refuse(equation) if isinstance(equation, str) else equation


def _term(operand: Operand, labels: Sequence[str], tape: Tape) -> Term | None:
    """An operand; of an axis that is there twice the diagonal is taken. None: there is none."""
    shape = operand.shape or (None,) * len(labels)
    sizes: dict[str, int | None] = {}
    for label, size in zip(labels, shape, strict=True):
        if None not in (size, sizes.get(label)) and size != sizes[label]:
            return None
        sizes[label] = size if sizes.get(label) is None else sizes[label]
    once = len(set(labels)) == len(labels)
    term = Term(tape, operand, tuple(labels), sizes, operand.const if once else None)
    for label in dict.fromkeys(labels):
        while term.labels.count(label) > 1:
            term = term.diagonal(label)
    return term


def _empty(node: NodeView, equation: Equation, terms: Sequence[Term], tape: Tape) -> Decision:
    """A sum of nothing is 0, and so is all of an output that has no elements."""
    sizes: dict[str, int | None] = {}
    for term in terms:
        for label, size in term.sizes.items():
            sizes[label] = size if sizes.get(label, 1) == 1 else sizes[label]
    shape = [sizes[label] for label in equation.output]
    dtype = node.inputs[0].dtype
    if dtype is None or None in shape:
        return node.refuse_dynamic("the shape of an operand that may be empty")
    tape.nodes.clear()
    return tape.const(np.zeros([one or 0 for one in shape], numpy_dtype(dtype)))


def _broadcast(terms: Sequence[Term]) -> list[Term]:
    """Without axes of 1 that another operand may have more of."""
    kept = {label for term in terms for label, size in term.sizes.items() if size != 1}
    return [
        term.squeezed([one for one in term.labels if one in kept and term.sizes[one] == 1])
        for term in terms
    ]


def _contracted(terms: list[Term], output: Sequence[str]) -> Term:
    made, *others = terms
    for at, other in enumerate(others):
        later = {label for term in others[at + 1 :] for label in term.labels}
        made = _pair(made, other, later | set(output), [] if later else output)
    return made.summed([one for one in made.labels if one not in output]).arranged(output)


def _pair(a: Term, b: Term, kept: set[str], order: Sequence[str]) -> Term:
    """Of two terms one; labels that are not kept are summed. `order` is that of the output."""
    a = a.summed([one for one in a.labels if one not in kept and one not in b.labels])
    b = b.summed([one for one in b.labels if one not in kept and one not in a.labels])
    shared = [one for one in _sorted(a.labels, order) if one in b.labels]
    gone = [one for one in shared if one not in kept]
    if not gone or set(a.labels) == set(shared) == set(b.labels):
        return _product(a, b, order, gone)
    plans = [_plan(*pair, kept, order, first) for pair in ((a, b), (b, a)) for first in (a, b)]
    return _matmul(*min(plans, key=lambda plan: _turned(plan, order)))


def _plan(a: Term, b: Term, kept: set[str], order: Sequence[str], first: Term) -> _Plan:
    """Summed labels are in the order that `first` has them in, the others as the output does."""
    shared = [one for one in _sorted(a.labels, order) if one in b.labels]
    return (
        a,
        b,
        [one for one in shared if one in kept],
        [one for one in _sorted(a.labels, order) if one not in shared],
        [one for one in _sorted(b.labels, order) if one not in shared],
        [one for one in first.labels if one in shared and one not in kept],
    )


def _turned(plan: _Plan, order: Sequence[str]) -> int:
    """How many Transposes it takes; constants are turned at once."""
    a, b, batch, of_a, of_b, gone = plan
    made = [*batch, *of_a, *of_b]
    return sum(
        [
            a.known is None and a.labels != (*batch, *of_a, *gone),
            b.known is None and b.labels != (*batch, *gone, *of_b),
            bool(order) and made != _sorted(made, order),
        ]
    )


def _sorted(labels: Sequence[str], order: Sequence[str]) -> list[str]:
    """As the output has them, the rest behind."""
    return sorted(labels, key=lambda one: order.index(one) if one in order else len(order))


def _product(a: Term, b: Term, order: Sequence[str], gone: Sequence[str]) -> Term:
    """Element by element; the order of axes is the one that turns the least."""

    def turned(labels: Sequence[str]) -> int:
        left = [one for one in labels if one not in gone]
        found = sum(tuple(_sorted(one.labels, labels)) != one.labels for one in (a, b))
        return found + (bool(order) and left != _sorted(left, order))

    union = list(dict.fromkeys([*a.labels, *b.labels]))
    kept = [one for one in union if one not in gone]
    labels = min([*_sorted(kept, order), *gone], union, key=turned)
    value = a.tape.op("Mul", a.among(labels), b.among(labels))
    return Term(a.tape, value, tuple(labels), _sizes(a, b)).summed(gone)


def _matmul(
    a: Term, b: Term, batch: list[str], of_a: list[str], of_b: list[str], gone: list[str]
) -> Term:
    """The product over labels that are gone; axes of each other role are one, where they must."""
    tape = a.tape
    a, b = a.arranged([*batch, *of_a, *gone]), b.arranged([*batch, *gone, *of_b])
    alone = [[one] for one in batch]
    rows, columns = [of_a], [of_b]
    if not batch:  # all axes but the last two of the first operand are kept by MatMul
        rows, columns = [[one] for one in of_a], [of_b] if of_b else []
    value = tape.op("MatMul", a.grouped([*alone, *rows, gone]), b.grouped([*alone, gone, *columns]))
    sources = {**dict.fromkeys(a.labels, a), **dict.fromkeys(of_b, b)}
    for one in batch:
        sources[one] = a if a.sizes[one] != 1 else b
    labels = (*batch, *of_a, *of_b)
    value = split_up(value, [*alone, *rows, *columns], sources, tape)
    sizes = _sizes(a, b)
    return Term(tape, value, labels, {one: sizes[one] for one in labels})


def _sizes(a: Term, b: Term) -> dict[str, int | None]:
    """Of what is broadcast; None where one may be 1."""
    sizes = {**b.sizes, **a.sizes}
    for label in set(a.sizes) & set(b.sizes):
        found = {a.sizes[label], b.sizes[label]}
        certain = [size for size in found if size is not None and size != 1]
        sizes[label] = certain[0] if certain else None if None in found else 1
    return sizes
