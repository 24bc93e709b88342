"""Reductions, sizes and splits below their opset give the same numbers."""

from __future__ import annotations

import itertools

import numpy as np
import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool.downgrade.adapters._size_expressions import is_positive, is_zero_only_with
from support.downgraded import check, lowered, refusal, run_ort, source

REDUCTIONS = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"]


@pytest.mark.parametrize("op", REDUCTIONS)
def test_reductions_over_each_set_of_axes(op: str) -> None:
    x = np.abs(np.random.default_rng(0).standard_normal((2, 3, 4))).astype(np.float32) + 1
    for count in range(4):
        for axes in itertools.combinations((0, -2, 2), count):
            for noop, keep in ((0, 1), (1, 0)):
                told = f"noop_with_empty_axes = {noop}, keepdims = {keep}"
                listed = ", ".join(map(str, axes))
                rank = 3 if keep else 3 - (count or (0 if noop else 3))
                sizes = ",".join(f"d{at}" for at in range(rank))
                shape = f"[{sizes}]" if rank else ""
                text = (
                    f"g (float[2,n,4] x) => (float{shape} y) <int64[{count}] a = {{{listed}}}>"
                    f"{{ y = Reduce{op} <{told}> (x, a) }}"
                )
                for to in (17, 10):
                    check(source(text, 26), to, {"x": x}, ulp=4)


@pytest.mark.parametrize("op", ["LogSumExp", "Max", "Sum", "L2"])
@pytest.mark.parametrize("noop", [0, 1])
@pytest.mark.parametrize("keep", [0, 1])
def test_reductions_over_axes_that_are_computed(op: str, noop: int, keep: int) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    for axes in ([1], [-1, 0], [2, 0, -2], []):
        count = len(axes)
        rank = 3 if keep else 3 - (count or (0 if noop else 3))
        shape = "[" + ",".join(f"d{at}" for at in range(rank)) + "]" if rank else ""
        text = (
            f"g (float[2,n,4] x, int64[{count}] a) => (float{shape} y)"
            f"{{ y = Reduce{op} <noop_with_empty_axes = {noop}, keepdims = {keep}> (x, a) }}"
        )
        for to in (17, 9):
            feeds = {"x": x, "a": np.array(axes, np.int64)}
            check(source(text, 26), to, feeds, ulp=4)


@pytest.mark.parametrize("op", ["L1", "L2", "LogSumExp", "SumSquare", "Max"])
def test_integers_reduced_over_no_axes(op: str) -> None:
    text = f"g (int32[3] x) => (int32[3] y) {{ y = Reduce{op} <noop_with_empty_axes = 1> (x) }}"
    x = np.array([3, -7, 2**30] if op != "LogSumExp" else [1, 2, 3], np.int32)
    for to in (17, 10):
        check(source(text, 26), to, {"x": x})


def test_computed_axes_of_an_empty_tensor() -> None:
    text = "g (float[a,b,c] x, int64[1] i) => (float[p,q,r] y) { y = ReduceSum (x, i) }"
    for shape in ((2, 0, 3), (0, 2, 3), (2, 3, 0)):
        for axis in (0, 1, 2):
            feeds = {"x": np.zeros(shape, np.float32), "i": np.array([axis], np.int64)}
            for to in (12, 9):
                check(source(text, 26), to, feeds)


@pytest.mark.parametrize("op", ["ReduceMax", "ReduceMin"])
def test_bools_are_reduced_also_when_there_are_none(op: str) -> None:
    text = (
        f"g (bool[2,n] x) => (bool[2] y) <int64[1] a = {{1}}> {{ y = {op} <keepdims = 0> (x, a) }}"
    )
    for x in (np.array([[1, 0], [0, 0]], bool), np.array([[1, 1], [0, 1]], bool)):
        for to in (19, 17, 12, 11, 9):
            check(source(text, 26), to, {"x": x})
    for to in (19, 17, 12, 11, 9):
        check(source(text, 26), to, {"x": np.zeros((2, 0), bool)})


@pytest.mark.parametrize("op", ["ReduceMax", "ReduceMin"])
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_bytes_are_reduced_also_when_there_are_none(op: str, dtype: str) -> None:
    text = f"g ({dtype}[n] x) => ({dtype}[1] y) {{ y = {op} (x) }}"
    for values in ([3, 120, 7], []):
        check(source(text, 24), 11, {"x": np.array(values, dtype)})


