"""Group normalization with channels last, as diffusion models are optimized to have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._floats import as_dtype, not_float

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_EPSILON = 1e-5
_SWISH = 1


@SYMBOLICS.add("com.microsoft::GroupNorm")
def group_norm(node: NodeView, tape: Tape) -> Decision:
    """GroupNormalization between Transposes, then Sigmoid and Mul where it is activated."""
    return _refusal(node) or _normalized(node, node.inputs[0], tape)


@SYMBOLICS.add("com.microsoft::SkipGroupNorm")
def skip_group_norm(node: NodeView, tape: Tape) -> Decision:
    """Add, then GroupNormalization between Transposes, and the activation."""
    skip = node.inputs[3]
    if (refusal := _refusal(node)) is not None:
        return refusal
    if not node.attr_int("channels_last", 1):
        return node.refuse("channels_last=0 is not defined for it")
    if skip.rank not in (2, 4):
        return node.refuse(f"its input `skip` has rank {skip.rank}, not 2 or 4")
    beside = skip if skip.rank == 4 else tape.op("Unsqueeze", skip, tape.ints([1, 2]))
    summed = tape.op("Add", node.inputs[0], beside)
    if node.arg(4):
        summed = tape.op("Add", summed, node.arg(4))
    return _normalized(node, summed, tape), summed


def _refusal(node: NodeView) -> Refusal | None:
    x = node.inputs[0]
    activation = node.attr_int("activation", 0)
    if activation not in (0, _SWISH):
        return node.refuse(f"activation={activation} is neither 0 (none) nor 1 (SiLU)")
    if x.rank != 4:
        found = "an unknown rank" if x.rank is None else f"rank {x.rank}"
        return node.refuse(f"its input has {found}, not 4")
    for operand in node.inputs[:3]:
        if (refusal := not_float(node, operand)) is not None:
            return refusal
    return None


def _normalized(node: NodeView, x: str, tape: Tape) -> str:
    """In the dtype of the weights, where that is another than that of the input."""
    gamma, beta = node.inputs[1], node.inputs[2]
    given, wide = node.inputs[0].dtype or "", gamma.dtype or ""
    last = node.attr_int("channels_last", 1)
    value = as_dtype(x, given, wide, tape)
    if last:
        value = tape.op("Transpose", value, perm=[0, 3, 1, 2])
    value = tape.op(
        "GroupNormalization",
        value,
        gamma,
        as_dtype(beta, beta.dtype or "", wide, tape),
        num_groups=node.attr_int("groups"),
        epsilon=node.attr_float("epsilon", _EPSILON),
    )
    if last:
        value = tape.op("Transpose", value, perm=[0, 2, 3, 1])
    if node.attr_int("activation", 0) == _SWISH:
        value = tape.op("Mul", value, tape.op("Sigmoid", value))
    return as_dtype(value, wide, given, tape)
