"""Random graphs and permutations: `layout` moves exactly as many bytes as trying every order of
axes finds, computes the same, has nothing left to do the second time, and there and back is the
identity."""

from __future__ import annotations

import onnx
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pyonnxtool import _core, from_proto
from support.changed_layout import relaid
from support.layout_optimum import fewest_bytes
from support.transposed_graphs import transposed_graphs
from support.transposes import moved

MANY = settings(
    max_examples=150,
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
def test_there_and_back_is_the_identity(model: onnx.ModelProto, filters: str) -> None:
    once = again(model)
    there = again(onnx.ModelProto.FromString(once), to="channels_last", filters=filters)
    assert again(onnx.ModelProto.FromString(there), expand=True) == once
