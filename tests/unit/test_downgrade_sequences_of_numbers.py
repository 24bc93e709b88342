"""Slices, running sums, ranges and the largest elements below their opset."""

from __future__ import annotations

import numpy as np
import pytest

from support.downgraded import check, source

INT_MAX, INT_MIN = 2**63 - 1, -(2**63)


def slices(seed: int) -> tuple[list[int], list[int], list[int], list[int]]:
    """Starts, ends, axes and steps for a tensor of rank 3, far and negative ones too."""
    rng = np.random.default_rng(seed)
    axes = rng.permutation(3)[: rng.integers(1, 4)]
    steps = rng.choice([1, 1, 2, 3, -1, -2], len(axes))
    starts, ends = rng.integers(-6, 7, (2, len(axes)))
    far = np.where(steps > 0, INT_MAX, INT_MIN)
    ends = np.where(rng.random(len(axes)) < 0.3, far, ends)
    axes = np.where(rng.random(len(axes)) < 0.4, axes - 3, axes)
    return starts.tolist(), ends.tolist(), axes.tolist(), steps.tolist()


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("shape", ["4,3,5", "a,b,c"])
def test_slices(known: bool, shape: str) -> None:
    for seed in range(20):
        given = dict(zip("seap", slices(seed), strict=True))
        count = len(given["s"])
        lists = {name: ", ".join(map(str, each)) for name, each in given.items()}
        made = ", ".join(f"int64[{count}] {name} = {{{each}}}" for name, each in lists.items())
        inputs = "".join(f", int64[{count}] {name}" for name in given)
        text = f"g (float[{shape}] x{'' if known else inputs}) => (float[p,q,r] y)"
        text += f" {f'<{made}>' if known else ''} {{ y = Slice (x, s, e, a, p) }}"
        feeds = {"x": np.random.default_rng(seed).standard_normal((4, 3, 5)).astype(np.float32)}
        feeds |= {} if known else {name: np.array(each, np.int64) for name, each in given.items()}
        for to in (10, 9):
            check(source(text, 13), to, feeds)


def test_bounds_far_beyond_both_ends_do_not_overflow() -> None:
    text = "g (float[n] x, int64[1] s, int64[1] e, int64[1] p) => (float[m] y) <int64[1] a = {0}>"
    x = np.arange(4, dtype=np.float32)
    for start, end, step in ((INT_MAX, INT_MIN, 1), (INT_MIN, INT_MAX, 2), (INT_MAX, INT_MIN, -1)):
        feeds = {name: np.array([one]) for name, one in zip("sep", (start, end, step), strict=True)}
        for to in (10, 9):
            check(source(text + "{ y = Slice (x, s, e, a, p) }", 13), to, feeds | {"x": x})


def test_a_slice_up_to_the_size_of_another_value() -> None:
    text = "g (float[1,8] x, float[n] z) => (float[1,m] y) <int64[1] s = {0}, int64[1] a = {1}>"
    made = check(source(text + "{ e = Shape (z) y = Slice (x, s, e, a) }", 13), 9)
    ops = [node.op_type for node in made.graph.node]
    assert "Add" not in ops  # a size does not count from the end


def test_a_slice_of_everything_goes() -> None:
    text = "g (float[n,8] x) => (float[m,8] y) <int64[1] s = {0}, int64[1] a = {0}>"
    text += "{ t = Shape <end = 1> (x) z = Slice (x, s, t, a) y = Neg (z) }"
    made = check(source(text, 24), 9)
    assert [node.op_type for node in made.graph.node] == ["Neg"]


@pytest.mark.parametrize("dtype", ["float", "double", "int32", "int64"])
@pytest.mark.parametrize("op", ["CumSum", "CumProd"])
def test_running_sums_and_products(op: str, dtype: str) -> None:
    for shape in ("3,4", "n,m"):
        for exclusive, reverse, axis in ((0, 0, 0), (1, 0, 1), (0, 1, -1), (1, 1, -2)):
            told = f"exclusive = {exclusive}, reverse = {reverse}"
            text = f"g ({dtype}[{shape}] x) => ({dtype}[{shape}] y) <int64 a = {{{axis}}}>"
            text += f"{{ y = {op} <{told}> (x, a) }}"
            kind = {"float": np.float32, "double": np.float64}.get(dtype, dtype)
            x = np.random.default_rng(0).integers(-5, 6, (3, 4)).astype(kind)
            for to in (17, 10, 9):
                check(source(text, 26), to, {"x": x})


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_running_sums_wrap(dtype: str) -> None:
    limits = np.iinfo(dtype)
    x = np.array([limits.max, limits.max, 3, limits.min, -1], dtype)
    for shape in ("5", "n"):
        text = f"g ({dtype}[{shape}] x) => ({dtype}[{shape}] y) <int64 a = {{0}}>"
        check(source(text + "{ y = CumSum (x, a) }", 26), 10, {"x": x})


