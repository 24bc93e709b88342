"""BitwiseAnd, BitwiseOr, BitwiseXor and BitwiseNot from 18 to 17: by arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._digits import common_bits, room_for, widened
from pyonnxtool.downgrade.dtypes import bits_of, is_integer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("BitwiseNot", 18))
def bitwise_not(node: NodeView, tape: Tape) -> Decision:
    """18 -> 17: less one less the value."""
    x = node["X"]
    if x.dtype is None or not is_integer(x.dtype):
        return node.refuse("the element type of `X` is not known")
    wide = room_for(x.dtype)
    found = tape.op("Sub", tape.const(-1, wide), widened(x, x.dtype, None, tape))
    return found if wide == x.dtype else tape.cast(found, x.dtype)


@ADAPTERS.add(("BitwiseAnd", 18))
@ADAPTERS.add(("BitwiseOr", 18))
@ADAPTERS.add(("BitwiseXor", 18))
def bitwise(node: NodeView, tape: Tape) -> Decision:
    """18 -> 17: the bits that both have, digit by digit; the others follow from their sum."""
    a, b = node["A"], node["B"]
    dtype = a.dtype or b.dtype
    if dtype is None or not is_integer(dtype):
        return node.refuse("the element type of `A` is not known")
    wide = room_for(dtype)
    if a.const is not None:
        a, b = b, a
    left, right = (widened(one, dtype, one.const, tape) for one in (a, b))
    if node.op_type == "BitwiseAnd" and (low := _low_bits(b.const, dtype)) is not None:
        found = tape.op("Mod", left, tape.const(low, wide))
        return found if wide == dtype else tape.cast(found, dtype)
    found = common_bits(left, right, dtype, tape)
    if node.op_type != "BitwiseAnd":
        total = tape.op("Add", left, right)
        if node.op_type == "BitwiseXor":
            found = tape.op("Mul", found, tape.const(2, wide))
        found = tape.op("Sub", total, found)
    return found if wide == dtype else tape.cast(found, dtype)


def _low_bits(mask: NDArray[np.int64] | None, dtype: str) -> int | None:
    """2^k of a mask of the k lowest bits: what remains is the remainder."""
    if mask is None or mask.size != 1 or mask.ndim:
        return None
    modulus = int(mask) + 1
    fits = 2 <= modulus < 1 << min(bits_of(dtype), 63)
    return modulus if fits and modulus & (modulus - 1) == 0 else None
