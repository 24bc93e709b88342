"""Col2Im from 18 to 17: axis by axis, each element of the image sums what lies on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.open_sizes import Size, Sizes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


class _Axis(NamedTuple):
    stride: int
    dilation: int
    before: int
    after: int


@ADAPTERS.add(("Col2Im", 18))
def col2im(node: NodeView, tape: Tape) -> Decision:
    """18 -> 17: along each axis a Gather of what lies on each place, and the sum of it."""
    image, block = node.const_ints("image_shape"), node.const_ints("block_shape")
    lengths = [shape[0] for name in ("image_shape", "block_shape") if (shape := node.shape(name))]
    count = next((one for one in lengths if one is not None), 0)
    if not count:
        return node.refuse_dynamic("the length of `image_shape`")
    strides = node.attr_ints("strides") or [1] * count
    dilations = node.attr_ints("dilations") or [1] * count
    pads = node.attr_ints("pads") or [0] * (2 * count)
    told = {len(strides), len(dilations), len(pads) / 2} | {*lengths} - {None}
    numbers = [*strides, *dilations, *(image or []), *(block or [])]
    if told != {count} or min(numbers) < 1 or node["input"].rank not in (3, None):
        return node.refuse("its attributes are not of as many axes as `image_shape`")
    axes = [_Axis(*one) for one in zip(strides, dilations, pads[:count], pads[count:], strict=True)]
    if image is None or block is None:
        return _at_run_time(node, tape, axes)
    return _known(node, tape, axes, image, block)


def _known(
    node: NodeView, tape: Tape, axes: Sequence[_Axis], image: list[int], block: list[int]
) -> Decision:
    steps, places = [], []
    for axis, size, width in zip(axes, image, block, strict=True):
        reach = axis.dilation * (width - 1) + 1
        steps.append((size + axis.before + axis.after - reach) // axis.stride + 1)
        starts = np.arange(steps[-1]) * axis.stride - axis.before
        offsets = np.arange(width) * axis.dilation
        places.append(_lying_on(offsets[:, None] + starts, size))
    if min(steps) < 1:
        return node.refuse("its block does not fit into the image")
    sizes = Sizes(tape)
    value = _merged(tape, sizes, node["input"], [*block], [*steps])
    merged = [size * step for size, step in zip(block, steps, strict=True)]
    gaps = [int((found == size).any()) for found, size in zip(places, merged, strict=True)]
    if any(gaps):  # a zero behind each axis, for places where nothing lies
        value = tape.op("Pad", value, tape.ints([0] * (len(axes) + 2) + gaps))
    for at, found in enumerate(places, 1):
        alone = found.shape[1] == 1
        if not (alone and np.array_equal(found[:, 0], np.arange(merged[at - 1]))):
            picked = tape.const(found[:, 0] if alone else found)
            value = tape.op("Gather", value, picked, axis=at)
        if not alone:
            value = tape.op("ReduceSum", value, tape.ints([at + 1]), keepdims=0)
    count, depth = (node["input"].shape or (None, None))[:2]
    if depth is None:
        return _as_image(tape, sizes, value, node["input"], [*image])
    first = -1 if count is None else count
    return tape.op("Reshape", value, tape.ints([first, depth // math.prod(block), *image]))


def _merged(
    tape: Tape, sizes: Sizes, data: Operand, block: Sequence[Size], steps: Sequence[Size]
) -> str:
    """[N * C, places in the block times blocks along the first axis, the same for the second]."""
    value = tape.op("Reshape", data, sizes.joined([-1, *block, *steps]))
    count = len(block)
    turned = [0] + [axis + part * count for axis in range(1, count + 1) for part in (0, 1)]
    value = tape.op("Transpose", value, perm=turned)
    merged = [sizes.product(pair) for pair in zip(block, steps, strict=True)]
    return tape.op("Reshape", value, sizes.joined([-1, *merged]))


def _as_image(tape: Tape, sizes: Sizes, value: str, data: Operand, image: Sequence[Size]) -> str:
    return tape.op("Reshape", value, sizes.joined([sizes.of(data, 0), -1, *image]))


def _lying_on(targets: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """For each place below `size` the numbers of the elements whose target it is.

    As many columns as lie on one place at most; the number behind the last where there are fewer.
    """
    flat = targets.ravel()
    met: list[list[int]] = [[] for _ in range(size)]
    for number, target in enumerate(flat):
        if 0 <= target < size:
            met[target].append(number)
    found = np.full((size, max([1, *map(len, met)])), flat.size, np.int64)
    for place, numbers in enumerate(met):
        found[place, : len(numbers)] = numbers
    return found


def _at_run_time(node: NodeView, tape: Tape, axes: Sequence[_Axis]) -> Decision:
    """The same with sizes that the run tells: for each place, every place of the block on it."""
    sizes, ints = Sizes(tape), tape.ints
    image, block = (
        [sizes.part(node[name], at, at + 1) for at in range(len(axes))]
        for name in ("image_shape", "block_shape")
    )
    steps: list[Size] = []
    for axis, size, width in zip(axes, image, block, strict=True):
        whole = tape.op("Add", size, ints([axis.before + axis.after + axis.dilation - 1]))
        room = tape.op("Sub", whole, tape.op("Mul", width, ints([axis.dilation])))
        steps.append(tape.op("Add", tape.op("Div", room, ints([axis.stride])), ints([1])))
    value = _merged(tape, sizes, node["input"], block, steps)
    value = tape.op("Pad", value, ints([0] * (len(axes) + 2) + [1] * len(axes)))
    for at, (axis, size, width) in enumerate(zip(axes, image, block, strict=True), 1):
        numbers = sizes.iota_along(width, 1, 2)
        offsets = tape.op("Mul", numbers, ints([axis.dilation]))
        targets = tape.op("Add", sizes.iota_along(size, 0, 2), ints([axis.before]))
        starts = tape.op("Sub", targets, offsets)
        step = tape.op("Div", starts, ints([axis.stride]))
        count = sizes.tensor(steps[at - 1])
        met = tape.op("Equal", tape.op("Mul", step, ints([axis.stride])), starts)
        below = tape.op("Or", tape.op("Less", starts, ints([0])), tape.op("Not", met))
        inside = tape.op("And", tape.op("Less", step, count), tape.op("Not", below))
        place = tape.op("Add", tape.op("Mul", numbers, count), step)
        place = tape.op("Where", inside, place, tape.op("Mul", width, count))
        value = tape.op("Gather", value, place, axis=at)
        value = tape.op("ReduceSum", value, ints([at + 1]), keepdims=0)
    return _as_image(tape, sizes, value, node["input"], image)
