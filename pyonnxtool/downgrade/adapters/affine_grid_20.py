"""AffineGrid from 20 to 19, which does not have it: a constant grid times `theta`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.function_body import expanded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("AffineGrid", 20))
def affine_grid(node: NodeView, tape: Tape) -> Decision:
    """20 -> 19: a constant grid of known size times `theta`; else the schema's body."""
    if node.rank("size") not in (1, None) or node.rank("theta") not in (3, None):
        return node.refuse("`size` is no list, or `theta` no list of matrices")
    sizes, dtype = _known(node), node.dtype("theta")
    align = bool(node.attr_int("align_corners"))
    if dtype is None or (min(sizes, default=0) < 1 if sizes is not None else not _axes_of(node)):
        return expanded(node, tape)
    computed = "float64" if dtype == "float64" else "float32"
    theta = str(node["theta"]) if dtype == computed else tape.cast(node["theta"], computed)
    columns = tape.op("Transpose", theta, perm=[0, 2, 1])
    if sizes is None:
        made = _at_run_time(node, tape, columns, computed, align=align)
    else:
        product = tape.op("MatMul", tape.const(_grid(sizes, align=align), computed), columns)
        made = tape.op("Reshape", product, tape.ints([-1, *sizes, len(sizes)]))
    return made if dtype == computed else tape.cast(made, dtype)


def _known(node: NodeView) -> list[int] | None:
    """Sizes of the grid, when all of them are known; how many there are of it need not be."""
    sizes, after = node.const_ints("size"), node.out().shape
    if sizes is not None:
        return sizes[2:]
    known = [size for size in (after or ())[1:-1] if size is not None]
    return known if after is not None and len(known) == len(after) - 2 else None


def _axes_of(node: NodeView) -> int:
    """2 for images, 3 for volumes; 0 when that is not known."""
    theta, size = node.shape("theta") or (), node.shape("size") or ()
    told = [theta[1] if len(theta) == 3 else None, size[0] - 2 if size and size[0] else None]
    return next((axes for axes in told if axes in (2, 3)), None) or 0


def _at_run_time(node: NodeView, tape: Tape, columns: str, dtype: str, *, align: bool) -> str:
    """The column of `theta` for each axis times the places along it, and the last column."""
    axes = _axes_of(node)
    wide = tape.ints([-1, *[1] * axes, axes])
    zero, one = tape.const(0, "int64"), tape.const(1, "int64")
    last = tape.op("Gather", columns, tape.const(axes, "int64"), axis=1)
    made = tape.op("Reshape", last, wide)
    for axis in range(axes):
        size = tape.op("Gather", node["size"], tape.const(2 + axis, "int64"), axis=0)
        steps = tape.cast(tape.op("Range", zero, size, one), dtype)
        places = _places(tape, steps, tape.cast(size, dtype), dtype, align=align)
        places = tape.op("Reshape", places, tape.ints([-1, *[1] * (axes - axis)]))
        column = tape.op("Gather", columns, tape.const(axes - 1 - axis, "int64"), axis=1)
        part = tape.op("Mul", tape.op("Reshape", column, wide), places)
        made = tape.op("Add", made, part)
    return made


def _places(tape: Tape, steps: str, size: str, dtype: str, *, align: bool) -> str:
    """From -1 to 1, of corners or middles; a corner of its own is at 1, as onnxruntime has it."""
    one = tape.const(1, dtype)
    if not align:
        middle = tape.op("Add", tape.op("Add", steps, steps), one)
        return tape.op("Sub", tape.op("Div", middle, size), one)
    last = tape.op("Sub", size, one)
    left = tape.op("Sub", last, steps)
    part = tape.op("Div", tape.op("Add", left, left), tape.op("Max", last, one))
    return tape.op("Sub", one, part)


def _grid(sizes: Sequence[int], *, align: bool) -> NDArray[np.float64]:
    """Each place of the output from -1 to 1, innermost axis first, and a 1: [places, r + 1]."""
    axes = []
    for size in sizes:
        steps = np.arange(size, dtype=np.float64)
        corners = 1 - 2 * (size - 1 - steps) / max(size - 1, 1)  # one of its own is at 1
        axes.append(corners if align else (2 * steps + 1) / size - 1)
    places = np.stack(np.meshgrid(*axes, indexing="ij")[::-1], axis=-1).reshape(-1, len(axes))
    return np.concatenate([places, np.ones((len(places), 1))], axis=1)
