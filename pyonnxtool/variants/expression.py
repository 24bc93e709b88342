"""Sizes that follow from others, as models write them: "h", "2*w + 1", "Max(1, (h - 1)//2)"."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
}
_FUNCTIONS: dict[str, Callable[..., int]] = {"min": min, "max": max}


def names_in(text: str) -> set[str]:
    """The names that a size depends on; a text that is no expression is one name."""
    tree = _parsed(text)
    if tree is None:
        return {text}
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called
    }


def value_of(text: str | int | None, sizes: Mapping[str, int]) -> int | None:
    """The number that an expression is; None when a name is not known, or it is no expression."""
    if not isinstance(text, str):
        return text
    if text in sizes:
        return sizes[text]
    tree = _parsed(text)
    try:
        return None if tree is None else _value(tree, sizes)
    except (ValueError, KeyError, ZeroDivisionError):
        return None


def _parsed(text: str) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return None


def _value(node: ast.expr, sizes: Mapping[str, int]) -> int:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.Name):
        return sizes[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, sizes)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_value(node.left, sizes), _value(node.right, sizes))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        function = _FUNCTIONS.get(node.func.id.lower())
        if function is not None and node.args:
            return function(*(_value(one, sizes) for one in node.args))
    raise ValueError("no expression of sizes")
