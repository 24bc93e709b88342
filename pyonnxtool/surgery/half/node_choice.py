"""Nodes that a user names: by their name, or all of an operator."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pyonnxtool.surgery.selection import nothing_called

if TYPE_CHECKING:
    from pyonnxtool._core import Node


def chosen_nodes(patterns: Sequence[str], nodes: Sequence[Node], option: str) -> list[Node]:
    """The nodes of these names, of these outputs where they have none, or of "op:Softmax".

    Globs are allowed in both, and the domain may stand before an operator: "op:com.microsoft::*".
    Raises UsageError for a pattern that fits none.
    """
    found = []
    for pattern in patterns:
        these = [node for node in nodes if _fits(pattern, node)]
        if not these:
            raise nothing_called(pattern, _names(pattern, nodes), f"node for {option}")
        found += these
    return found


def names_op(pattern: str, domain: str, op_type: str) -> bool:
    """Whether "op:Softmax" or "op:my.domain::*" names this operator."""
    called = (f"op:{op_type}", f"op:{domain or 'ai.onnx'}::{op_type}")
    return any(name == pattern or fnmatchcase(name, pattern) for name in called)


def _fits(pattern: str, node: Node) -> bool:
    if pattern.startswith("op:"):
        return names_op(pattern, node.domain, node.op_type)
    name = _name(node)
    return name == pattern or fnmatchcase(name, pattern)


def _name(node: Node) -> str:
    return node.name or next(filter(None, node.output_names), "")


def _names(pattern: str, nodes: Sequence[Node]) -> list[str]:
    if pattern.startswith("op:"):
        return list(dict.fromkeys(f"op:{node.op_type}" for node in nodes))
    return list(dict.fromkeys(map(_name, nodes)))
