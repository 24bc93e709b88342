"""DepthToSpace from 11 to 10 and SpaceToDepth from 28 to 27: mode "CRD" is written out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._regrouped import regrouped
from pyonnxtool.rewriting.decision import Edit
from pyonnxtool.rewriting.open_sizes import Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.open_sizes import Size
    from pyonnxtool.rewriting.tape import Tape

_HAVE_KERNELS = ("float32", "float16", "bfloat16", None)
"""What runtimes take there; the schema takes all."""


@ADAPTERS.add(("DepthToSpace", 11))
def depth_to_space(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: mode "CRD" is Reshape, Transpose, Reshape; so is "DCR" of anything but floats."""
    data, block, sizes = node["input"], node.attr_int("blocksize"), Sizes(tape)
    depth_first = node.attr_str("mode") == "DCR"
    if depth_first and data.dtype in _HAVE_KERNELS:
        return Edit(drop=["mode"])
    if data.rank not in (4, None) or block < 1:
        return node.refuse(f"its data of rank {data.rank} has no blocks of {block} by {block}")
    count, depth, height, width = (sizes.of(data, axis) for axis in range(4))
    depth = _divided(tape, sizes, depth, block * block)
    channels = [block, block, depth] if depth_first else [depth, block, block]
    value = regrouped(tape, sizes, data, [count, *channels, height, width], keeps_first=True)
    perm = [0, 3, 4, 1, 5, 2] if depth_first else [0, 1, 4, 2, 5, 3]
    value = tape.op("Transpose", value, perm=perm)
    large = [sizes.product([size, block]) for size in (height, width)]
    return regrouped(tape, sizes, value, [count, depth, *large], keeps_first=True)


@ADAPTERS.add(("SpaceToDepth", 28))
def space_to_depth(node: NodeView, tape: Tape) -> Decision:
    """28 -> 27: mode "CRD" is Reshape, Transpose, Reshape."""
    if node.attr_str("mode") == "DCR":
        return Edit(drop=["mode"])
    data, block, sizes = node["input"], node.attr_int("blocksize"), Sizes(tape)
    if data.rank not in (4, None) or block < 1:
        return node.refuse(f"its data of rank {data.rank} has no blocks of {block} by {block}")
    count, depth, height, width = (sizes.of(data, axis) for axis in range(4))
    height, width = (_divided(tape, sizes, size, block) for size in (height, width))
    cut = [count, depth, height, block, width, block]
    value = regrouped(tape, sizes, data, cut, keeps_first=True)
    value = tape.op("Transpose", value, perm=[0, 1, 3, 5, 2, 4])
    deep = sizes.product([depth, block * block])
    return regrouped(tape, sizes, value, [count, deep, height, width], keeps_first=True)


def _divided(tape: Tape, sizes: Sizes, size: Size, divisor: int) -> Size:
    if isinstance(size, int):
        return size // divisor
    return size if divisor == 1 else tape.op("Div", size, tape.ints([divisor]))
