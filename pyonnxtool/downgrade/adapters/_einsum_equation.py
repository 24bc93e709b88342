"""The equation of an Einsum: which axes of which operand are the same, and which are put out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

ELLIPSIS = "..."


@dataclass(frozen=True)
class Equation:
    """Labels of each operand's axes, and of the output's.

    A letter, or ".2" for the third axis from the right of those that an ellipsis stands for.
    """

    terms: list[list[str]]
    output: list[str]


def read_equation(text: str, ranks: Sequence[int | None]) -> Equation | str:
    """The equation for operands of these ranks, or what is wrong with it.

    Pre: ranks of operands that have an ellipsis are known.
    """
    left, arrow, right = text.replace(" ", "").partition("->")
    written = left.split(",")
    if len(written) != len(ranks):
        return f"its equation has {len(written)} terms for {len(ranks)} operands"
    terms = []
    for term, rank in zip(written, ranks, strict=True):
        labels = _labels(term, rank)
        if labels is None:
            return f"{term!r} does not fit an operand of rank {rank}"
        terms.append(labels)
    dotted = {label for labels in terms for label in labels if label[0] == "."}
    count = len(dotted)
    if arrow:
        output = _labels(right, count + len(right.replace(ELLIPSIS, "")), named=True)
    else:
        times = Counter(label for labels in terms for label in labels if label[0] != ".")
        named = sorted(label for label, n in times.items() if n == 1)
        output = [*_dots(count), *named]
    known = {label for labels in terms for label in labels}
    if output is None or len(set(output)) != len(output) or not set(output) <= known:
        return f"{right!r} cannot be an output of {left!r}"
    if not dotted <= set(output):
        return "the ellipsis of its operands is none of its output"
    return Equation(terms, output)


def has_ellipsis(text: str) -> list[bool]:
    """For each term on the left."""
    return [ELLIPSIS in term for term in text.replace(" ", "").partition("->")[0].split(",")]


def _dots(count: int) -> list[str]:
    return [f".{place}" for place in reversed(range(count))]


def _labels(term: str, rank: int | None, *, named: bool = False) -> list[str] | None:
    before, dots, after = term.partition(ELLIPSIS)
    letters = before + after
    if not all(one.isascii() and one.isalpha() for one in letters):
        return None
    if not dots:
        fits = named or rank is None or rank == len(letters)
        return list(letters) if fits else None
    if rank is None or rank < len(letters):
        return None
    return [*before, *_dots(rank - len(letters)), *after]
