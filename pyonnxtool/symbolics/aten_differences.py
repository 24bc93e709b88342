"""Differences of torch, which position ids of language models are made of.

https://docs.pytorch.org/docs/stable/generated/torch.diff.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics._aten import aten, dims_of

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_END = np.iinfo(np.int64).max


@aten("diff", "Tensor self, int n, int dim, Tensor? prepend, Tensor? append")
def diff(
    node: NodeView,
    tape: Tape,
    self: Operand,
    n: int = 1,
    dim: int = -1,
    prepend: Operand | None = None,
    append: Operand | None = None,
) -> Decision:
    """Sub of two Slices, n times; Xor of bools."""
    axes = dims_of(node, self, dim)
    if not isinstance(axes, list):
        return axes
    if self.rank == 0:
        return node.refuse("it has no axis to go along")
    if self.dtype is None:
        return node.refuse_dynamic("the type of its input")
    ends = [str(one) for one in (prepend, self, append) if one]
    value = tape.op("Concat", *ends, axis=axes[0]) if len(ends) > 1 else str(self)
    difference = "Xor" if self.dtype == "bool" else "Sub"
    for _ in range(n):
        later = tape.op("Slice", value, tape.ints([1]), tape.ints([_END]), tape.ints(axes))
        earlier = tape.op("Slice", value, tape.ints([0]), tape.ints([-1]), tape.ints(axes))
        value = tape.op(difference, later, earlier)
    return value if n else tape.op("Identity", value)
