"""Identity from 14 to 13: it takes no sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.rewriting.decision import KEEP

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Identity", 14))
def identity(node: NodeView, tape: Tape) -> Decision:
    """14 -> 13: a sequence is read as it is, or copied by an item that comes and goes."""
    fact = node["input"].fact
    if fact is None or fact.kind != "sequence":
        return KEEP
    if not node.graph.value(str(node.out())).is_output:
        return str(node["input"])
    inner = fact.inner
    if inner is None or inner.dtype is None:
        return node.refuse("of what type its items are is not known")
    item = tape.const(np.zeros((), numpy_dtype(inner.dtype)))
    first = tape.const(0, "int64")
    longer = tape.op("SequenceInsert", node["input"], item, first)
    return tape.op("SequenceErase", longer, first)
