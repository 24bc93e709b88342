"""What other tools get wrong when they fix the sizes of a model; one test for each trap."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import pyonnxtool as pot
from pyonnxtool import _core
from support.ort_runs import run
from support.specialized import (
    assert_same,
    dims_of,
    fixed_to,
    names,
    operators,
    parse,
    specialized,
)

RNG = np.random.default_rng(4)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ("start = 1", [3, 4, 5]),
        ("start = 1, end = 3", [3, 4]),
        ("end = -1", [2, 3, 4]),
        ("start = -2", [4, 5]),
        ("start = -100, end = 100", [2, 3, 4, 5]),
        ("start = 3, end = 1", []),
    ],
)
def test_shape_of_some_axes(bounds: str, expected: list[int]) -> None:
    model = parse(
        f"g (float[a,b,c,d] x) => (float[e] y, int64[k] s) "
        f"{{ s = Shape <{bounds}> (x) \n f = Cast <to = 1> (s) \n y = Relu (f) }}"
    )
    found = fixed_to(model, {"x": normal(2, 3, 4, 5)})
    assert dims_of(found.graph.output[1]) == [len(expected)]
    assert not operators(found)["Shape"]
    np.testing.assert_array_equal(run(found, [{"x": normal(2, 3, 4, 5)}])[0][1], expected)


def test_an_unsorted_graph_is_read_and_written_sorted() -> None:
    model = parse(
        "g (float[n,3] x) => (float[m,k] y) { s = Shape (x) \n b = Constant <value_ints = [-1]> ()"
        "\n a = Gather <axis = 0> (s, i) \n z = Concat <axis = 0> (a, b) \n r = Relu (x) \n"
        " y = Reshape (r, z) }"
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array([0]), "i"))
    unsorted = onnx.ModelProto()
    unsorted.CopyFrom(model)
    del unsorted.graph.node[:]
    unsorted.graph.node.extend(reversed(model.graph.node))
    found = specialized(unsorted, {"x": [4, 3]})
    feeds = [{"x": normal(4, 3)}]
    assert_same(run(model, feeds), run(found, feeds))
    assert not operators(found)["Shape"]


def test_an_unused_input_keeps_its_place_and_name() -> None:
    model = parse(
        "g (float[n] a, int64[n,k] unused, float[n] b) => (float[n] y) { y = Add (a, b) }"
    )
    found = specialized(model, dims={"n": 3, "k": 2})
    assert names(found.graph.input) == ["a", "unused", "b"]
    assert dims_of(found.graph.input[1]) == [3, 2]


def test_an_input_that_is_no_longer_needed_stays() -> None:
    model = parse("g (float[n,m] x) => (int64[2] y) { y = Shape (x) }")
    found = fixed_to(model, {"x": normal(5, 6)})
    assert names(found.graph.input) == ["x"]


def test_bound_sizes_are_in_the_signature() -> None:
    model = parse(
        "g (float[batch,3,h] x) => (float[batch,h,3] y) { y = Transpose <perm=[0,2,1]>(x) }"
    )
    found = fixed_to(model, {"x": normal(2, 3, 5)})
    assert dims_of(found.graph.input[0]) == [2, 3, 5]
    assert dims_of(found.graph.output[0]) == [2, 5, 3]
    found = specialized(model, dims={"batch": 2})
    assert dims_of(found.graph.input[0]) == [2, 3, "h"]
    assert dims_of(found.graph.output[0]) == [2, "h", 3]


def test_a_tied_embedding_is_not_stored_twice() -> None:
    model = parse(
        "g (int64[batch,seq] ids) => (float[batch,seq,vocab] y) {"
        " e = Gather (table, ids) \n t = Transpose <perm = [1, 0]> (table) \n y = MatMul (e, t) }"
    )
    table = normal(3000, 16)
    model.graph.initializer.append(numpy_helper.from_array(table, "table"))
    found = fixed_to(model, {"ids": RNG.integers(0, 3000, (2, 5))})
    assert found.ByteSize() < 1.1 * table.nbytes
    grown = fixed_to(model, {"ids": RNG.integers(0, 3000, (2, 5))}, max_growth=1 << 30)
    assert not operators(grown)["Transpose"]


def test_a_transposed_weight_of_its_own_is_stored_transposed() -> None:
    model = parse(
        "g (float[batch,16] x) => (float[batch,n] y) {"
        " t = Transpose <perm = [1, 0]> (w) \n y = MatMul (x, t) }"
    )
    weight = normal(3000, 16)
    model.graph.initializer.append(numpy_helper.from_array(weight, "w"))
    found = fixed_to(model, {"x": normal(2, 16)})
    assert operators(found) == {"MatMul": 1}
    assert found.ByteSize() < 1.1 * weight.nbytes


DECODER = """g (float[batch,seq,4] x, float[batch,past,4] past_keys)
        => (float[batch,seq,4] y, float[batch,total,4] keys, bool[seq,total] mask) {
    keys = Concat <axis = 1> (past_keys, x)
    turned = Transpose <perm = [0, 2, 1]> (keys)
    scores = MatMul (x, turned)
    weights = Softmax <axis = -1> (scores)
    y = MatMul (weights, keys)
    shape = Shape (keys)
    one = Constant <value_int = 1> ()
    zero = Constant <value_int = 0> ()
    total = Gather (shape, one)
    past_shape = Shape (past_keys)
    past = Gather (past_shape, one)
    places = Range (zero, total, one)
    mine = Range (past, total, one)
    axis = Constant <value_ints = [1]> ()
    column = Unsqueeze (mine, axis)
    mask = LessOrEqual (places, column)
}"""


@pytest.mark.parametrize("past", [0, 1, 7])
def test_a_decoder_without_a_past(past: int) -> None:
    found = fixed_to(parse(DECODER), {"x": normal(2, 3, 4), "past_keys": normal(2, past, 4)})
    assert dims_of(found.graph.input[1]) == [2, past, 4]
    assert dims_of(found.graph.output[1]) == [2, past + 3, 4]
    assert not operators(found).keys() & {"Shape", "Range", "Gather", "LessOrEqual"}


BAKED = "g (float[batch,4,6] x) => (float[batch,5] y) { f = Reshape (x, to) \n y = Gemm (f, w) }"


def baked(*to: int) -> onnx.ModelProto:
    """A model that was traced at batch 1, with its sizes in a Reshape."""
    model = parse(BAKED)
    model.graph.node[0].name, model.graph.node[1].name = "flatten", "head"
    model.graph.initializer.append(numpy_helper.from_array(np.array(to), "to"))
    model.graph.initializer.append(numpy_helper.from_array(normal(24, 5), "w"))
    return model


def test_a_batch_of_one_in_a_reshape_is_named() -> None:
    fixed_to(baked(1, 24), {"x": normal(1, 4, 6)})
    with pytest.raises(pot.PyonnxtoolError, match="flatten") as refused:
        specialized(baked(1, 24), dims={"batch": 2})
    assert "batch" in str(refused.value)


def test_a_batch_of_one_is_named_by_the_node_that_it_meets() -> None:
    fixed_to(baked(1, -1), {"x": normal(1, 4, 6)})
    with pytest.raises(pot.PyonnxtoolError, match="head") as refused:
        specialized(baked(1, -1), dims={"batch": 2})
    assert "24" in str(refused.value)
    assert "48" in str(refused.value)


def test_a_size_that_is_named_dynamic_and_is_not() -> None:
    model = parse("g (float[batch,h] x) => (float[batch,h] y) { y = Add (x, offsets) }")
    model.graph.node[0].name = "add_offsets"
    model.graph.initializer.append(numpy_helper.from_array(normal(224), "offsets"))
    fixed_to(model, {"x": normal(2, 224)})
    with pytest.raises(pot.PyonnxtoolError, match="add_offsets") as refused:
        specialized(model, dims={"batch": 1, "h": 225})
    assert "225" in str(refused.value)
    assert "224" in str(refused.value)


def test_shapes_go_on_behind_the_operators_of_onnxruntime() -> None:
    model = parse(
        "g (float[batch,seq,8] x) => (float[rows,cols] y) {"
        " n = com.microsoft.SkipLayerNormalization <epsilon = 0.00001> (x, x, gamma)"
        "\n g1 = com.microsoft.Gelu (n) \n b = com.microsoft.BiasGelu (g1, gamma)"
        "\n f = com.microsoft.FusedMatMul <transB = 1> (b, b) \n s = Shape (f)"
        "\n first = Slice (s, zero, two) \n rows = ReduceProd <keepdims = 1> (first)"
        "\n to = Concat <axis = 0> (rows, minus) \n y = Reshape (f, to) }"
    )
    model.graph.initializer.extend(
        numpy_helper.from_array(data, name)
        for name, data in {
            "gamma": normal(8),
            "zero": np.array([0]),
            "two": np.array([2]),
            "minus": np.array([-1]),
        }.items()
    )
    found = fixed_to(model, {"x": normal(2, 3, 8)})
    assert dims_of(found.graph.output[0]) == [6, 3]
    assert not operators(found).keys() & {"Shape", "Slice", "ReduceProd", "Concat"}


RESIZING = """g (float[batch,3,h,w] x) => (float[batch,3,p,q] y) {
    shape = Shape (x)
    i2 = Constant <value_int = 2> ()
    i3 = Constant <value_int = 3> ()
    height = Gather (shape, i2)
    width = Gather (shape, i3)
    h2 = Div (height, i2)
    w2 = Div (width, i2)
    zero = Constant <value_ints = [0]> ()
    h1 = Unsqueeze (h2, zero)
    w1 = Unsqueeze (w2, zero)
    i0 = Constant <value_int = 0> ()
    batch = Gather (shape, i0)
    batch1 = Unsqueeze (batch, zero)
    three = Constant <value_ints = [3]> ()
    to = Concat <axis = 0> (batch1, three, h1, w1)
    small = AveragePool <kernel_shape = [2, 2], strides = [2, 2]> (x)
    y = Reshape (small, to)
}"""


def test_only_the_batch_bound_never_makes_a_model_larger() -> None:
    model = parse(RESIZING)
    found = specialized(model, dims={"batch": 2})
    before, after = len(model.graph.node), len(found.graph.node)
    assert after < before
    feeds = [{"x": normal(2, 3, height, width)} for height, width in [(4, 6), (8, 8), (5, 7)]]
    assert_same(run(model, feeds), run(found, feeds))
    # The average pool has that shape already, whatever the sizes are.
    assert operators(found) == {"AveragePool": 1}
    assert dims_of(found.graph.output[0]) == [2, 3, "h//2", "w//2"]


def test_only_the_batch_bound_gives_a_reshape_its_target() -> None:
    model = parse(
        "g (float[batch,seq,12] x) => (float[batch,4,seq,3] y) { s = Shape (x)"
        "\n bs = Slice (s, zero, two) \n to = Concat <axis = 0> (bs, heads)"
        "\n r = Reshape (x, to) \n y = Transpose <perm = [0, 2, 1, 3]> (r) }"
    )
    model.graph.initializer.extend(
        numpy_helper.from_array(np.array(data), name)
        for name, data in {"zero": [0], "two": [2], "heads": [4, 3]}.items()
    )
    found = specialized(model, dims={"batch": 2})
    assert operators(found) == {"Reshape": 1, "Transpose": 1}
    feeds = [{"x": normal(2, seq, 12)} for seq in (1, 5)]
    assert_same(run(model, feeds), run(found, feeds))
    # Nothing bound at all: two sizes of four are open, and a Reshape can leave only one to -1.
    one, two = specialized(model, {"x": ["b", "s", 12]}), {"x": normal(3, 5, 12)}
    assert_same(run(model, [two]), run(one, [two]))


def test_a_chain_of_bindings_ends_where_one_does() -> None:
    model = parse(DECODER)
    steps = [{"batch": 2}, {"seq": 3}, {"past": 4}]
    for step in steps:
        model = specialized(model, dims=step)
    at_once = specialized(parse(DECODER), dims={"batch": 2, "seq": 3, "past": 4})
    assert operators(model) == operators(at_once)


def test_a_deep_chain_of_shape_arithmetic_is_quick() -> None:
    """Expressions that double at each step would never end."""
    nodes = [helper.make_node("Shape", ["x"], ["v0"])]
    values = [f"v{at}" for at in range(200)]
    nodes += [helper.make_node("Add", [a, a], [b]) for a, b in pairwise(values)]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [info("x", TensorProto.FLOAT, ["n", "m"])],
        [info(values[-1], TensorProto.INT64, [2])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    found = specialized(model, {"x": ["n", 0]})
    assert len(found.graph.node) <= len(nodes)
    assert_same(run(model, [{"x": normal(1, 0)}]), run(found, [{"x": normal(1, 0)}]))


def test_items_of_a_sequence_have_sizes_of_their_own() -> None:
    model = parse(
        "g (seq(float[n]) items, float[b] x) => (float[k] y, float[b] z) {"
        " first = SequenceAt (items, i0) \n second = SequenceAt (items, i1)"
        "\n shape = Shape (second) \n y = Expand (first, shape) \n z = Relu (x) }"
    )
    model.graph.initializer.extend(numpy_helper.from_array(np.array(at), f"i{at}") for at in (0, 1))
    found = specialized(model, dims={"b": 3})
    feed = {"items": [normal(1), normal(5)], "x": normal(3)}
    assert_same(run(model, [feed]), run(found, [feed]))


def test_a_reshape_of_a_single_element_makes_its_axes() -> None:
    """A stretch of scalars between two Reshapes has no more axes than the scalars had."""
    model = parse(
        "g (float[n] x) => (float[a,b,c] y) { s = ReduceSum <keepdims = 1> (x)"
        "\n r = Sqrt (s) \n y = Reshape (r, to) }"
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, 1, 1]), "to"))
    fixed_to(model, {"x": np.abs(normal(1))})
    fixed_to(model, {"x": np.abs(normal(4))})


def test_a_chain_of_masks_that_fold_away() -> None:
    """Adding zeros to scores goes; a reader that has gone meanwhile is none."""
    model = parse(
        "g (float[batch,n] x) => (float[batch,n] y) { a = Add (x, zero) \n b = Add (a, zero)"
        "\n c = Add (b, zero) \n d = Identity (c) \n e = Add (d, zero) \n y = Softmax (e) }"
    )
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.float32), "zero"))
    assert operators(fixed_to(model, {"x": normal(2, 3)})) == {"Softmax": 1}


def test_sizes_are_written_for_those_who_cannot_infer_them() -> None:
    """onnx infers nothing behind an operator of another domain; the file says it."""
    model = parse(
        "g (float[batch,8] x) => (float[batch,8] y) {"
        " a = com.microsoft.QuickGelu (x) \n b = Relu (a) \n y = com.microsoft.Gelu (b) }"
    )
    found = fixed_to(model, {"x": normal(2, 8)})
    assert {info.name: dims_of(info) for info in found.graph.value_info} == {
        "a": [2, 8],
        "b": [2, 8],
    }


@pytest.mark.parametrize("end", ["input", "output"])
def test_an_end_without_a_name_is_refused(end: str) -> None:
    model = parse("g (float[n] x) => (float[n] y) { y = Relu (x) }")
    getattr(model.graph, end)[0].name = ""
    with pytest.raises(pot.ModelError, match=f"an {end} has no name"):
        _core.specialize(pot.from_proto(model))


def test_two_weights_of_one_name_are_not_shared_away() -> None:
    # onnxruntime takes the latest; found by the fuzzer.
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(np.float32([1, 2, 3]), "w") for _ in range(2)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    made = pot.specialize(model, dims={"n": 2})
    assert made.model.verify() == []
    x = normal(2, 3)
    ((y,),) = run(pot.to_proto(made.model), [{"x": x}])
    np.testing.assert_array_equal(y, x + np.float32([1, 2, 3]))
