"""Cast and CastLike from 24 to 23 and from 19 to 18: what only matters for types that are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.decision import KEEP, Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("CastLike", 24))
@ADAPTERS.add(("Cast", 24))
def without_round_mode(node: NodeView, _tape: Tape) -> Decision:
    """24 -> 23: `round_mode` goes; it only rounds to float8e8m0, which is not there below."""
    return Edit(drop=["round_mode"]) if node.given("round_mode") else KEEP


@ADAPTERS.add(("CastLike", 19))
@ADAPTERS.add(("Cast", 19))
def without_saturate(node: NodeView, _tape: Tape) -> Decision:
    """19 -> 18: `saturate` goes; it only matters to float8, which is not there below."""
    return Edit(drop=["saturate"]) if node.given("saturate") else KEEP
