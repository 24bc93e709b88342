"""Col2Im from 18 to 17: axis by axis, each element of the image sums what lies on it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._open_sizes import Sizes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewrite.decision import Decision
    from pyonnxtool.rewrite.node_view import NodeView
    from pyonnxtool.rewrite.tape import Tape


@ADAPTERS.add(("Col2Im", 18))
def col2im(node: NodeView, tape: Tape) -> Decision:
    """18 -> 17: along each axis a Gather of what lies on each place, and the sum of it."""
    image, block, data = (
        node.const_ints("image_shape"),
        node.const_ints("block_shape"),
        node["input"],
    )
    if image is None or block is None:
        return node.refuse_dynamic("`image_shape` or `block_shape`")
    count = len(image)
    strides = node.attr_ints("strides") or [1] * count
    dilations = node.attr_ints("dilations") or [1] * count
    pads = node.attr_ints("pads") or [0] * (2 * count)
    lengths = {len(image), len(block), len(strides), len(dilations), len(pads) / 2}
    if lengths != {count} or not count or min(*block, *strides, *dilations, *image) < 1:
        return node.refuse("its attributes are not of as many axes as `image_shape`")
    places, steps = [], []
    for axis in range(count):
        reach = dilations[axis] * (block[axis] - 1) + 1
        whole = image[axis] + pads[axis] + pads[axis + count]
        steps.append((whole - reach) // strides[axis] + 1)
        starts = np.arange(steps[axis]) * strides[axis] - pads[axis]
        offsets = np.arange(block[axis]) * dilations[axis]
        places.append(_lying_on(offsets[:, None] + starts, image[axis]))
    if min(steps) < 1 or data.rank not in (3, None):
        return node.refuse("its block does not fit into the image")
    value = tape.op("Reshape", data, tape.ints([-1, *block, *steps]))
    turned = [0] + [axis + part * count for axis in range(1, count + 1) for part in (0, 1)]
    value = tape.op("Transpose", value, perm=turned)
    merged = [size * step for size, step in zip(block, steps, strict=True)]
    value = tape.op("Reshape", value, tape.ints([-1, *merged]))
    gaps = [int((found == size).any()) for found, size in zip(places, merged, strict=True)]
    if any(gaps):  # a zero behind each axis, for places where nothing lies
        value = tape.op("Pad", value, tape.ints([0] * (count + 2) + gaps))
    for axis, found in enumerate(places, 1):
        alone = found.shape[1] == 1
        if not (alone and np.array_equal(found[:, 0], np.arange(merged[axis - 1]))):
            picked = tape.const(found[:, 0] if alone else found)
            value = tape.op("Gather", value, picked, axis=axis)
        if not alone:
            value = tape.op("ReduceSum", value, tape.ints([axis + 1]), keepdims=0)
    return _as_image(node, tape, value, image, math.prod(block))


def _as_image(node: NodeView, tape: Tape, value: str, image: list[int], block: int) -> str:
    sizes, data = Sizes(tape), node["input"]
    count, depth = (data.shape or (None, None))[:2]
    if depth is None:
        return tape.op("Reshape", value, sizes.joined([sizes.of(data, 0), -1, *image]))
    first = -1 if count is None else count
    return tape.op("Reshape", value, tape.ints([first, depth // block, *image]))


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
