"""Where a rule nearly fitted, in few words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyonnxtool.rewriting.pattern import fewest
from pyonnxtool.rewriting.report import Left
from pyonnxtool.wording import plural

if TYPE_CHECKING:
    from pyonnxtool.rewriting.found import Miss
    from pyonnxtool.rewriting.rule import Rule

_MOST_TOLD = 5
"""Kinds of near misses of each rule, those that came closest first."""
_NAME = re.compile(r"'[^']*'")


def near_misses(rule: Rule, tried: Sequence[tuple[str, Miss]], *, idle: bool) -> list[Left]:
    """What came closest, of (node where the pattern was tried, where it stopped fitting).

    A place is near when half of the pattern's nodes were found, two at least; where a rule is
    `idle` and none is near, the nearest one. Places that differ in nothing but names are told once.
    """
    size = len(fewest(rule.pattern.outputs))
    enough = min(size, max(2, (size + 1) // 2))
    by_nearness = sorted(tried, key=lambda one: one[1].nearness, reverse=True)
    near = [one for one in by_nearness if one[1].depth >= enough]
    if idle and not near:
        near = by_nearness[:1]
    kinds: dict[str, list[tuple[str, Miss]]] = {}
    for node, miss in near:
        kinds.setdefault(_NAME.sub("", miss.text), []).append((node, miss))
    told = []
    for alike in list(kinds.values())[:_MOST_TOLD]:
        node, miss = alike[0]
        more = f"; {plural(len(alike) - 1, 'more node')} alike" if len(alike) > 1 else ""
        told.append(Left(node, f"{rule.name} came close: {miss.text}{more}"))
    return told
