"""Operators of torch that put elements to other places, or take them from there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.rewriting.open_sizes import Sizes
from pyonnxtool.rewriting.refusal import Refusal
from pyonnxtool.symbolics._aten import aten, dims_of
from pyonnxtool.symbolics._running import flipped

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_END = int(np.iinfo(np.int64).max)


@aten("flip", "Tensor self, int[] dims")
def flip(node: NodeView, tape: Tape, self: Operand, dims: Sequence[int]) -> Decision:
    """Slice with steps of -1."""
    axes = dims_of(node, self, *dims)
    return axes if isinstance(axes, Refusal) else flipped(tape, self, axes)


@aten("rot90", "Tensor self, int k, int[] dims")
def rot90(
    node: NodeView, tape: Tape, self: Operand, k: int = 1, dims: Sequence[int] = (0, 1)
) -> Decision:
    """Transpose and Slice with steps of -1."""
    axes = dims_of(node, self, *dims)
    if isinstance(axes, Refusal):
        return axes
    if len(set(axes)) != 2:
        return node.refuse(f"it turns in the axes {list(dims)}, which are no two")
    first, second = axes
    if k % 4 in (0, 2):
        return flipped(tape, self, axes if k % 4 else [])
    perm = list(range(self.rank or 0))
    perm[first], perm[second] = second, first
    back = flipped(tape, self, [second if k % 4 == 1 else first])
    return tape.op("Transpose", back, perm=perm)


@aten("roll", "Tensor self, int[] shifts, int[] dims")
def roll(
    node: NodeView,
    tape: Tape,
    self: Operand,
    shifts: Sequence[int],
    dims: Sequence[int] = (),
) -> Decision:
    """Slice and Concat of both ends."""
    axes = dims_of(node, self, *(dims or [0]))
    if isinstance(axes, Refusal):
        return axes
    if len(axes) != len(shifts):
        return node.refuse(f"it has {len(shifts)} shifts for {len(axes)} axes")
    made = tape.op("Reshape", self, tape.ints([-1])) if not dims else str(self)
    sizes = Sizes(tape)
    for axis, shift in zip(axes, shifts, strict=True):
        size = self.shape[axis] if dims and self.shape is not None else None
        if size is None:
            length = (
                sizes.of(self, axis) if dims else sizes.tensor(sizes.product(sizes.rest(self, 0)))
            )
            at = tape.op(
                "Mod", tape.ints([-shift]), tape.op("Max", sizes.tensor(length), tape.ints([1]))
            )
        else:
            at = tape.ints([-shift % max(size, 1)])
        where = tape.ints([axis])
        head = tape.op("Slice", made, tape.ints([0]), at, where)
        tail = tape.op("Slice", made, at, tape.ints([_END]), where)
        made = tape.op("Concat", tail, head, axis=axis)
    return made if dims else tape.op("Reshape", made, tape.op("Shape", self))


@aten("tile", "Tensor self, int[] dims")
def tile(node: NodeView, tape: Tape, self: Operand, dims: Sequence[int]) -> Decision:
    """Tile."""
    if self.rank is None:
        return node.refuse_dynamic("its rank")
    counts = [*[1] * (self.rank - len(dims)), *dims]
    if len(counts) > self.rank:
        shape = tape.op("Shape", self)
        more = tape.op("Concat", tape.ints([1] * (len(counts) - self.rank)), shape, axis=0)
        return tape.op("Tile", tape.op("Reshape", self, more), tape.ints(counts))
    return tape.op("Tile", self, tape.ints(counts))


@aten("unflatten", "Tensor self, int dim, int[] sizes")
def unflatten(
    node: NodeView, tape: Tape, self: Operand, dim: int, sizes: Sequence[int]
) -> Decision:
    """Reshape."""
    axes = dims_of(node, self, dim)
    if isinstance(axes, Refusal):
        return axes
    of = Sizes(tape)
    known = of.all(self)
    shape = of.joined([*known[: axes[0]], *sizes, *known[axes[0] + 1 :]])
    return tape.op("Reshape", self, shape)


@aten("triu|tril", "Tensor self, int diagonal")
def triu(node: NodeView, tape: Tape, self: Operand, diagonal: int = 0) -> Decision:
    """Trilu."""
    return tape.op("Trilu", self, tape.const(diagonal, "int64"), upper=int(node.op_type == "triu"))


@aten("take_along_dim", "Tensor self, Tensor indices, int? dim")
def take_along_dim(
    node: NodeView, tape: Tape, self: Operand, indices: Operand, dim: int | None
) -> Decision:
    """GatherElements, of both as one shape but for the axis."""
    if dim is None:
        flat = (tape.op("Reshape", one, tape.ints([-1])) for one in (self, indices))
        return tape.op("GatherElements", *flat, axis=0)
    axes = dims_of(node, self, dim)
    if isinstance(axes, Refusal):
        return axes
    if self.rank != indices.rank:
        return node.refuse(f"it takes rank {indices.rank} from a tensor of rank {self.rank}")
    sizes, axis = Sizes(tape), axes[0]
    ours, theirs = sizes.all(self), sizes.all(indices)
    ours[axis] = theirs[axis] = 1
    value = tape.op("Expand", self, sizes.joined(theirs))
    places = tape.op("Expand", indices, sizes.joined(ours))
    return tape.op("GatherElements", value, places, axis=axis)


@aten("channel_shuffle|native_channel_shuffle", "Tensor self, int groups")
def channel_shuffle(node: NodeView, tape: Tape, self: Operand, groups: int) -> Decision:
    """Reshape, Transpose and Reshape."""
    rank = self.rank
    if rank is None or rank < 3:
        return node.refuse(f"its rank {rank} is not that of channels and axes behind them")
    sizes = Sizes(tape)
    batch, channels, *rest = sizes.all(self)
    if isinstance(channels, int) and (groups < 1 or channels % groups):
        return node.refuse(f"{channels} channels are no {groups} groups")
    inner = -1 if rest and any(isinstance(one, str) for one in (batch, *rest)) else None
    each = channels // groups if isinstance(channels, int) else None
    if each is None and inner is not None:
        return node.refuse_dynamic("how many channels it has")
    middle = each if each is not None else -1
    parts = sizes.joined([batch, groups, middle, *rest])
    apart = tape.op("Reshape", self, parts)
    turned = tape.op("Transpose", apart, perm=[0, 2, 1, *range(3, rank + 1)])
    return tape.op("Reshape", turned, tape.op("Shape", self))


@aten("im2col", "Tensor self, int[] kernel_size, int[] dilation, int[] padding, int[] stride")
def im2col(
    node: NodeView,
    tape: Tape,
    self: Operand,
    kernel_size: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
    stride: Sequence[int],
) -> Decision:
    """Gathers of rows and columns."""
    if self.rank != 4 or any(len(one) != 2 for one in (kernel_size, dilation, padding, stride)):
        return node.refuse(f"it takes windows of a tensor of rank {self.rank}")
    high, wide = padding
    made = (
        tape.op("Pad", self, tape.ints([0, 0, high, wide, 0, 0, high, wide]))
        if any(padding)
        else str(self)
    )
    sizes = Sizes(tape)
    for axis in (0, 1):
        room = sizes.sum(
            sizes.of(self, axis + 2),
            2 * padding[axis] - dilation[axis] * (kernel_size[axis] - 1) - 1,
        )
        if isinstance(room, int):
            starts: str = tape.ints((np.arange(room // stride[axis] + 1) * stride[axis]).tolist())
        else:
            count = tape.op("Add", tape.op("Div", room, tape.ints([stride[axis]])), tape.ints([1]))
            starts = tape.op("Mul", sizes.iota(count), tape.ints([stride[axis]]))
        steps = tape.const(np.arange(kernel_size[axis])[:, None] * dilation[axis])
        made = tape.op("Gather", made, tape.op("Add", steps, starts), axis=2 + 2 * axis)
    turned = tape.op("Transpose", made, perm=[0, 1, 2, 4, 3, 5])
    batch, channels = sizes.of(self, 0), sizes.of(self, 1)
    columns = sizes.product([channels, kernel_size[0] * kernel_size[1]])
    if isinstance(batch, str) and isinstance(columns, str):
        shape = sizes.joined([batch, columns, -1])
    else:
        shape = sizes.joined([0 if isinstance(batch, str) else batch, columns, -1])
    return tape.op("Reshape", turned, shape)


@aten(
    "col2im",
    "Tensor self, int[] output_size, int[] kernel_size, int[] dilation, int[] padding, "
    "int[] stride",
)
def col2im(
    node: NodeView,
    tape: Tape,
    self: Operand,
    output_size: Sequence[int],
    kernel_size: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
    stride: Sequence[int],
) -> Decision:
    """Col2Im; sums of moved windows before opset 18."""
    return tape.op(
        "Col2Im",
        self,
        tape.ints(output_size),
        tape.ints(kernel_size),
        dilations=list(dilation),
        pads=list(padding) * 2,
        strides=list(stride),
    )


@aten("pixel_unshuffle", "Tensor self, int downscale_factor")
def pixel_unshuffle(node: NodeView, tape: Tape, self: Operand, downscale_factor: int) -> Decision:
    """Reshape, Transpose and Reshape."""
    by, shape = downscale_factor, self.shape
    if shape is None or len(shape) != 4:
        return node.refuse(f"its rank {self.rank} is not that of a batch of images")
    if shape[1] is None or shape[2] is None or shape[3] is None:
        return node.refuse_dynamic("how large its images are")
    channels, height, width = shape[1], shape[2] // by, shape[3] // by
    apart = tape.op("Reshape", self, tape.ints([-1, channels, height, by, width, by]))
    turned = tape.op("Transpose", apart, perm=[0, 1, 3, 5, 2, 4])
    return tape.op("Reshape", turned, tape.ints([-1, channels * by * by, height, width]))


@aten(
    "scatter_reduce",
    "Tensor self, int dim, Tensor index, Tensor src, str reduce, bool include_self",
)
def scatter_reduce(
    node: NodeView,
    tape: Tape,
    self: Operand,
    dim: int,
    index: Operand,
    src: Operand,
    reduce: str,
    include_self: bool = True,
) -> Decision:
    """ScatterElements with a reduction; two of them and a count for means."""
    axes = dims_of(node, self, dim)
    if isinstance(axes, Refusal):
        return axes
    names = {"sum": "add", "prod": "mul", "amax": "max", "amin": "min", "mean": "add"}
    if reduce not in names:
        return node.refuse(f"its reduction {reduce!r} is none that torch has")
    if not include_self:
        return node.refuse("it leaves out what was there before, for which ONNX has no form")
    if "float" not in (self.dtype or "") and reduce == "mean":
        return node.refuse("it rounds means of integers")
    given = str(src)
    if src.static_shape is None or src.static_shape != index.static_shape:
        given = tape.op("Slice", src, tape.ints([0] * (self.rank or 0)), tape.op("Shape", index))
    how: dict[str, Any] = {"axis": axes[0], "reduction": names[reduce]}
    made = tape.op("ScatterElements", self, index, given, **how)
    if reduce != "mean":
        return made
    ones = tape.op("Expand", tape.const(1, self.dtype), tape.op("Shape", self))
    more = tape.op("Expand", tape.const(1, self.dtype), tape.op("Shape", index))
    return tape.op("Div", made, tape.op("ScatterElements", ones, index, more, **how))
