"""A Reshape between any two shapes, one side in any order: no element moves."""

from __future__ import annotations

import itertools
from math import prod

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pyonnxtool.errors import Refused
from support.one_node import Constant, node_model
from support.relaid import Inner, relaid, stored

COUNTS = [24, 36, 60, 64, 96, 120]


@st.composite
def shapes(draw: st.DrawFn, count: int) -> list[int]:
    """Sizes whose product is `count`, some of them 1."""
    dims = []
    while len(dims) < draw(st.integers(1, 5)) - 1:
        dims.append(draw(st.sampled_from([at for at in (1, 2, 3, 4, 6) if count % at == 0])))
        count //= dims[-1]
    return list(draw(st.permutations([*dims, count])))


@st.composite
def inner_orders(draw: st.DrawFn, dims: list[int]) -> list[tuple[int, list[int], list[int]]]:
    """At most one axis within itself, in the one form that equal orders share."""
    axis = draw(st.integers(0, len(dims) - 1))
    sizes = [size for size in draw(shapes(dims[axis])) if size > 1]
    order = list(draw(st.permutations(range(len(sizes)))))
    neighbours = itertools.pairwise(order)
    if len(sizes) < 2 or any(after == before + 1 for before, after in neighbours):
        return []
    return [(axis, sizes, order)]


@settings(max_examples=80, deadline=None, derandomize=True)
@given(data=st.data())
def test_both_sides_store_the_same_elements(data: st.DataObject) -> None:
    count = data.draw(st.sampled_from(COUNTS))
    dims, target = data.draw(shapes(count)), data.draw(shapes(count))
    assert prod(dims) == prod(target) == count
    side = data.draw(st.sampled_from(["x0", "y0"]))
    own = dims if side == "x0" else target
    perm = list(data.draw(st.permutations(range(len(own)))))
    inner: Inner = data.draw(inner_orders(own))
    if perm == sorted(perm) and not inner:
        return
    model = node_model("Reshape", [dims, Constant(np.array(target))], opset=13)
    try:
        drawn = relaid(model, side, perm, inner)
    except Refused:
        return
    values = np.arange(count).reshape(dims)
    read = stored(values, drawn.inputs[0] or [], drawn.input_inner[0] or ())
    made = stored(values.reshape(target), drawn.outputs[0] or [], drawn.output_inner[0] or ())
    assert np.array_equal(read.ravel(), made.ravel())
    for _, sizes, order in (*(drawn.input_inner[0] or ()), *(drawn.output_inner[0] or ())):
        assert min(sizes) > 1
        assert all(after != before + 1 for before, after in itertools.pairwise(order))
