"""QLinearMatMul from 21 to 20, where scales are float32 and no operand is float8."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._quantized import in_float32
from pyonnxtool.rewriting.decision import Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("QLinearMatMul", 21))
def qlinear_matmul(node: NodeView, tape: Tape) -> Decision:
    """21 -> 20: scales of float16 and bfloat16 become float32."""
    for operand in [*node.inputs, *node.outputs]:
        if (operand.dtype or "").startswith("float8"):
            return node.refuse(f"it takes no {operand.dtype} before opset 21")
    scales = ("a_scale", "b_scale", "y_scale")
    names = [one.name for one in node.schema.inputs]
    inputs = [in_float32(node[one], tape) if one in scales else str(node[one]) for one in names]
    return Edit(inputs=inputs)
