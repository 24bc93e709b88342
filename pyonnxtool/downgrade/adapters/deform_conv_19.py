"""DeformConv from 19 to 18, which does not have it: what lies under the kernel, times the weights.

N images, C channels in G offset groups, K elements of the kernel, r axes, P places that come out.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._axes import reshape
from pyonnxtool.downgrade.adapters._image import Image, linear
from pyonnxtool.rewriting.refusal import Refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_NARROW = ("float16", "bfloat16")


@dataclass(frozen=True)
class _Form:
    """Sizes; of images and of what comes out, None where only the run tells them."""

    image: tuple[int | None, ...]
    channels: int
    kernel: tuple[int, ...]
    out: tuple[int | None, ...]
    made: int
    groups: int
    offset_groups: int
    strides: NDArray[np.int64]
    spread: NDArray[np.int64]
    """Where the elements of the kernel are at the first place that comes out, [K, r]."""

    @property
    def known_out(self) -> list[int] | None:
        """Sizes of what comes out, when all of them are known."""
        known = [size for size in self.out if size is not None]
        return known if len(known) == len(self.out) else None


@ADAPTERS.add(("DeformConv", 19))
def deform_conv(node: NodeView, tape: Tape) -> Decision:
    """19 -> 18: what lies under the kernel is gathered and weighed, and multiplied with `W`."""
    form = _form_of(node)
    if isinstance(form, Refusal):
        return form
    dtype = node.dtype("X") or ""
    computed = "float32" if dtype in _NARROW else dtype
    x, weights, offset, bias, mask = (
        tape.cast(one, computed) if one and computed != dtype else str(one)
        for one in map(node.arg, range(5))
    )
    sampled = _sampled(tape, form, x, offset, computed)
    if mask:
        sampled = tape.op("Mul", sampled, _masks(tape, form, mask, offset))
    known = node.const("W")
    rows = form.groups, form.made // form.groups, -1
    if known is not None and computed == dtype:
        weights = tape.const(known.reshape(rows))
    else:
        weights = reshape(tape, weights, rows)
    made = _multiplied(tape, form, sampled, weights, offset)
    if bias:
        made = tape.op("Add", made, reshape(tape, bias, [-1, *[1] * len(form.kernel)]))
    return made if computed == dtype else tape.cast(made, dtype)


def _form_of(node: NodeView) -> _Form | Refusal:
    x, weights, out = node.shape("X"), node["W"].static_shape, node.shape("offset")
    if x is None or weights is None or out is None:
        return node.refuse_dynamic("its rank, or what size `W` has,")
    if not 3 <= len(x) == len(weights) == len(out):
        return node.refuse("its sizes do not fit each other")
    kernel = weights[2:]
    axes = len(kernel)
    groups, offset_groups = node.attr_int("group"), node.attr_int("offset_group")
    strides, dilations = (
        node.attr_ints(name, [1] * axes) or [] for name in ("strides", "dilations")
    )
    pads = node.attr_ints("pads", [0] * 2 * axes) or []
    channels = weights[1] * groups  # of a valid node, whether they are known of the image or not
    moved = offset_groups * prod(kernel) * axes
    wanted = [axes, axes, axes, 2 * axes, axes, moved, channels]
    has = [len(x) - 2, len(strides), len(dilations), len(pads), len(out) - 2]
    has += [moved if out[1] is None else out[1], channels if x[1] is None else x[1]]
    divided = groups > 0 and offset_groups > 0 and not channels % offset_groups
    if wanted != has or not divided or weights[0] % groups:
        return node.refuse("its sizes do not fit each other")
    spread = np.indices(kernel).reshape(axes, -1).T * dilations - np.array(pads[:axes])
    steps = np.array(strides, np.int64)
    return _Form(x, channels, kernel, out[2:], weights[0], groups, offset_groups, steps, spread)


def _inner(tape: Tape, form: _Form, value: str) -> str:
    """Sizes of the last r axes at run time."""
    places = tape.ints(range(2, 2 + len(form.kernel)))
    return tape.op("Gather", tape.op("Shape", value), places, axis=0)


def _flat(
    tape: Tape, form: _Form, value: str, before: list[int], after: list[int], offset: str
) -> str:
    """The value as [before, P, after]."""
    if form.known_out is not None:
        return reshape(tape, value, [*before, prod(form.known_out), *after])
    places = tape.op("ReduceProd", _inner(tape, form, offset), keepdims=1)
    sizes = [tape.ints(before), places, *([tape.ints(after)] if after else [])]
    return tape.op("Reshape", value, tape.op("Concat", *sizes, axis=0))


def _sampled(tape: Tape, form: _Form, x: str, offset: str, dtype: str) -> str:
    """[N * G, P, K, C / G]: the image around each place, displaced by what `offset` says."""
    axes, count, batch = len(form.kernel), prod(form.kernel), form.image[0]
    images = None if batch is None else batch * form.offset_groups
    each = form.channels // form.offset_groups
    if form.offset_groups > 1:
        known = [size for size in form.image[2:] if size is not None]
        if len(known) == axes:
            x = reshape(tape, x, [-1, each, *known])
        else:
            sizes = tape.op("Concat", tape.ints([-1, each]), _inner(tape, form, x), axis=0)
            x = tape.op("Reshape", x, sizes)
    moved = _flat(tape, form, offset, [-1, count, axes], [], offset)
    moved = tape.op("Transpose", moved, perm=[0, 3, 1, 2])
    image = Image(tape, x, (images, each, *form.image[2:]), dtype, rim=True)
    at = tape.op("Add", moved, _fixed(image, form, offset))
    if axes > 1:  # innermost first, as images have it
        at = tape.op("Gather", at, tape.ints(range(axes - 1, -1, -1)), axis=3)
    return linear(image, at, 4)


def _fixed(image: Image, form: _Form, offset: str) -> str:
    """Where the kernel lies without being displaced, [P, K, r]."""
    axes, tape = len(form.kernel), image.tape
    if form.known_out is not None:
        origin = np.indices(form.known_out).reshape(axes, -1).T * form.strides
        return image.numbers(origin[:, None] + form.spread[None])
    sizes = _inner(tape, form, offset)
    zero, one = tape.const(0, "int64"), tape.const(1, "int64")
    origin_at_run_time = image.numbers(form.spread)
    for axis in range(axes):
        size = tape.op("Gather", sizes, tape.const(axis, "int64"), axis=0)
        steps = tape.cast(tape.op("Range", zero, size, one), image.dtype)
        column = reshape(tape, steps, [-1, *[1] * (axes - axis + 1)])
        only = image.numbers(form.strides * (np.arange(axes) == axis))
        origin_at_run_time = tape.op("Add", tape.op("Mul", column, only), origin_at_run_time)
    return reshape(tape, origin_at_run_time, [-1, prod(form.kernel), axes])


def _masks(tape: Tape, form: _Form, mask: str, offset: str) -> str:
    """[N * G, P, K, 1]."""
    masks = _flat(tape, form, mask, [-1, 1, prod(form.kernel)], [], offset)
    return tape.op("Transpose", masks, perm=[0, 3, 2, 1])


def _multiplied(tape: Tape, form: _Form, sampled: str, weights: str, offset: str) -> str:
    """[N, made, ...]: for each group its channels under the kernel times its rows of weights."""
    count, groups, all_groups = prod(form.kernel), form.groups, form.offset_groups
    each = form.channels // all_groups
    if all_groups > 1:
        sampled = _flat(tape, form, sampled, [-1, all_groups], [count, each], offset)
        sampled = tape.op("Transpose", sampled, perm=[0, 1, 4, 3, 2])  # [N, G, C / G, K, P]
    else:
        sampled = tape.op("Transpose", sampled, perm=[0, 3, 2, 1])
    rows = form.channels // groups * count
    product = tape.op("MatMul", weights, _flat(tape, form, sampled, [-1, groups, rows], [], offset))
    if form.known_out is not None:
        return reshape(tape, product, [-1, form.made, *form.known_out])
    sizes = tape.op("Concat", tape.ints([-1, form.made]), _inner(tape, form, offset), axis=0)
    return tape.op("Reshape", product, sizes)
