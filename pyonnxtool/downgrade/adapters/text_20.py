"""Operators on text: nothing of a lower opset looks into strings, or makes new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS

if TYPE_CHECKING:
    from pyonnxtool.downgrade.adapters import Adapter
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_ADVICE = "do it before the model runs, and give the model what comes out"


def _refused(why: str) -> Adapter:
    def refuse(node: NodeView, tape: Tape) -> Decision:
        """Refused: strings are only moved below."""
        return node.refuse(f"{why} below opset {node.opset}", _ADVICE)

    return refuse


for _op in ("StringConcat", "StringSplit"):
    ADAPTERS.add((_op, 20))(_refused("no operator makes new strings"))
ADAPTERS.add(("RegexFullMatch", 20))(_refused("no operator looks into strings"))
ADAPTERS.add(("StringNormalizer", 10))(_refused("no operator makes new strings"))
ADAPTERS.add(("ImageDecoder", 20))(_refused("no operator reads images"))