@pytest.mark.parametrize("op", ["Squeeze", "Unsqueeze"])
@pytest.mark.parametrize("axes", [[0], [-1], [2, 0], [0, -1]])
@pytest.mark.parametrize("known", [True, False])
def test_axes_of_one_element(op: str, axes: list[int], known: bool) -> None:
    rank = 3 - len(axes) if op == "Squeeze" else 3 + len(axes)
    count, sizes = len(axes), ",".join(f"d{at}" for at in range(rank))
    given = f"<int64[{count}] a = {{{', '.join(map(str, axes))}}}>" if known else ""
    inputs = "" if known else f", int64[{count}] a"
    text = f"g (float[1,n,1] x{inputs}) => (float[{sizes}] y) {given} {{ y = {op} (x, a) }}"
    for size in (3, 0):
        feeds = {"x": np.ones((1, size, 1), np.float32)}
        feeds |= {} if known else {"a": np.array(axes, np.int64)}
        for to in (12, 10, 9):
            check(source(text, 24), to, feeds)


@pytest.mark.parametrize("size", [0, 1, 5, 6, 7])
@pytest.mark.parametrize("open_size", [True, False])
def test_parts_that_are_not_equal(size: int, open_size: bool) -> None:
    text = (
        f"g (float[2,{'n' if open_size else size}] x) => (float[2,a] p, float[2,b] q, float[2,c] r)"
        "{ p, q, r = Split <axis = -1, num_outputs = 3> (x) }"
    )
    if size == 1:
        return  # 1 + 1 + -1: onnxruntime runs no such node
    x = np.arange(2 * size, dtype=np.float32).reshape(2, size)
    for to in (17, 12, 9):
        check(source(text, 18), to, {"x": x})


def test_parts_of_sizes_that_are_computed() -> None:
    text = "g (int64[n,7] x, int64[3] s) => (int64[n,a] p, int64[n,b] q, int64[n,c] r)"
    text += "{ p, q, r = Split <axis = 1> (x, s) }"
    for sizes in ([1, 2, 4], [0, 7, 0]):
        feeds = {"x": np.arange(14).reshape(2, 7), "s": np.array(sizes, np.int64)}
        for to in (12, 9):
            check(source(text, 17), to, feeds)


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax", "Hardmax"])
@pytest.mark.parametrize("shape", ["2,3,4", "n,3,m", "2,3,1", "2,1,1"])
def test_softmax_over_each_axis(op: str, shape: str) -> None:
    for axis in (-3, -2, -1, 0, 1, 2):
        text = f"g (float[{shape}] x) => (float[{shape}] y) {{ y = {op} <axis = {axis}> (x) }}"
        for to in (12, 10, 7):
            check(source(text, 24), to, ulp=4)


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
def test_softmax_without_a_rank(op: str) -> None:
    text = f"g (float[] x) => (float[] y) {{ y = {op} <axis = 1> (x) }}"
    model = onnx.parser.parse_model(source(text, 13))
    made = pot.to_proto(pot.opset(pot.from_proto(model), to=12).model)
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    np.testing.assert_allclose(*(run_ort(one, {"x": x})[0] for one in (model, made)), rtol=1e-6)


@pytest.mark.parametrize("start", [None, -4, -1, 0, 1, 5])
@pytest.mark.parametrize("end", [None, -4, -1, 0, 2, 5])
def test_parts_of_shapes(start: int | None, end: int | None) -> None:
    given = {"start": start, "end": end}
    told = ", ".join(f"{name} = {at}" for name, at in given.items() if at is not None)
    text = f"g (float[n,2,m] x) => (int64[k] y) {{ y = Shape {f'<{told}>' if told else ''} (x) }}"
    for to in (14, 9):
        check(source(text, 24), to)


def test_a_zero_is_a_size() -> None:
    text = "g (float[a,b] x, int64[3] s) => (float[p,q,r] y) { y = Reshape <allowzero = 1> (x, s) }"
    for shape, to_shape in (((2, 6), (3, 2, 2)), ((0, 3), (4, 0, 5)), ((2, 0), (0, 2, 0))):
        feeds = {"x": np.ones(shape, np.float32), "s": np.array(to_shape, np.int64)}
        for to in (13, 9):
            check(source(text, 24), to, feeds)
    for to_shape in ((0, 3, 2), (3, 0, 5)):
        listed = ", ".join(map(str, to_shape))
        known = f"g (float[a,3] x) => (float[p,q,r] y) <int64[3] s = {{{listed}}}>"
        known += "{ y = Reshape <allowzero = 1> (x, s) }"
        check(source(known, 24), 13, {"x": np.ones((0, 3), np.float32)})


