"""Einsum from 12 to 11: MatMul where axes are contracted, Mul and ReduceSum where they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._einsum_equation import (
    Equation,
    has_ellipsis,
    read_equation,
)
from pyonnxtool.downgrade.adapters._einsum_term import Term, split_up
from pyonnxtool.rewrite.tape import numpy_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewrite.decision import Decision
    from pyonnxtool.rewrite.node_view import NodeView
    from pyonnxtool.rewrite.operand import Operand
    from pyonnxtool.rewrite.tape import Tape


@ADAPTERS.add(("Einsum", 12))
def einsum(node: NodeView, tape: Tape) -> Decision:
    """12 -> 11: Transpose, Reshape, MatMul, Mul and ReduceSum, two operands at a time."""
    text = node.attr_str("equation", "")
    ranks = [one.rank for one in node.inputs]
    dotted = has_ellipsis(text)
    if len(dotted) == len(ranks) and any(
        dots and rank is None for dots, rank in zip(dotted, ranks, strict=True)
    ):
        return node.refuse_dynamic("the rank of an operand with an ellipsis")
    equation = read_equation(text, ranks)
    if isinstance(equation, str):
        return node.refuse(equation)
    terms = []
    for operand, labels in zip(node.inputs, equation.terms, strict=True):
        term = _term(operand, labels, tape)
        if term is None:
            return node.refuse(f"axes of {list(operand.shape or [])} that are one differ in size")
        terms.append(term)
    if any(0 in term.sizes.values() for term in terms):
        return _empty(node, equation, terms, tape)
    return _contracted(_broadcast(terms), equation.output).name


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
    of_a = [one for one in _sorted(a.labels, order) if one not in shared]
    of_b = [one for one in _sorted(b.labels, order) if one not in shared]
    if not gone or not (of_a or of_b):
        return _product(a, b, order, gone)
    if of_a and of_b and order and order.index(of_b[0]) < order.index(of_a[0]):
        a, b, of_a, of_b = b, a, of_b, of_a
    batch = [one for one in shared if one in kept]
    return _matmul(a, b, (batch, of_a, of_b, gone))


def _sorted(labels: Sequence[str], order: Sequence[str]) -> list[str]:
    """As the output has them, the rest behind."""
    return sorted(labels, key=lambda one: order.index(one) if one in order else len(order))


def _product(a: Term, b: Term, order: Sequence[str], gone: Sequence[str]) -> Term:
    union = list(dict.fromkeys([*a.labels, *b.labels]))
    labels = [*_sorted([one for one in union if one not in gone], order), *gone]
    value = a.tape.op("Mul", a.among(labels), b.among(labels))
    return Term(a.tape, value, tuple(labels), _sizes(a, b)).summed(gone)


def _matmul(a: Term, b: Term, roles: tuple[list[str], ...]) -> Term:
    """The product over labels that are gone; axes of each other role are one, where they must."""
    batch, of_a, of_b, gone = roles
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
