"""BitCast from 26 to 25: between integers of one width, and of constants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.dtypes import bits_of, is_integer
from pyonnxtool.feeds.dtypes import numpy_dtype

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("BitCast", 26))
def bit_cast(node: NodeView, tape: Tape) -> Decision:
    """26 -> 25: Cast between integers of one width, which keeps the bits."""
    value, dtype = node["input"], node.out().dtype
    if value.dtype is None or dtype is None:
        return node.refuse("the element type of `input` is not known")
    if value.dtype == dtype:
        return value
    known = value.const
    new = numpy_dtype(dtype)
    whole_bytes = not (is_integer(dtype) and bits_of(dtype) < 8)
    if known is not None and whole_bytes and known.dtype.itemsize == new.itemsize:
        return tape.const(known.view(new) if known.ndim else known.reshape(1).view(new).reshape(()))
    if value.dtype == "bool" and dtype in ("int8", "uint8"):
        return tape.cast(value, dtype)
    if is_integer(value.dtype) and is_integer(dtype) and bits_of(value.dtype) == bits_of(dtype):
        return tape.cast(value, dtype)
    return node.refuse(
        f"the bits of {value.dtype} as {dtype} have no form in older operators",
        "arithmetic does not see the bits of NaNs",
    )
