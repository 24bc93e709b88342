"""What expressions of named sizes say, such as "max(1, (height + 7)//8)" or "batch*sequence"."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeAlias

SizeText: TypeAlias = "int | float | str | None"
"""As shape rules give sizes: a number, an expression, or None where nothing is known."""

_NOTHING_KNOWN = float("-inf")


def is_positive(size: SizeText) -> bool:
    """Whether it is at least 1, as every named size is at least 0."""
    if isinstance(size, int):
        return size > 0
    tree = _parsed(size)
    return tree is not None and _least(tree) >= 1


def is_zero_only_with(size: SizeText, other: SizeText) -> bool:
    """Whether `other` is 0 whenever `size` is: each factor that may be 0 is a factor of both."""
    if size is not None and size == other:
        return True
    tree, beside = _parsed(size), _parsed(other)
    if tree is None or beside is None:
        return False
    theirs = {ast.dump(factor) for factor in _factors(beside)}
    return all(_least(one) >= 1 or ast.dump(one) in theirs for one in _factors(tree))


def _parsed(size: SizeText) -> ast.expr | None:
    try:
        return ast.parse(str(size), mode="eval").body if isinstance(size, int | str) else None
    except SyntaxError:  # a name that Python does not take for one
        return None


def _factors(tree: ast.expr) -> Iterator[ast.expr]:
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Mult):
        yield from _factors(tree.left)
        yield from _factors(tree.right)
    else:
        yield tree


def _least(tree: ast.expr) -> float:
    """The least that it can be."""
    if isinstance(tree, ast.Constant) and isinstance(tree.value, int):
        return tree.value
    if isinstance(tree, ast.Name):
        return 0
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.args:
        each = [_least(one) for one in tree.args]
        return {"max": max, "min": min}.get(tree.func.id, lambda _: _NOTHING_KNOWN)(each)
    if isinstance(tree, ast.BinOp):
        return _least_of(tree.op, _least(tree.left), _least(tree.right), tree.right)
    return _NOTHING_KNOWN


def _least_of(operator: ast.operator, left: float, right: float, divisor: ast.expr) -> float:
    if isinstance(operator, ast.Add):
        return left + right
    if isinstance(operator, ast.Mult) and left >= 0 and right >= 0:
        return left * right
    divides = isinstance(operator, ast.FloorDiv) and isinstance(divisor, ast.Constant)
    return left // right if divides and left >= 0 and right >= 1 else _NOTHING_KNOWN
