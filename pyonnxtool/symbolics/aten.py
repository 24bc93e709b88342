"""Operators of torch that exporters did not know, by the name that the node gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._aten import DOMAIN

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_OF_THE_NODE = frozenset({"operator", "operator_s", "overload_name", "overload_name_s"})


@SYMBOLICS.add("ai.onnx::ATen")
@SYMBOLICS.add("org.pytorch.aten::ATen")
def aten_fallback(node: NodeView, tape: Tape) -> Decision:
    """What its `operator` is in ONNX, see org.pytorch.aten::OPERATOR."""
    operator = node.attr("operator", node.attr("operator_s"))
    if not isinstance(operator, str) or not operator:
        return node.refuse("it has no attribute `operator`")
    return tape.many(
        operator,
        *node.inputs,
        outputs=[bool(one) for one in node.outputs],
        domain=DOMAIN,
        **{name: value for name, value in node.attributes.items() if name not in _OF_THE_NODE},
    )
