"""Biases of attention by how far keys are from queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._attention import heads_of
from pyonnxtool.symbolics._sizes import size_of

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_DOMAIN = "com.microsoft"


@SYMBOLICS.add("com.microsoft::RelativePositionBias")
def relative_position_bias(node: NodeView, tape: Tape) -> Decision:
    """Gather of the distance's bucket, from tables of all distances."""
    table, rows, columns = node.inputs[:3]
    buckets, heads = size_of(table, 0).known, size_of(table, 1).known
    farthest, both = node.attr_int("max_distance"), bool(node.attr_int("is_bidirectional", 0))
    if buckets is None or heads is None:
        return node.refuse_dynamic("the number of buckets or heads of its table")
    exact = buckets // (4 if both else 2)
    if exact < 1 or farthest <= exact:
        return node.refuse(
            f"max_distance={farthest} is not beyond the {exact} distances with a bucket each"
        )
    reach = max(farthest, buckets)
    chosen = tape.const(_buckets(buckets, farthest, reach, both))
    stored = tape.op("Reshape", table, tape.ints([heads, buckets]))  # column by column
    by_distance = tape.op("Gather", stored, chosen, axis=1)
    zero, one = tape.const(0, "int64"), tape.const(1, "int64")
    first, second = (
        tape.op("Range", zero, tape.op("Squeeze", _vector(length, tape), tape.ints([0])), one)
        for length in (rows, columns)
    )
    apart = tape.op("Sub", second, tape.op("Unsqueeze", first, tape.ints([1])))
    limit = [tape.const(sign * reach, "int64") for sign in (-1, 1)]
    near = tape.op("Add", tape.op("Clip", apart, *limit), limit[1])
    return tape.op("Unsqueeze", tape.op("Gather", by_distance, near, axis=1), tape.ints([0]))


def _buckets(count: int, farthest: int, reach: int, both: bool) -> NDArray[np.int64]:
    """The bucket of each distance from -reach to reach, as T5 has them.

    Half of them are of one distance each, the others grow with its logarithm. With `both`
    directions each has half of the buckets; without, the direction does not matter. Computed in
    float32 as kernels do it.
    """
    distance = np.arange(-reach, reach + 1)
    start = np.where(distance > 0, count // 2, 0) if both else 0
    count = count // 2 if both else count
    exact = count // 2
    away = np.abs(distance)
    one = np.float32(1)
    ratio = np.maximum(away, 1).astype(np.float32) * one / np.float32(exact)
    steps = np.log(ratio) / np.log(np.float32(farthest) / np.float32(exact))
    grown = exact + (steps * np.float32(count - exact)).astype(np.int64)
    found = start + np.where(away < exact, away, np.minimum(grown, count - 1))
    return np.asarray(found, np.int64)


def _vector(length: str, tape: Tape) -> str:
    return tape.op("Reshape", tape.cast(length, "int64"), tape.ints([1]))


@SYMBOLICS.add("com.microsoft::GatedRelativePositionBias")
def gated_relative_position_bias(node: NodeView, tape: Tape) -> Decision:
    """MatMul of each head and the gates, their sums, Sigmoid, and Mul with the bias."""
    query, query_bias, bias, weight, gate_bias, factor, offsets = (
        node.arg(place) for place in range(7)
    )
    heads, dtype = node.attr_int("num_heads"), bias.dtype
    size, gates = size_of(weight, 0).known, size_of(weight, 1).known
    if dtype is None or size is None or gates is None:
        return node.refuse_dynamic("the element type of its bias, or the shape of its weight,")
    if gates % 2:
        return node.refuse(f"{gates} gates are not two of the same size")
    padded = tape.op("RestorePadding", query, offsets, domain=_DOMAIN) if offsets else query
    by_heads = heads_of(tape.op("Add", padded, query_bias), heads, size, tape)
    linear = tape.op("Add", tape.op("MatMul", by_heads, weight), gate_bias)
    halves = tape.op("Reshape", linear, tape.ints([0, 0, 0, 2, gates // 2]))
    summed = tape.op("ReduceSum", halves, tape.ints([4]), keepdims=0)
    one, two = tape.const(1, dtype), tape.const(2, dtype)
    u, r = tape.many("Split", tape.op("Sigmoid", summed), outputs=2, axis=-1, num_outputs=2)
    scaled = tape.op("Sub", tape.op("Mul", r, factor), one)
    gate = tape.op("Add", tape.op("Mul", u, scaled), two)
    return tape.op("Mul", gate, bias)
