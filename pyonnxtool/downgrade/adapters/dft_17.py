"""DFT from 17 to 16: it is new, and becomes a MatMul."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._fourier import COMPLEX, bins_of, computed_in, matrix, scalar

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("DFT", 17))
def dft(node: NodeView, tape: Tape) -> Decision:
    """17 -> 16: becomes a product with cosines and sines, for a length that is known."""
    value, shape, dtype = node["input"], node["input"].shape, node["input"].dtype
    if shape is None or dtype is None:
        return node.refuse_dynamic("the rank of its input")
    rank, axis = len(shape), node.attr_int("axis")
    if not -rank <= axis < rank - 1 or axis == -1:
        return node.refuse(f"axis {axis} is no signal axis of rank {rank}")
    axis %= rank
    size, parts = shape[axis], shape[-1]
    inverse, onesided = bool(node.attr_int("inverse")), bool(node.attr_int("onesided"))
    if size is None or parts not in (1, COMPLEX):
        return node.refuse_dynamic("how long its signal is, or whether it is complex,")
    length: int | None = 2 * (size - 1) if inverse and onesided else size
    if node.has("dft_length"):
        length = scalar(node, "dft_length")
    if length is None:
        return node.refuse_dynamic("`dft_length`")
    if length < 1:
        return node.refuse(f"it has a length of {length}")
    read = min(size, length // 2 + 1 if inverse and onesided else length)
    table = matrix(read, parts, length, inverse=inverse, onesided=onesided)
    bins, made = bins_of(length, inverse, onesided), table.shape[-1]
    inner = computed_in(dtype)
    current: str = value
    if read < size:
        current = tape.op("Slice", value, tape.ints([0]), tape.ints([read]), tape.ints([axis]))
    if inner != dtype:
        current = tape.cast(current, inner)
    swap = [*range(axis), *range(axis + 1, rank - 1), axis, rank - 1]
    moved = axis != rank - 2
    if moved:
        current = tape.op("Transpose", current, perm=swap)
    around = [0] * (rank - 2)  # sizes that stay
    current = tape.op("Reshape", current, tape.ints([*around, read * parts]))
    flat = table.reshape(read * parts, bins * made)
    current = tape.op("MatMul", current, tape.const(flat, inner))
    current = tape.op("Reshape", current, tape.ints([*around, bins, made]))
    if moved:
        back = [swap.index(place) for place in range(rank)]
        current = tape.op("Transpose", current, perm=back)
    return current if inner == dtype else tape.cast(current, dtype)
