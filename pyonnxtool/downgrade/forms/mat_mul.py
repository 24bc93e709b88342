"""MatMul and Gemm of integers, which they take from opset 9 on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.forms import FORMS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@FORMS.add("MatMul")
def _products_summed(node: NodeView, tape: Tape, dtype: str) -> Decision | None:
    """Every product in int64, and their sums; they wrap as the integers do."""
    a, b = node["A"], node["B"]
    if dtype not in ("int32", "int64", "uint32", "uint64"):
        return None
    if not a.rank or not b.rank:
        return node.refuse_dynamic("the rank of an operand")
    left, right = (one if dtype == "int64" else tape.cast(one, "int64") for one in (a, b))
    axis = a.rank - 1
    if b.rank > 1:  # [..., M, K, 1] times [..., 1, K, N], or [K, 1] times [..., K, N]
        left = tape.op("Unsqueeze", left, axes=[a.rank])
        if a.rank > 1:
            right = tape.op("Unsqueeze", right, axes=[b.rank - 2])
        axis = max(a.rank, b.rank) + (a.rank > 1) - 2
    found = _summed(tape.op("Mul", left, right), axis, tape)
    return found if dtype == "int64" else tape.cast(found, dtype)


def _summed(value: str, axis: int, tape: Tape) -> str:
    """In two halves: onnxruntime adds integers as doubles, which hold the sum of either."""
    half = tape.const(np.int64(1 << 32))
    upper = tape.op("Div", value, half)
    lower = tape.op("Sub", value, tape.op("Mul", upper, half))
    sums = [tape.op("ReduceSum", one, axes=[axis], keepdims=0) for one in (upper, lower)]
    return tape.op("Add", tape.op("Mul", sums[0], half), sums[1])


@FORMS.add("Gemm")
def _product_and_sum(node: NodeView, tape: Tape, dtype: str) -> Decision | None:
    """Transposes, MatMul and Add; factors that are integers."""
    if dtype not in ("int32", "int64", "uint32", "uint64"):
        return None
    alpha, beta = node.attr_float("alpha"), node.attr_float("beta")
    if not (alpha.is_integer() and beta.is_integer()):
        return node.refuse(f"alpha={alpha} and beta={beta} are no integers, as the operands are")
    sides = [
        tape.op("Transpose", one, perm=[1, 0]) if node.attr_int(flag) else str(one)
        for one, flag in ((node["A"], "transA"), (node["B"], "transB"))
    ]
    found = _scaled(tape.op("MatMul", *sides), alpha, dtype, tape)
    return tape.op("Add", found, _scaled(node["C"], beta, dtype, tape)) if node.has("C") else found


def _scaled(value: str, factor: float, dtype: str, tape: Tape) -> str:
    return value if factor == 1 else tape.op("Mul", value, tape.const(int(factor), dtype))
