"""CDist of com.microsoft: distances of all pairs of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_KNOWN = ("sqeuclidean", "euclidean")


@SYMBOLICS.add("com.microsoft::CDist")
def cdist(node: NodeView, tape: Tape) -> Decision:
    """Sums of squares minus twice the products, which onnxruntime computes too."""
    metric = node.attr_str("metric", "sqeuclidean")
    if metric not in _KNOWN:
        return node.refuse(f"its metric {metric!r} is none of those of onnxruntime's processors")
    a, b = node.inputs[:2]
    dtype = a.dtype or b.dtype
    if dtype is None:
        return node.refuse_dynamic("the type of its operands")
    rows, columns = (tape.op("ReduceSumSquare", one, tape.ints([1]), keepdims=1) for one in (a, b))
    turned = tape.op("Transpose", b, perm=[1, 0])
    both = tape.op("Mul", tape.op("MatMul", a, turned), tape.const(-2, dtype))
    total = tape.op("Add", tape.op("Add", both, rows), tape.op("Transpose", columns, perm=[1, 0]))
    squares = tape.op("Max", total, tape.const(0, dtype))
    return squares if metric == "sqeuclidean" else tape.op("Sqrt", squares)
