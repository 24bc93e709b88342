"""MatMulNBits of com.microsoft: weights of 2, 4 or 8 bits in blocks along K."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._packed import WIDTHS, flat_split
from pyonnxtool.symbolics._weights import weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


@dataclass(frozen=True)
class _Form:
    """How the weights are stored."""

    rows: int
    """N, of the packed weights; columns of the product."""
    inner: int
    """K, which the product sums over."""
    block: int
    bits: int

    @property
    def blocks(self) -> int:
        """Along K."""
        return -(-self.inner // self.block)

    @property
    def dtype(self) -> str:
        """Of the standard integers that hold them."""
        return "uint4" if self.bits <= 4 else "uint8"

    @property
    def regular(self) -> NDArray[np.int64]:
        """The block of each index along K."""
        return np.arange(self.inner) // self.block


@SYMBOLICS.add("com.microsoft::MatMulNBits")
def mat_mul_nbits(node: NodeView, tape: Tape) -> Decision:
    """DequantizeLinear in blocks, then MatMul and the bias.

    In the type of the scales; `accuracy_level`, by which onnxruntime may round the other operand to
    8 bits, is what is at least wanted.
    """
    n, k, block = (node.attr_int(name) for name in ("N", "K", "block_size"))
    form = _Form(n, k, block, node.attr_int("bits", 4))
    if form.bits not in WIDTHS:
        return node.refuse(f"weights of {form.bits} bits have no layout that is known")
    if node.attr_int("weight_prepacked", 0):
        return node.refuse("its weights are packed for one processor", "use them as they were")
    a, b, scales = node.inputs[:3]
    dtype = scales.dtype or a.dtype
    if dtype is None:
        return node.refuse_dynamic("the type of its scales")
    integers = _turned(tape, flat_split(tape, b, form.rows, form.bits), form.inner)
    zeros, groups = node.arg(3), node.arg(4)
    if groups and zeros and zeros.dtype == "uint8":
        return node.refuse("what `zero_points` of bytes are with `g_idx` depends on the processor")
    if _is_regular(groups, form) and (not zeros or zeros.dtype == "uint8"):
        made = _in_blocks(tape, integers, scales, zeros, form)
    else:
        made = _in_groups(tape, integers, node, form, dtype)
    product = tape.op("MatMul", a, made)
    return tape.op("Add", product, node.arg(5)) if node.arg(5) else product


def _is_regular(groups: Operand, form: _Form) -> bool:
    if not groups:
        return True
    known = groups.const
    return known is not None and np.array_equal(known.ravel()[: form.inner], form.regular)


def _in_blocks(
    tape: Tape, integers: str | NDArray[Any], scales: Operand, zeros: Operand, form: _Form
) -> str:
    fed = isinstance(integers, str)
    places = _zeros(tape, zeros, form)
    dtype = "uint8" if fed or isinstance(places, str) else form.dtype
    return tape.op(
        "DequantizeLinear",
        integers if isinstance(integers, str) else weights(tape, integers, dtype),
        _scales(tape, scales, form),
        places if isinstance(places, str) else weights(tape, places, dtype),
        axis=0,
        block_size=form.block,
    )


def _in_groups(
    tape: Tape, integers: str | NDArray[Any], node: NodeView, form: _Form, dtype: str
) -> str:
    """Each index along K has the scale of its own group, and zero points may be no integers."""
    zeros, given = node.arg(3), node.arg(4)
    groups: str = tape.ints(form.regular)
    if given:
        first = [tape.ints([0]), tape.ints([form.inner]), tape.ints([0])]
        groups = tape.op("Slice", given, *first)
    if zeros and zeros.dtype != "uint8":
        places = _scales(tape, zeros, form)
    else:
        known = _zeros(tape, zeros, form)
        bytes_ = known if isinstance(known, str) else tape.const(known)
        places = tape.cast(bytes_, dtype)
    held = integers if isinstance(integers, str) else weights(tape, integers, "uint8")
    above = tape.op("Sub", tape.cast(held, dtype), tape.op("Gather", places, groups, axis=0))
    scales = tape.op("Gather", _scales(tape, node.inputs[2], form), groups, axis=0)
    return tape.op("Mul", above, scales)


def _zeros(tape: Tape, zeros: Operand, form: _Form) -> str | NDArray[Any]:
    """Zero points as (blocks, N), in bytes."""
    if not zeros:
        return np.full((form.blocks, form.rows), 2 ** (form.bits - 1), np.uint8)
    return _turned(tape, flat_split(tape, zeros, form.rows, form.bits), form.blocks)


def _scales(tape: Tape, scales: Operand, form: _Form) -> str:
    """Scales, one a block, as (blocks, N)."""
    known = scales.const
    if known is not None:
        return tape.const(known.reshape(form.rows, form.blocks).T)
    rows = tape.op("Reshape", scales, tape.ints([form.rows, form.blocks]))
    return tape.op("Transpose", rows, perm=[1, 0])


def _turned(tape: Tape, rows: str | NDArray[Any], first: int) -> str | NDArray[Any]:
    """The first columns, as rows."""
    if not isinstance(rows, str):
        return rows[:, :first].T
    kept = tape.op("Slice", rows, tape.ints([0]), tape.ints([first]), tape.ints([1]))
    return tape.op("Transpose", kept, perm=[1, 0])
