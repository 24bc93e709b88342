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
from pyonnxtool.rewrite.refusal import Refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewrite.decision import Decision
    from pyonnxtool.rewrite.node_view import NodeView
    from pyonnxtool.rewrite.tape import Tape

_NARROW = ("float16", "bfloat16")


@dataclass(frozen=True)
class _Form:
    """Sizes that are known; only how many images there are may not be."""

    image: tuple[int | None, ...]
    channels: int
    kernel: tuple[int, ...]
    out: tuple[int, ...]
    made: int
    groups: int
    offset_groups: int
    origin: NDArray[np.int64]
    """Where the first element of the kernel lies at each place that comes out, [P, r]."""
    spread: NDArray[np.int64]
    """How far the elements of the kernel are from the first one, [K, r]."""


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
        sampled = tape.op("Mul", sampled, _masks(tape, form, mask))
    known = node.const("W")
    rows = form.groups, form.made // form.groups, -1
    if known is not None and computed == dtype:
        weights = tape.const(known.reshape(rows))
    else:
        weights = reshape(tape, weights, rows)
    made = _multiplied(tape, form, sampled, weights)
    if bias:
        made = tape.op("Add", made, reshape(tape, bias, [-1, *[1] * len(form.kernel)]))
    return made if computed == dtype else tape.cast(made, dtype)


def _form_of(node: NodeView) -> _Form | Refusal:
    x, weights, out = node.shape("X"), node["W"].static_shape, node.shape("offset")
    if x is None or weights is None or out is None or None in x[1:] or None in out[2:]:
        return node.refuse_dynamic("what size it has")
    if not 3 <= len(x) == len(weights) == len(out):
        return node.refuse("its sizes do not fit each other")
    kernel = weights[2:]
    axes, sizes = len(kernel), tuple(size for size in x[2:] if size is not None)
    groups, offset_groups = node.attr_int("group"), node.attr_int("offset_group")
    strides, dilations = (
        node.attr_ints(name, [1] * axes) or [] for name in ("strides", "dilations")
    )
    pads = node.attr_ints("pads", [0] * 2 * axes) or []
    channels = x[1] or 0
    wanted = (axes, axes, axes, 2 * axes, axes, offset_groups * prod(kernel) * axes)
    has = (len(sizes), len(strides), len(dilations), len(pads), len(out) - 2, out[1])
    divided = groups > 0 and offset_groups > 0 and not channels % offset_groups
    if wanted != has or not divided or channels != weights[1] * groups or weights[0] % groups:
        return node.refuse("its sizes do not fit each other")
    places = tuple(size for size in out[2:] if size is not None)
    origin = np.indices(places).reshape(axes, -1).T * strides - np.array(pads[:axes])
    spread = np.indices(kernel).reshape(axes, -1).T * dilations
    return _Form(x, channels, kernel, places, weights[0], groups, offset_groups, origin, spread)


def _sampled(tape: Tape, form: _Form, x: str, offset: str, dtype: str) -> str:
    """[N * G, P, K, C / G]: the image around each place, displaced by what `offset` says."""
    axes, count, places = len(form.kernel), prod(form.kernel), prod(form.out)
    split = form.offset_groups > 1
    batch = form.image[0]
    images = None if batch is None else batch * form.offset_groups
    each = form.channels // form.offset_groups
    sizes = [size or 0 for size in form.image[2:]]
    if split:
        x = reshape(tape, x, [-1, each, *sizes])
    moved = reshape(tape, offset, [-1, count, axes, places])
    moved = tape.op("Transpose", moved, perm=[0, 3, 1, 2])
    fixed = form.origin[:, None] + form.spread[None]
    image = Image(tape, x, (images, each, *sizes), dtype, rim=True)
    at = tape.op("Add", moved, image.numbers(fixed))
    if axes > 1:  # innermost first, as images have it
        at = tape.op("Gather", at, tape.ints(range(axes - 1, -1, -1)), axis=3)
    return linear(image, at, 4)


def _masks(tape: Tape, form: _Form, mask: str) -> str:
    """[N * G, P, K, 1]."""
    count, places = prod(form.kernel), prod(form.out)
    masks = tape.op("Transpose", reshape(tape, mask, [-1, count, places]), perm=[0, 2, 1])
    return reshape(tape, masks, [-1, places, count, 1])


def _multiplied(tape: Tape, form: _Form, sampled: str, weights: str) -> str:
    """[N, made, ...]: for each group its channels under the kernel times its rows of weights."""
    count, places, groups = prod(form.kernel), prod(form.out), form.groups
    each, all_groups = form.channels // form.offset_groups, form.offset_groups
    if all_groups > 1:
        apart = reshape(tape, sampled, [-1, all_groups, places, count, each])
        sampled = tape.op("Transpose", apart, perm=[0, 1, 4, 3, 2])  # [N, G, C / G, K, P]
    else:
        sampled = tape.op("Transpose", sampled, perm=[0, 3, 2, 1])
    columns = reshape(tape, sampled, [-1, groups, form.channels // groups * count, places])
    product = tape.op("MatMul", weights, columns)
    return reshape(tape, product, [-1, form.made, *form.out])