def test_sizes_that_stay_in_place_need_no_care() -> None:
    text = "g (float[b,s,6] x) => (float[b,s,2,3] y) <int64[2] o = {2, 3}, int64[1] z = {2}>"
    text += "{ t = Shape <end = 2> (x) u = Concat <axis = 0> (t, o)"
    text += " y = Reshape <allowzero = 1> (x, u) }"
    made = check(source(text, 24), 13)
    assert [node.op_type for node in made.graph.node].count("Reshape") == 1


def test_sizes_that_were_joined_are_parted_by_one_open_size() -> None:
    text = "g (float[b,s,4] x) => (float[b,s,4] y) <int64[2] j = {-1, 4}> {"
    text += " f = Reshape (x, j) t = Shape (x) y = Reshape <allowzero = 1> (f, t) }"
    for shape in ((2, 3, 4), (2, 0, 4)):
        made = check(source(text, 24), 13, {"x": np.ones(shape, np.float32)})
        assert [node.op_type for node in made.graph.node].count("Reshape") == 2


@pytest.mark.parametrize(
    ("size", "positive"),
    [
        *[(3, True), (0, False), (None, False), ("n", False), ("n + 1", True), ("2*n", False)],
        *[("max(1, n//2)", True), ("min(1, n)", False), ("(max(1, n) + 1)//2", True)],
        *[("n - 1", False), ("max(3, n)//4", False), ("a name", False), ("(n + 1)*3", True)],
    ],
)
def test_sizes_that_are_never_0(size: int | str | None, positive: bool) -> None:
    assert is_positive(size) is positive


@pytest.mark.parametrize(
    ("size", "other", "only"),
    [
        *[("n", "n", True), ("n", "n*m", True), ("n*m", "n", False), ("2*n", "n", True)],
        *[("n", None, False), (None, None, False), ("n", 3, False), ("n//2", "n", False)],
        *[("max(1, n)*m", "m", True), ("2", "n", True)],
    ],
)
def test_sizes_that_are_0_only_with_others(
    size: str | None, other: str | int | None, only: bool
) -> None:
    assert is_zero_only_with(size, other) is only


@pytest.mark.parametrize("training", [True, False])
def test_dropout_that_drops_nothing(training: bool) -> None:
    text = "g (float[n] x, float r, bool t) => (float[n] y, bool[n] m) { y, m = Dropout (x, r, t) }"
    x = np.random.default_rng(0).standard_normal(5).astype(np.float32)
    ratio = np.array(0.0 if training else 0.5, np.float32)
    for to in (11, 9):
        check(source(text, 24), to, {"x": x, "r": ratio, "t": np.array(training)})


def test_dropout_that_trains_drops_as_often_as_it_should() -> None:
    text = "g (float[n] x) => (float[n] y, bool[n] m) <float r = {0.25}, bool t = {1}>"
    made = lowered(source(text + "{ y, m = Dropout <seed = 1> (x, r, t) }", 24), 11)
    given, kept = run_ort(made, {"x": np.ones(10000, np.float32)})
    assert 0.72 < kept.mean() < 0.78
    np.testing.assert_allclose(given, np.where(kept, 1 / 0.75, 0), rtol=1e-6)


@pytest.mark.parametrize("kind", ["int = 3", "float = 0.5", "ints = [1, -2]", "floats = [1.5]"])
def test_constants(kind: str) -> None:
    dtype = "int64" if "int" in kind else "float"
    shape = "" if "s =" not in kind else "[n]"
    text = f"g () => ({dtype}{shape} y) {{ y = Constant <value_{kind}> () }}"
    for to in (11, 9, 8):
        check(source(text, 24), to)


@pytest.mark.parametrize("places", [[[0, 1], [1, 2]], [1, 5]])
def test_sparse_constants(places: list[list[int]]) -> None:
    sparse = onnx.helper.make_sparse_tensor(
        onnx.numpy_helper.from_array(np.array([1.5, -2], np.float32), "v"),
        onnx.numpy_helper.from_array(np.array(places, np.int64)),
        [2, 3],
    )
    node = onnx.helper.make_node("Constant", [], ["y"], sparse_value=sparse)
    output = onnx.helper.make_tensor_value_info("y", 1, [2, 3])
    graph = onnx.helper.make_graph([node], "g", [], [output])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 11)])
    (y,) = run_ort(lowered(model, 10), {})
    np.testing.assert_array_equal(y, np.array([[0, 1.5, 0], [0, 0, -2]], np.float32))


def test_axes_outside_of_the_rank_are_refused() -> None:
    text = "g (float[2] x) => (float[2] y) { y = Softmax <axis = 3> (x) }"
    assert "axis 3 is outside of rank 1" in refusal(source(text, 13), 12)