def test_running_sums_keep_infinities_where_they_are() -> None:
    x = np.array([1, np.inf, 2, -np.inf, np.nan], np.float32)
    for shape in ("5", "n"):
        text = f"g (float[{shape}] x) => (float[{shape}] y) <int64 a = {{0}}>"
        check(source(text + "{ y = CumSum (x, a) }", 26), 10, {"x": x})


@pytest.mark.parametrize("axis", [0, -1, 1])
def test_running_sums_over_an_axis_that_is_computed(axis: int) -> None:
    text = "g (float[n,3,m] x, int32 a) => (float[n,3,m] y) { y = CumSum (x, a) }"
    for shape in ((2, 3, 4), (0, 3, 2)):
        x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        for to in (10, 9):
            check(source(text, 26), to, {"x": x, "a": np.array(axis, np.int32)})


@pytest.mark.parametrize("dtype", ["int16", "int32", "int64", "float", "double"])
@pytest.mark.parametrize("known", [True, False])
def test_ranges(dtype: str, known: bool) -> None:
    kind = {"float": np.float32, "double": np.float64}.get(dtype, dtype)
    for bounds in ((0, 5, 1), (5, 0, -1), (3, 12, 4), (12, 3, -4), (3, 3, 1), (4, 3, 1)):
        names = dict(zip("abc", bounds, strict=True))
        if known:
            made = ", ".join(f"{dtype} {name} = {{{one}}}" for name, one in names.items())
            text = f"g () => ({dtype}[n] y) <{made}> {{ y = Range (a, b, c) }}"
            feeds = {}
        else:
            inputs = ", ".join(f"{dtype} {name}" for name in names)
            text = f"g ({inputs}) => ({dtype}[n] y) {{ y = Range (a, b, c) }}"
            feeds = {name: np.array(one, kind) for name, one in names.items()}
        for to in (10, 9):
            check(source(text, 26), to, feeds)


def test_ranges_of_halves() -> None:
    text = "g (float16 a, float16 b, float16 c) => (float16[n] y) { y = Range (a, b, c) }"
    feeds = {
        name: np.array(one, np.float16) for name, one in zip("abc", (1, 2.5, 0.5), strict=True)
    }
    for to in (26, 17, 10):
        check(source(text, 27), to, feeds)


@pytest.mark.parametrize("dtype", ["float", "int32", "int64", "uint8", "uint64"])
@pytest.mark.parametrize("largest", [0, 1])
def test_the_largest(dtype: str, largest: int) -> None:
    rng = np.random.default_rng(0)
    kind = {"float": np.float32}.get(dtype, dtype)
    x = rng.integers(0, 4, (3, 5, 2)).astype(kind)
    if dtype in ("int64", "uint64"):
        x[0] = np.iinfo(kind).max - x[0]
    for axis, count in ((1, 3), (-1, 2), (0, 1), (1, 5)):
        text = (
            f"g ({dtype}[3,5,2] x) => ({dtype}[a,b,c] v, int64[a,b,c] i) <int64[1] k = {{{count}}}>"
        )
        text += f"{{ v, i = TopK <axis = {axis}, largest = {largest}> (x, k) }}"
        for to in (10, 9):
            check(source(text, 23), to, {"x": x})


@pytest.mark.parametrize("count", [0, 2, 5])
def test_as_many_of_the_largest_as_the_model_computes(count: int) -> None:
    for dtype in ("float", "int64"):
        text = f"g ({dtype}[2,5] x, int64[1] k) => ({dtype}[2,n] v, int64[2,n] i)"
        text += "{ v, i = TopK (x, k) }"
        x = np.array([[3, 1, 3, 2, 0], [5, 5, 1, 1, 5]]).astype(np.int64)
        feeds = {"x": x.astype(np.float32) if dtype == "float" else x}
        for to in (10, 9):
            check(source(text, 23), to, feeds | {"k": np.array([count], np.int64)})


