"""Why a rewrite was not done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyonnxtool.errors import Refused
from pyonnxtool.wording import plural, printable


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
        where = f"node {self.node!r} ({self.op_type}): " if self.node else ""
        return printable(f"{where}{self.reason}") + (f" [{self.rule}]" if self.rule else "")


def refused(what: str, refusals: Sequence[Refusal]) -> Refused:
    """The error to raise: `what` was refused, and every reason. Nothing has been written."""
    reasons = plural(len(refusals), "reason")
    return Refused(f"{what} was refused for {reasons}; nothing is written", refusals)
