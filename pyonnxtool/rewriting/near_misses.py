"""Where a rule nearly fitted, in few words."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from pyonnxtool.op_schemas import versions_of
from pyonnxtool.rewriting.pattern import fewest
from pyonnxtool.rewriting.report import Left
from pyonnxtool.wording import plural

if TYPE_CHECKING:
    from pyonnxtool.rewriting.found import Miss
    from pyonnxtool.rewriting.rule import Rule

_MOST_TOLD = 5
"""Kinds of near misses of each rule, those that came closest first."""
_MOST_NEAREST = 3
"""Kinds of misses that are told of a rule that came close nowhere."""
_NAME = re.compile(r"'[^']*'")


def near_misses(rule: Rule, tried: Sequence[tuple[str, Miss]]) -> list[Left]:
    """What came close, of (node where the pattern was tried, where it stopped fitting).

    A place is near when half of the pattern's nodes were found, or when what stopped it was of the
    right kind; two at least. Places that differ in nothing but names are told once.
    """
    size = len(fewest(rule.pattern.outputs))
    least, half = min(size, 2), (size + 1) // 2
    near = [
        (node, miss)
        for node, miss in _by_nearness(tried)
        if miss.depth >= least and (miss.nearly or miss.depth >= half)
    ]
    told = []
    for node, text, alike in _kinds(near)[:_MOST_TOLD]:
        more = f"; {plural(alike - 1, 'more node')} alike" if alike > 1 else ""
        told.append(Left(node, f"{rule.name} came close: {text}{more}"))
    return told


def why_idle(
    rule: Rule, tried: Sequence[tuple[str, Miss]], there: Collection[tuple[str, str]]
) -> str:
    """Why a rule that came close nowhere did nothing: the nearest places of all.

    `there` are the operators of the model, as (domain, name).
    """
    if tried:
        ordered = _by_nearness(tried)
        nearest = [one for one in ordered if one[1].nearness == ordered[0][1].nearness]
        texts = [text for _, text, _ in _kinds(nearest)[:_MOST_NEAREST]]
        return f"{rule.name} did nothing, the nearest is: {'; '.join(texts)}"
    first = " or ".join(dict.fromkeys(one.step.told for one in rule.pattern.first))
    return f"{rule.name} did nothing: there is no {first}{_meant(rule, there)}"


def _meant(rule: Rule, there: Collection[tuple[str, str]]) -> str:
    """Operators of another domain or of a similar name."""
    for step in (one.step for one in rule.pattern.first):
        for name in step.op_types:
            for domain, op_type in sorted(there):
                if op_type == name and domain != step.domain:
                    return f", but {domain or 'ai.onnx'}::{name}: say domain={domain!r}"
            if not step.domain and not set(name) & set("*?[") and not versions_of(name):
                close = get_close_matches(name, sorted(op_type for _, op_type in there), 1)
                return f"; did you mean {close[0]}?" if close else ", nor has ONNX"
    return ""


def _by_nearness(tried: Sequence[tuple[str, Miss]]) -> list[tuple[str, Miss]]:
    return sorted(tried, key=lambda one: one[1].nearness, reverse=True)


def _kinds(tried: Sequence[tuple[str, Miss]]) -> list[tuple[str, str, int]]:
    """(Node, text, how many) of places that differ in nothing but names; the first of each."""
    kinds: dict[str, list[tuple[str, Miss]]] = {}
    for node, miss in tried:
        kinds.setdefault(_NAME.sub("", miss.text), []).append((node, miss))
    return [(alike[0][0], alike[0][1].text, len(alike)) for alike in kinds.values()]