@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("shape", ["3,4", "n,m"])
def test_the_last_of_equals(op: str, shape: str) -> None:
    x = np.array([[1, 3, 3, 1], [0, 0, 0, 0], [2, 1, 1, 2]], np.float32)
    for axis, keep in ((0, 1), (1, 0), (-1, 1)):
        sizes = "p,q" if keep else "p"
        told = f"axis = {axis}, keepdims = {keep}, select_last_index = 1"
        text = f"g (float[{shape}] x) => (int64[{sizes}] y) {{ y = {op} <{told}> (x) }}"
        for to in (11, 10, 9):
            check(source(text, 24), to, {"x": x})


@pytest.mark.parametrize("upper", [0, 1])
@pytest.mark.parametrize("shape", ["2,3,4", "2,n,m"])
def test_triangles(upper: int, shape: str) -> None:
    x = np.full((2, 3, 4), np.inf, np.float32)
    for shift in (-5, -1, 0, 2, 5):
        text = f"g (float[{shape}] x) => (float[{shape}] y) <int64 k = {{{shift}}}>"
        text += f"{{ y = Trilu <upper = {upper}> (x, k) }}"
        run_time = f"g (float[{shape}] x, int64 k) => (float[{shape}] y)"
        run_time += f"{{ y = Trilu <upper = {upper}> (x, k) }}"
        for to in (13, 9):
            check(source(text, 24), to, {"x": x})
            check(source(run_time, 24), to, {"x": x, "k": np.array(shift, np.int64)})


@pytest.mark.parametrize("shape", ["1,3", "3", "2,1,3", "1"])
def test_expansions_without_expand(shape: str) -> None:
    for known in (True, False):
        inputs, made = ("", "<int64[3] s = {2, 4, 3}>") if known else (", int64[3] s", "")
        text = f"g (float[{shape}] x{inputs}) => (float[a,b,c] y) {made} {{ y = Expand (x, s) }}"
        x = np.arange(np.prod(sizes := tuple(map(int, shape.split(",")))), dtype=np.float32)
        feeds = {"x": x.reshape(sizes)}
        check(source(text, 24), 7, feeds | ({} if known else {"s": np.array([2, 4, 3], np.int64)}))


def test_a_constant_of_a_body_below_9_is_one_of_the_main_graph() -> None:
    text = """g (int64[2] x, bool c) => (int64[2] y) {
        y = If (c) <then_branch = t () => (int64[2] p) {
            k = Constant <value = int64[2] {1, 2}> () p = Add (x, k)
        }, else_branch = e () => (int64[2] q) { q = Identity (x) }>
    }"""
    feeds = {"x": np.array([5, 6]), "c": np.array(True)}
    check(source(text, 10), 8, feeds)


def test_the_largest_of_many_int64() -> None:
    text = "g (int64[n] x) => (int64[7] v, int64[7] i) <int64[1] k = {7}> { v, i = TopK (x, k) }"
    x = np.random.default_rng(0).integers(INT_MIN, INT_MAX, 5000)
    x[1::2] = x[::2] // 2**32 * 2**32 + np.arange(2500) % 3
    check(source(text, 11), 10, {"x": x})
    check(source(text.replace("[n]", "[5000]"), 11), 9, {"x": x})


def test_slices_that_a_condition_tells_below_9() -> None:
    text = "g (float[4,3] x, bool[n] c) => (float[m,3] y) { y = Compress <axis = 0> (x, c) }"
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    for condition in ([1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1], []):
        check(source(text, 24), 8, {"x": x, "c": np.array(condition, bool)})


def test_a_condition_in_a_body_below_9() -> None:
    text = """g (float[4] x, bool[4] c, bool b) => (float[n] y) {
        y = If (b) <then_branch = t () => (float[n] p) { p = Compress <axis = 0> (x, c) },
                    else_branch = e () => (float[m] q) { q = Neg (x) }>
    }"""
    feeds = {"x": np.arange(4, dtype=np.float32), "c": np.array([1, 0, 1, 1], bool)}
    check(source(text, 11), 8, feeds | {"b": np.array(True)})


def test_a_constant_that_an_edit_makes_in_a_body_goes_down_too() -> None:
    text = """g (float[1,3,3,1] x, int64[1] s, bool b) => (float[n] y) {
        y = If (b) <then_branch = t () => (float[n] p) { p = Reshape <allowzero = 1> (x, s) },
                    else_branch = e () => (float[n] q) { q = Reshape <allowzero = 1> (x, s) }>
    }"""
    feeds = {"x": np.ones((1, 3, 3, 1), np.float32), "s": np.array([9]), "b": np.array(True)}
    for to in (9, 8):
        check(source(text, 20), to, feeds)
