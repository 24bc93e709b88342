"""MatMulBnb4 of com.microsoft: weights of 4 bits that are floats of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_FP4 = [0, 5.208333333e-03, 0.66666667, 1, 0.33333333, 0.5, 0.16666667, 0.25]
_NF4 = [
    *(-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453),
    *(-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0),
    *(0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224),
    *(0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0),
]
_TABLES = {0: np.array([*_FP4, *(-one for one in _FP4)]), 1: np.array(_NF4)}
"""`quant_type` to the 16 floats: 0 is a float of 4 bits, 1 quantiles of the normal distribution
(QLoRA, arXiv 2305.14314, appendix E)."""


@SYMBOLICS.add("com.microsoft::MatMulBnb4")
def mat_mul_bnb4(node: NodeView, tape: Tape) -> Decision:
    """Gather from the table of 16 floats, times the scales of the blocks, then MatMul."""
    n, k, block = (node.attr_int(name) for name in ("N", "K", "block_size"))
    kind = node.attr_int("quant_type")
    if kind not in _TABLES:
        return node.refuse(f"its `quant_type` {kind} is not known, only 0 (FP4) and 1 (NF4)")
    if not node.attr_int("transB", 1):
        return node.refuse("its weights are not transposed, which onnxruntime itself gets wrong")
    a, b, largest = node.inputs[:3]
    dtype = largest.dtype or a.dtype
    if dtype is None:
        return node.refuse_dynamic("the type of its operands")
    table = tape.const(_TABLES[kind].astype(np.float32), dtype)
    values = tape.op("Gather", table, _codes(tape, b, n * k), axis=0)
    made = tape.op("Reshape", _scaled(tape, values, largest, n * k, block), tape.ints([n, k]))
    return tape.op("MatMul", a, tape.op("Transpose", made, perm=[1, 0]))


def _codes(tape: Tape, packed: Operand, count: int) -> str:
    """Which of the 16 floats each weight is: of a byte, first what is in the high bits."""
    flat = tape.op("Reshape", packed, tape.ints([-1, 1]))
    four = tape.const(np.array(4, np.uint8))
    high = tape.op("BitShift", flat, four, direction="RIGHT")
    low = tape.op("BitShift", flat, four, direction="LEFT")
    low = tape.op("BitShift", low, four, direction="RIGHT")
    codes = tape.op("Reshape", tape.op("Concat", high, low, axis=1), tape.ints([-1]))
    codes = tape.cast(codes, "int32")
    if count % 2:
        codes = tape.op("Slice", codes, tape.ints([0]), tape.ints([count]), tape.ints([0]))
    return codes


def _scaled(tape: Tape, values: str, scales: Operand, count: int, block: int) -> str:
    if count % block == 0:
        rows = tape.op("Reshape", values, tape.ints([-1, block]))
        return tape.op("Mul", rows, tape.op("Reshape", scales, tape.ints([-1, 1])))
    flat = tape.op("Reshape", scales, tape.ints([-1]))
    return tape.op("Mul", values, tape.op("Gather", flat, tape.ints(np.arange(count) // block)))
