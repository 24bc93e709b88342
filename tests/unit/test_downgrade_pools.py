"""AveragePool, LpPool and MaxPool at lower opsets: ceil_mode, gaps, padding, indices."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.downgraded import check, lowered, refusal, source

POOLS = ("AveragePool", "LpPool", "MaxPool")


def pool(op: str, attributes: str, sizes: str, opset: int = 22, dtype: str = "float") -> str:
    """A model of one pool; sizes are those of the input."""
    open_sizes = ",".join("?" for _ in sizes.split(","))
    node = f"{op} <{attributes}> (x)"
    return source(f"g ({dtype}[{sizes}] x) => ({dtype}[{open_sizes}] y) {{ y = {node} }}", opset)


def ints(values: list[int]) -> str:
    return "[" + ",".join(map(str, values)) + "]"


def drawn(rng: np.random.Generator, op: str) -> tuple[str, list[int]] | None:
    """Attributes that onnxruntime takes, and spatial sizes; None where they do not go together."""
    rank = int(rng.integers(1, 4))
    kernel = [int(one) for one in rng.integers(1, 4, rank)]
    strides = [int(one) for one in rng.integers(1, 4, rank)]
    dilations = [int(one) for one in rng.integers(1, 3, rank)]
    sizes = [int(one) for one in rng.integers(3, 8, rank)]
    text = f"kernel_shape={ints(kernel)}, strides={ints(strides)}"
    text += f", dilations={ints(dilations)}" if rng.random() < 0.6 else ""
    used = dilations if "dilations" in text else [1] * rank
    extents = [(one - 1) * gap + 1 for one, gap in zip(kernel, used, strict=True)]
    if any(extent > size for extent, size in zip(extents, sizes, strict=True)):
        return None
    text += f", ceil_mode={rng.integers(0, 2)}"
    if rng.random() < 0.6:
        most = [min(one - 1, extent // 2) for one, extent in zip(kernel, extents, strict=True)]
        pads = [int(rng.integers(0, one + 1)) for one in most * 2]
        text += f", pads={ints(pads)}"
    if op == "AveragePool":
        text += f", count_include_pad={rng.integers(0, 2)}"
    if op == "LpPool":
        text += f", p={rng.integers(1, 4)}"
    return text, sizes


@pytest.mark.parametrize("op", POOLS)
def test_any_window_gives_the_same(op: str) -> None:
    rng = np.random.default_rng(POOLS.index(op))
    ulp = {"AveragePool": 24, "LpPool": 24, "MaxPool": 0}[op]  # sums in another order
    for case in range(60):
        found = drawn(rng, op)
        if found is None:
            continue
        attributes, sizes = found
        x = np.abs(rng.standard_normal([2, 3, *sizes])).astype(np.float32)
        target = (21, 17, 11, 9, 8, 7)[case % 6]
        check(pool(op, attributes, f"2,3,{','.join(map(str, sizes))}"), target, {"x": x}, ulp=ulp)


@pytest.mark.parametrize("op", POOLS)
@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_automatic_padding(op: str, auto_pad: str) -> None:
    rng = np.random.default_rng(3)
    for case in range(12):
        kernel = [int(one) for one in rng.integers(1, 4, 2)]
        strides = [int(rng.integers(1, one + 1)) for one in kernel]  # others crash onnxruntime
        text = f'kernel_shape={ints(kernel)}, strides={ints(strides)}, auto_pad="{auto_pad}"'
        text += f", ceil_mode={case % 2}" if auto_pad == "VALID" else ""
        text += f", count_include_pad={case // 2 % 2}" if op == "AveragePool" else ""
        x = np.abs(rng.standard_normal((1, 2, 6, 5))).astype(np.float32)
        check(pool(op, text, "1,2,6,5"), (18, 11, 9, 7)[case % 4], {"x": x}, ulp=24)


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER"])
def test_rounding_up_has_no_effect_on_automatic_padding(auto_pad: str) -> None:
    """The shape rules of older opsets count one window too many where strides skip elements."""
    text = f'kernel_shape=[1], strides=[2], auto_pad="{auto_pad}", ceil_mode=1'
    made = lowered(pool("MaxPool", text, "1,1,4"), 13)
    assert made.graph.output[0].type.tensor_type.shape.dim[2].dim_value in (0, 2)


@pytest.mark.parametrize("op", POOLS)
def test_sizes_that_only_the_run_tells(op: str) -> None:
    """ceil_mode without windows that may start in the padding; gaps where nothing is padded."""
    rng = np.random.default_rng(5)
    forms = [
        "kernel_shape=[3,2], strides=[2,2], ceil_mode=1",
        "kernel_shape=[3,3], strides=[2,1], pads=[1,1,1,1], ceil_mode=1",
        "kernel_shape=[2,3], dilations=[2,1]",
        "kernel_shape=[2,1], dilations=[2,3], strides=[2,1]",
    ]
    for attributes in forms:
        for sizes in ((5, 6), (7, 8), (8, 5)):
            x = np.abs(rng.standard_normal((2, 3, *sizes))).astype(np.float32)
            for target in (21, 17, 9):
                check(pool(op, attributes, "n,3,h,w"), target, {"x": x}, ulp=24)


@pytest.mark.parametrize("op", POOLS)
def test_windows_that_may_start_in_the_padding_of_open_sizes(op: str) -> None:
    attributes = "kernel_shape=[2,3], strides=[3,3], pads=[1,1,1,1], ceil_mode=1"
    for include in (0, 1):
        counted = f", count_include_pad={include}" if op == "AveragePool" else ""
        for size in range(3, 10):
            x = np.abs(np.random.default_rng(size).standard_normal((1, 2, size, 6)))
            text = pool(op, attributes + counted, "n,2,h,6")
            check(text, 21, {"x": x.astype(np.float32)})


@pytest.mark.parametrize("op", POOLS)
@pytest.mark.parametrize("sizes", ["n,c,h,w", "n,3,h,w", "n,c,7,6", "2,3,h,6"])
def test_gaps_and_padding_of_open_sizes(op: str, sizes: str) -> None:
    rng = np.random.default_rng(8)
    for include in (0, 1):
        for more in ("", "ceil_mode=1, "):
            attributes = more + "kernel_shape=[3,2], dilations=[2,2], pads=[1,1,2,0], strides=[2,1]"
            if op == "AveragePool":
                attributes += f", count_include_pad={include}"
            x = np.abs(rng.standard_normal((2, 3, 7, 6))).astype(np.float32)
            for target in (17, 9):
                check(pool(op, attributes, sizes), target, {"x": x}, ulp=24)


def test_gaps_and_padding_of_maxima_in_open_sizes() -> None:
    rng = np.random.default_rng(6)
    attributes = "kernel_shape=[2,3], dilations=[3,2], strides=[2,1], pads=[1,2,0,1]"
    for sizes in ((5, 6), (7, 8)):
        x = rng.standard_normal((1, 2, *sizes)).astype(np.float32)
        check(pool("MaxPool", attributes, "n,c,h,w"), 9, {"x": x})


@pytest.mark.parametrize("target", [11, 9, 8, 7])
def test_where_the_largest_elements_are(target: int) -> None:
    rng = np.random.default_rng(target)
    for case in range(24):
        found = drawn(rng, "MaxPool")
        if found is None:
            continue
        attributes, sizes = found
        attributes += f", storage_order={case % 2}"
        shape = ",".join(map(str, [2, 3, *sizes]))
        rank = ",".join("?" for _ in range(len(sizes) + 2))
        text = f"""g (float[{shape}] x) => (float[{rank}] y, int64[{rank}] i)
            {{ y, i = MaxPool<{attributes}>(x) }}"""
        x = rng.integers(0, 4, (2, 3, *sizes)).astype(np.float32)  # small ones: many are equal
        check(source(text, 22), target, {"x": x})


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_maxima_of_bytes(dtype: str) -> None:
    attributes = "kernel_shape=[2,2], dilations=[1,2], ceil_mode=1, strides=[2,1]"
    x = np.random.default_rng(1).integers(-128, 128, (1, 2, 5, 6)).astype(dtype)
    for target in (12, 11, 9, 7):
        check(pool("MaxPool", attributes, "1,2,5,6", dtype=dtype), target, {"x": x})


@pytest.mark.parametrize("op", ["AveragePool", "LpPool"])
def test_gaps_in_16_bits_are_summed_in_32(op: str) -> None:
    text = pool(op, "kernel_shape=[2], dilations=[2]", "1,2,6", dtype="float16")
    made = lowered(text, 17)
    kinds = {node.op_type for node in made.graph.node}
    assert {"Cast", "Conv"} <= kinds
    check(text, 17, ulp=1)


def test_an_unusable_pool_is_refused() -> None:
    text = pool("AveragePool", "kernel_shape=[2,2], dilations=[2]", "1,2,6,6", opset=19)
    assert "not of one length" in refusal(text, 18)
    text = pool("AveragePool", "kernel_shape=[2,2], dilations=[2,0]", "1,2,6,6", opset=19)
    assert "out of range" in refusal(text, 18)
