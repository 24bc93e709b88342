"""Why a rewrite was not done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyonnxtool.errors import Refused
from pyonnxtool.wording import plural, printable

_MOST_NAMED = 3
"""Of nodes that are told in one line."""


@dataclass(frozen=True)
class Refusal:
    """A node that cannot be rewritten in a way that is provably the same."""

    node: str
    """Its name, or what it makes; empty where no node is to blame."""
    op_type: str
    reason: str
    rule: str = ""
    """What was to be done to it, where that is known."""

    def __str__(self) -> str:
        """`node 'loop0' (Loop): its trip count is computed at run time [inlined If]`."""
        return told_of([self])


def told_of(alike: Sequence[Refusal]) -> str:
    """A line for nodes of one operator with one reason: `nodes 'a', 'b' and 4 more (Loop): ...`."""
    first = alike[0]
    names = [repr(one.node) for one in alike[:_MOST_NAMED]]
    more = len(alike) - len(names)
    listed = ", ".join(names) + (f" and {more:,} more" if more else "")
    where = f"{'nodes' if len(alike) > 1 else 'node'} {listed} ({first.op_type}): "
    text = printable(f"{where if first.node else ''}{first.reason}")
    return text + (f" [{first.rule}]" if first.rule else "")


def refused(what: str, refusals: Sequence[Refusal]) -> Refused:
    """The error to raise: `what` was refused, and every reason. Nothing has been written.

    Nodes of one operator with one reason are told in one line.
    """
    alike: dict[Refusal, list[Refusal]] = {}
    for one in refusals:
        alike.setdefault(replace(one, node="*" if one.node else ""), []).append(one)
    reasons = plural(len(refusals), "reason")
    told = f"{what} was refused for {reasons}; nothing is written"
    return Refused(told, refusals, [told_of(several) for several in alike.values()])
