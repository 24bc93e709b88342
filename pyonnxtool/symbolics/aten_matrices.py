"""Products and diagonals of matrices, as torch has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.rewriting.open_sizes import Sizes
from pyonnxtool.rewriting.refusal import Refusal
from pyonnxtool.symbolics._aten import as_one_dtype, aten, dims_of
from pyonnxtool.symbolics._terms import Term

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.open_sizes import Size
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_NO_BOOLS = "it multiplies elements of {}"


@aten("outer|ger", "Tensor self, Tensor vec2")
def outer(node: NodeView, tape: Tape, self: Operand, vec2: Operand) -> Decision:
    """Mul of a column and a row."""
    both = as_one_dtype(node, tape, self, vec2)
    if isinstance(both, Refusal):
        return both
    return tape.op("Mul", tape.op("Unsqueeze", both[0].name, tape.ints([1])), both[1].name)


@aten("dot|vdot|mv", "Tensor self, Tensor other")
def dot(node: NodeView, tape: Tape, self: Operand, other: Operand) -> Decision:
    """MatMul."""
    both = as_one_dtype(node, tape, self, other)
    return both if isinstance(both, Refusal) else both[0].of("MatMul", both[1]).name


@aten("inner", "Tensor self, Tensor other")
def inner(node: NodeView, tape: Tape, self: Operand, other: Operand) -> Decision:
    """MatMul of rows and rows."""
    both = as_one_dtype(node, tape, self, other)
    if isinstance(both, Refusal):
        return both
    if self.rank is None or other.rank is None:
        return node.refuse_dynamic("the rank of its inputs")
    if 0 in (self.rank, other.rank):
        return both[0].of("Mul", both[1]).name
    return _contracted(tape, self, other, [self.rank - 1], [other.rank - 1])


@aten("tensordot", "Tensor self, Tensor other, int[] dims_self, int[] dims_other")
def tensordot(
    node: NodeView,
    tape: Tape,
    self: Operand,
    other: Operand,
    dims_self: Sequence[int],
    dims_other: Sequence[int],
) -> Decision:
    """Einsum."""
    ours, theirs = dims_of(node, self, *dims_self), dims_of(node, other, *dims_other)
    for axes in (ours, theirs):
        if isinstance(axes, Refusal):
            return axes
    assert isinstance(ours, list) and isinstance(theirs, list)
    return _contracted(tape, self, other, ours, theirs)


def _contracted(
    tape: Tape, first: Operand, second: Operand, ours: Sequence[int], theirs: Sequence[int]
) -> str:
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    left = [next(letters) for _ in range(first.rank or 0)]
    right = [next(letters) for _ in range(second.rank or 0)]
    for mine, other in zip(ours, theirs, strict=True):
        right[other] = left[mine]
    rest = [one for axis, one in enumerate(left) if axis not in ours]
    rest += [one for axis, one in enumerate(right) if axis not in theirs]
    equation = f"{''.join(left)},{''.join(right)}->{''.join(rest)}"
    return tape.op("Einsum", first, second, equation=equation)


@aten("addr", "Tensor self, Tensor vec1, Tensor vec2, float beta, float alpha")
def addr(
    node: NodeView,
    tape: Tape,
    self: Operand,
    vec1: Operand,
    vec2: Operand,
    beta: float = 1.0,
    alpha: float = 1.0,
) -> Decision:
    """Add of an outer product."""
    found = as_one_dtype(node, tape, self, vec1, vec2)
    if isinstance(found, Refusal):
        return found
    base, column, row = found
    column = Term(tape, tape.op("Unsqueeze", column.name, tape.ints([1])), column.dtype)
    return _scaled_sum(base, column * row, beta, alpha).name


@aten("addmv|addmm|baddbmm", "Tensor self, Tensor mat1, Tensor mat2, float beta, float alpha")
def addmv(
    node: NodeView,
    tape: Tape,
    self: Operand,
    mat1: Operand,
    mat2: Operand,
    beta: float = 1.0,
    alpha: float = 1.0,
) -> Decision:
    """Add of a MatMul."""
    found = as_one_dtype(node, tape, self, mat1, mat2)
    if isinstance(found, Refusal):
        return found
    return _scaled_sum(found[0], found[1].of("MatMul", found[2]), beta, alpha).name


@aten("addbmm", "Tensor self, Tensor batch1, Tensor batch2, float beta, float alpha")
def addbmm(
    node: NodeView,
    tape: Tape,
    self: Operand,
    batch1: Operand,
    batch2: Operand,
    beta: float = 1.0,
    alpha: float = 1.0,
) -> Decision:
    """Add of the ReduceSum of MatMuls."""
    found = as_one_dtype(node, tape, self, batch1, batch2)
    if isinstance(found, Refusal):
        return found
    summed = found[1].of("MatMul", found[2]).over("ReduceSum", [0])
    return _scaled_sum(found[0], summed, beta, alpha).name


def _scaled_sum(base: Term, product: Term, beta: float, alpha: float) -> Term:
    product = product if alpha == 1 else product * alpha
    if beta == 0:  # NaN and infinities of it do not count then
        return product
    return (base if beta == 1 else base * beta) + product


@aten("bilinear", "Tensor input1, Tensor input2, Tensor weight, Tensor? bias")
def bilinear(
    node: NodeView,
    tape: Tape,
    input1: Operand,
    input2: Operand,
    weight: Operand,
    bias: Operand,
) -> Decision:
    """Einsum of three, and Add."""
    given = as_one_dtype(node, tape, input1, input2, weight)
    if isinstance(given, Refusal):
        return given
    made = tape.op("Einsum", input1, weight, input2, equation="...i,oij,...j->...o")
    return tape.op("Add", made, bias) if bias else made


@aten("kron", "Tensor self, Tensor other")
def kron(node: NodeView, tape: Tape, self: Operand, other: Operand) -> Decision:
    """Mul of axes that take turns, then Reshape."""
    both = as_one_dtype(node, tape, self, other)
    if isinstance(both, Refusal):
        return both
    if self.rank is None or other.rank is None:
        return node.refuse_dynamic("the rank of its inputs")
    rank, sizes = max(self.rank, other.rank), Sizes(tape)
    shapes: list[list[Size]] = []
    for one in (self, other):
        shapes.append([*[1] * (rank - (one.rank or 0)), *sizes.all(one)])
    ours: list[Size] = [part for size in shapes[0] for part in (size, 1)]
    theirs: list[Size] = [part for size in shapes[1] for part in (1, size)]
    left = tape.op("Reshape", both[0].name, sizes.joined(ours))
    right = tape.op("Reshape", both[1].name, sizes.joined(theirs))
    joined = [sizes.product([mine, other]) for mine, other in zip(*shapes, strict=True)]
    return tape.op("Reshape", tape.op("Mul", left, right), sizes.joined(joined))


@aten("trace", "Tensor self")
def trace(node: NodeView, tape: Tape, self: Operand) -> Decision:
    """ReduceSum of what EyeLike selects."""
    if self.dtype is None or self.dtype == "bool":
        return node.refuse(_NO_BOOLS.format(self.dtype or "an unknown type"))
    chosen = Term(tape, tape.op("EyeLike", self), self.dtype) == 1
    kept = chosen.choose(Term(tape, self, self.dtype), 0).over("ReduceSum", None)
    return kept.name


@aten("diag", "Tensor self, int diagonal")
def diag(node: NodeView, tape: Tape, self: Operand, diagonal: int = 0) -> Decision:
    """The diagonal of a matrix, or a matrix of a diagonal."""
    if self.rank not in (1, 2):
        return node.refuse_dynamic("its rank") if self.rank is None else node.refuse("its rank")
    if self.rank == 1:
        return _embedded(tape, self, diagonal, [0, 1])
    return _diagonal(node, tape, self, diagonal, 0, 1)


@aten("diagonal|linalg_diagonal", "Tensor self, int offset, int dim1, int dim2")
def diagonal(
    node: NodeView, tape: Tape, self: Operand, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Decision:
    """Gather of flat places."""
    return _diagonal(node, tape, self, offset, dim1, dim2)


def _diagonal(
    node: NodeView, tape: Tape, given: Operand, offset: int, dim1: int, dim2: int
) -> Decision:
    axes = dims_of(node, given, dim1, dim2)
    if isinstance(axes, Refusal):
        return axes
    if axes[0] == axes[1]:
        return node.refuse("it has one axis twice")
    rank, sizes = given.rank or 0, Sizes(tape)
    others = [axis for axis in range(rank) if axis not in axes]
    turned = tape.op("Transpose", given, perm=[*others, *axes])
    height, width = (sizes.of(given, axis) for axis in axes)
    front = [sizes.of(given, axis) for axis in others]
    flat = tape.op("Reshape", turned, sizes.joined([*front, sizes.product([height, width])]))
    down, right = max(-offset, 0), max(offset, 0)
    if isinstance(height, int) and isinstance(width, int):
        count = max(min(height - down, width - right), 0)
        steps = np.arange(count)
        places = tape.ints(((steps + down) * width + steps + right).tolist())
    else:
        room = [sizes.tensor(sizes.sum(*pair)) for pair in ((height, -down), (width, -right))]
        length = tape.op("Max", tape.op("Min", *room), tape.ints([0]))
        run = sizes.iota(length)
        row = tape.op("Mul", tape.op("Add", run, tape.ints([down])), sizes.tensor(width))
        places = tape.op("Add", row, tape.op("Add", run, tape.ints([right])))
    return tape.op("Gather", flat, places, axis=len(others))


@aten("diag_embed", "Tensor self, int offset, int dim1, int dim2")
def diag_embed(
    node: NodeView, tape: Tape, self: Operand, offset: int = 0, dim1: int = -2, dim2: int = -1
) -> Decision:
    """Where: on a diagonal the elements, zeros beside it."""
    if self.rank is None:
        return node.refuse_dynamic("its rank")
    rank = self.rank + 1
    axes = [dim % rank for dim in (dim1, dim2)]
    if self.rank == 0 or axes[0] == axes[1]:
        return node.refuse(f"it has no two axes {dim1} and {dim2}")
    return _embedded(tape, self, offset, axes)


def _embedded(tape: Tape, given: Operand, offset: int, axes: Sequence[int]) -> str:
    sizes = Sizes(tape)
    size, rank = sizes.of(given, (given.rank or 0) - 1), (given.rank or 0) + 1
    whole = sizes.sum(size, abs(offset))
    row, column = sizes.iota_along(whole, 0, 2), sizes.iota_along(whole, 1, 2)
    on = tape.op("Equal", tape.op("Add", row, tape.ints([offset])), column)
    grown = str(given)
    if offset:
        before = [0] * (rank - 2) + [max(offset, 0), *[0] * (rank - 2), max(-offset, 0)]
        grown = tape.op("Pad", given, tape.ints(before))
    # Elements stand in columns when they are moved right, and in rows when they are moved down.
    zero = tape.const(0, given.dtype)
    made = tape.op("Where", on, tape.op("Unsqueeze", grown, tape.ints([rank - 2])), zero)
    places = [axis for axis in range(rank) if axis not in axes]
    perm = [0] * rank
    for source, axis in enumerate([*places, *axes]):
        perm[axis] = source
    return made if perm == list(range(rank)) else tape.op("Transpose", made, perm=perm)


@aten("fill_diagonal|fill_diagonal_", "Tensor self, float fill_value, bool wrap")
def fill_diagonal(
    node: NodeView, tape: Tape, self: Operand, fill_value: float, wrap: bool = False
) -> Decision:
    """Where: on the diagonal the number."""
    if self.rank != 2 or self.dtype is None:
        return node.refuse(f"it is of rank {self.rank}, and only that of a matrix is known")
    if wrap:
        return node.refuse("its diagonal begins anew below the matrix")
    sizes = Sizes(tape)
    on = tape.op(
        "Equal",
        sizes.iota_along(sizes.of(self, 0), 0, 2),
        sizes.iota_along(sizes.of(self, 1), 1, 2),
    )
    return tape.op("Where", on, tape.const(fill_value, self.dtype), self)


@aten("linalg_matrix_power|matrix_power", "Tensor self, int n")
def matrix_power(node: NodeView, tape: Tape, self: Operand, n: int) -> Decision:
    """MatMul with itself, by squares."""
    if n < 1:
        return node.refuse(f"the power {n} is not above zero")
    square, made = str(self), ""
    while n:
        if n % 2:
            made = tape.op("MatMul", made, square) if made else square
        n //= 2
        square = tape.op("MatMul", square, square) if n else square
    return tape.op("Identity", made) if made == self else made
