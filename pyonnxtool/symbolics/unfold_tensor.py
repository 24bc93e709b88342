"""UnfoldTensor of com.microsoft: slices along an axis, as another axis at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._sizes import size_of

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("com.microsoft::UnfoldTensor")
def unfold_tensor(node: NodeView, tape: Tape) -> Decision:
    """Gather, and Transpose of the new axis to the end."""
    x, size, step = node.inputs[0], node.attr_int("size"), node.attr_int("step", 1)
    if x.rank is None:
        return node.refuse_dynamic("the rank of its input")
    axis = node.attr_int("dim", -1)
    if not -x.rank <= axis < x.rank or size < 1 or step < 1:
        return node.refuse(f"dim={axis}, size={size} and step={step} fit no tensor of its rank")
    axis %= x.rank
    offsets, length = np.arange(size, dtype=np.int64), size_of(x, axis)
    if length.known is not None:
        starts = np.arange(0, length.known - size + 1, step, dtype=np.int64)
        places = tape.const(starts[:, None] + offsets)
    else:
        end = tape.op("Sub", length.scalar(tape), tape.const(np.array(size - 1, np.int64)))
        first, by = (tape.const(np.array(one, np.int64)) for one in (0, step))
        column = tape.op("Unsqueeze", tape.op("Range", first, end, by), tape.ints([1]))
        places = tape.op("Add", column, tape.const(offsets))
    taken = tape.op("Gather", x, places, axis=axis)
    kept = [one for one in range(x.rank + 1) if one != axis + 1]
    return tape.op("Transpose", taken, perm=[*kept, axis + 1])
