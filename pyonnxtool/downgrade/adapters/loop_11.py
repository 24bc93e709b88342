"""Loop from 11 to 10: it carries a value at least."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._loops import FIXED_INPUTS, loop
from pyonnxtool.rewriting.decision import KEEP

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Loop", 11))
def loop_without_state(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: one that carries no value is given one."""
    if len(node.inputs) > FIXED_INPUTS:
        return KEEP
    body = next((one.g for one in node.to_proto().attribute if one.name == "body"), None)
    if body is None or len(body.input) != FIXED_INPUTS or len(body.output) <= len(node.outputs):
        return node.refuse("its body does not take what it is given, or gives something else")
    return loop(tape, node.arg(0), node.arg(1), [], body)[: len(node.outputs)]
