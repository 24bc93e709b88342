"""LpPool from 18 to 17: it has neither ceil_mode nor dilations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._windows import in_floor, is_plain, windows_and_ends
from pyonnxtool.downgrade.adapters._windows_summed import summed
from pyonnxtool.rewriting.decision import Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("LpPool", 18))
def lp_pool(node: NodeView, tape: Tape) -> Decision:
    """18 -> 17: padding takes the place of ceil_mode; windows with gaps are summed by a Conv."""
    if is_plain(node):
        return Edit(drop=["ceil_mode", "dilations"])
    found = windows_and_ends(node)
    if not isinstance(found, tuple):
        return found
    axes, ends = found
    if all(one.extent == one.kernel for one in axes):
        return in_floor(node, axes, ends, tape, "dilations")
    x, p = node.arg(0), node.attr_int("p")
    wide = x.dtype if x.dtype in ("float32", "float64") else None
    dtype = wide or "float32"
    value = tape.op("Abs", x if wide else tape.cast(x, dtype))
    if p != 1:
        value = tape.op("Pow", value, tape.const(p, dtype))
    total = summed(node, axes, value, ends, dtype, tape)
    if not isinstance(total, str):
        return total
    if p == 2:
        total = tape.op("Sqrt", total)
    elif p != 1:
        total = tape.op("Pow", total, tape.const(1 / p, dtype))
    return total if wide else tape.cast(total, str(x.dtype))
