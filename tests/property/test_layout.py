"""Random graphs and permutations: `layout` moves exactly as many bytes as trying every order of
axes finds, computes the same, has nothing left to do the second time, and goes there and back."""

from __future__ import annotations

import numpy as np
import onnx
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pyonnxtool import _core, from_proto
from support.changed_layout import op_types, relaid
from support.layout_optimum import fewest_bytes
from support.ort_runs import run
from support.relaid import random_feed
from support.transposed_graphs import transposed_graphs
from support.transposes import moved

MANY = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def again(model: onnx.ModelProto, **options: object) -> bytes:
    return _core.layout(from_proto(model), **options).model.to_bytes()


@MANY
@given(model=transposed_graphs())
def test_no_order_of_axes_moves_fewer_bytes(model: onnx.ModelProto) -> None:
    fewest = fewest_bytes(model, moved(model).bytes)
    assume(fewest is not None)
    made, new = relaid(model)
    assert moved(new).bytes == fewest == made.optimum == made.after[1]
    assert fewest <= moved(model).bytes


@MANY
@given(model=transposed_graphs(most_nodes=12))
def test_the_second_time_changes_nothing(model: onnx.ModelProto) -> None:
    once = again(model)
    assert again(onnx.ModelProto.FromString(once)) == once


@MANY
@given(model=transposed_graphs(most_nodes=12), filters=st.sampled_from(["oihw", "ohwi", "hwio"]))
def test_there_and_back_moves_and_computes_the_same(model: onnx.ModelProto, filters: str) -> None:
    """Not the same bytes: of several layouts that move the fewest bytes the way back may take
    another one, and a value that was not there on the way has lost its name."""
    once = onnx.ModelProto.FromString(again(model))
    there = onnx.ModelProto.FromString(again(once, to="channels_last", filters=filters))
    back = onnx.ModelProto.FromString(again(there, expand=True))
    assert moved(back) == moved(once)
    assert sorted(op_types(back.graph)) == sorted(op_types(once.graph))
    feed = random_feed(model)
    for name in {tensor.name for tensor in model.graph.initializer}:
        feed.pop(name, None)
    for one, other in zip(run(once, [feed])[0], run(back, [feed])[0], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
