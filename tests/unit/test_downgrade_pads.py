"""Pad, CenterCropPad, Col2Im, DepthToSpace and SpaceToDepth downwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from support.downgraded import check, lowered, run_ort, source
from support.lowered_node import Made, odd_values, one_node, same_below, some_negative

DTYPES = ["float32", "float64", "int64", "int32", "uint8", "int8", "bool"]


def _pad(rng: np.random.Generator, mode: str) -> Made:
    rank = int(rng.integers(1, 4))
    least = 2 if mode == "reflect" else 1
    shape = tuple(int(size) for size in rng.integers(least, 5, rank))
    axes = np.arange(rank)
    if rng.random() < 0.5:
        axes = rng.permutation(rank)[: rng.integers(1, rank + 1)]
    sizes = np.array(shape)[axes]
    most = sizes - 1 if mode == "reflect" else np.full(len(axes), 5)
    pads = np.concatenate([rng.integers(0, most + 1), rng.integers(0, most + 1)])
    if mode == "constant":
        pads -= np.tile(sizes > 2, 2) * rng.integers(0, 2, 2 * len(axes))
    dtype = rng.choice(DTYPES)
    with_axes = len(axes) < rank or rng.random() < 0.5
    operands: dict[str, Any] = {
        "x": odd_values(rng, shape, dtype),
        "p": pads,
        "v": odd_values(rng, (), dtype) if mode == "constant" and rng.random() < 0.6 else None,
        "a": some_negative(rng, axes, rank) if with_axes else None,
    }
    known = [name for name in "pva" if rng.random() < 0.6]
    if with_axes and "a" not in known:  # onnx 1.23 reads constant ones as int64 alone
        operands["a"] = operands["a"].astype(rng.choice(["int32", "int64"]))
    open_sizes = ["x"] if rng.random() < 0.4 else []
    return one_node("Pad", operands, 19, known=known, open_sizes=open_sizes, mode=mode)


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge", "wrap"])
def test_whatever_the_pads(mode: str) -> None:
    rng = np.random.default_rng(19)
    for _ in range(15):
        same_below(_pad(rng, mode), 18, 17, 12, 10, 9)


@pytest.mark.parametrize("target", [18, 10, 9, 7])
def test_a_torus_of_several_turns(target: int) -> None:
    operands = {"x": np.arange(6.0).reshape(2, 3), "p": np.array([5, 0, 1, 7])}
    same_below(one_node("Pad", operands, 19, known=["p"], mode="wrap"), target)


@pytest.mark.parametrize(("opset", "target"), [(18, 17), (17, 12), (12, 10)])
def test_a_torus_that_an_exporter_wrote_too_early(opset: int, target: int) -> None:
    """torch 2.13 writes mode "wrap" at 18, and onnxruntime takes it."""
    operands = {"x": np.arange(6.0).reshape(2, 3), "p": np.array([1, 0, 1, 2])}
    made = one_node("Pad", operands, opset, known=["p"], mode="wrap")
    same_below(made, target, by_reference=True)
    assert {node.op_type for node in lowered(made[0], target).graph.node} == {"Gather"}


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("float32", np.nan),
        ("float32", -np.inf),
        ("float32", -0.0),
        ("float64", 0.1),
        ("float64", 1e300),
        ("int32", 2**24 + 1),
        ("int64", 2**62 + 1),
    ],
)
def test_a_value_that_no_float_attribute_holds(dtype: str, value: float) -> None:
    operands = {
        "x": np.arange(4).astype(dtype),
        "p": np.array([1, 2]),
        "v": np.array(value, dtype),
    }
    model, feeds = one_node("Pad", operands, 13, known=["p", "v"])
    same_below((model, feeds), 10, 9, 7)
    if value == 0:
        made = lowered(model, 10)
        assert np.signbit(made.graph.node[0].attribute[-1].f)


@pytest.mark.parametrize("dtype", ["float32", "int64"])
@pytest.mark.parametrize(("size", "pads"), [(4, [7, 9]), (4, [0, 4]), (1, [2, 2])])
def test_mirrors_of_mirrors(dtype: str, size: int, pads: list[int]) -> None:
    """Nothing of onnxruntime does it: the reference on the one side, places on the other."""
    operands = {"x": np.arange(size).astype(dtype), "p": np.array(pads)}
    made = one_node("Pad", operands, 11, known=["p"], mode="reflect")
    same_below(made, 10, 7, by_reference=True)


def test_pads_of_strings() -> None:
    text = """g (string[2,n] x) => (string[3,m] y) <int64[4] p = {0, 1, 1, 2}, string v = {"-"}> {
        y = Pad (x, p, v)
    }"""
    check(source(text, 13), 12)
    check(source(text, 13), 9)


def test_sizes_that_are_cropped_and_padded() -> None:
    rng = np.random.default_rng(18)
    for _ in range(15):
        shape = tuple(int(size) for size in rng.integers(1, 7, rng.integers(1, 4)))
        axes = rng.permutation(len(shape))[: rng.integers(1, len(shape) + 1)]
        wanted = rng.integers(1, 8, len(axes)).astype(rng.choice(["int32", "int64"]))
        operands = {"x": odd_values(rng, shape, rng.choice(DTYPES)), "s": wanted}
        attributes: dict[str, Any] = {"axes": some_negative(rng, axes, len(shape)).tolist()}
        known, open_sizes = rng.random() < 0.6, rng.random() < 0.5
        made = one_node(
            "CenterCropPad",
            operands,
            18,
            known=["s"] if known else [],
            open_sizes=["x"] if open_sizes else [],
            **attributes,
        )
        same_below(made, 17, 11, 10, 9, by_reference=True)


def _blocks(rng: np.random.Generator, rank: int) -> Made:
    block, count = rng.integers(1, 4, rank), rng.integers(1, 4, rank)
    strides, dilations = rng.integers(1, 4, rank), rng.integers(1, 3, rank)
    pads = rng.integers(0, 2, 2 * rank)
    image = (count - 1) * strides + dilations * (block - 1) + 1
    image += rng.integers(0, strides) - pads[:rank] - pads[rank:]
    if (image < 1).any():
        return _blocks(rng, rank)
    shape = (int(rng.integers(1, 3)), 2 * int(np.prod(block)), int(np.prod(count)))
    operands = {"x": rng.integers(-9, 10, shape).astype(np.float32), "s": image, "b": block}
    return one_node(
        "Col2Im",
        operands,
        18,
        known=["s", "b"] if rng.random() < 0.7 else [],
        open_sizes=["x"] if rng.random() < 0.5 else [],
        strides=strides.tolist(),
        dilations=dilations.tolist(),
        pads=pads.tolist(),
    )


@pytest.mark.parametrize("rank", [2, 3])
def test_blocks_that_overlap_are_summed(rank: int) -> None:
    """Sums of integers, so that no order of them is another number."""
    rng = np.random.default_rng(2)
    for _ in range(10):
        same_below(_blocks(rng, rank), 17, 12, 9, by_reference=rank != 2)


def test_infinities_stay_where_they_lie() -> None:
    x = np.ones((1, 4, 4), np.float32)
    x[0, 0, 0], x[0, 3, 3] = np.inf, np.nan
    operands = {"x": x, "s": np.array([3, 3]), "b": np.array([2, 2])}
    same_below(one_node("Col2Im", operands, 18, known=["s", "b"]), 17, 11, 9)


@pytest.mark.parametrize("open_sizes", [[], ["x"]])
@pytest.mark.parametrize("block", [1, 2, 3])
@pytest.mark.parametrize("mode", ["CRD", "DCR"])
def test_depth_and_space(mode: str, block: int, open_sizes: list[str]) -> None:
    deep = np.arange(2 * 2 * block * block * 6, dtype=np.float32).reshape(2, -1, 2, 3)
    attributes = {"blocksize": block, "mode": mode}
    made = one_node("DepthToSpace", {"x": deep}, 13, open_sizes=open_sizes, **attributes)
    same_below(made, 11, 10, 9)
    wide = np.arange(2 * 2 * block * block * 6, dtype=np.float32).reshape(2, 2, 2 * block, -1)
    made = one_node("SpaceToDepth", {"x": wide}, 28, open_sizes=open_sizes, **attributes)
    same_below(made, 27, 13, 9, by_reference=True)


@pytest.mark.parametrize("dtype", ["int8", "int64", "double", "bool"])
def test_blocks_of_what_runtimes_take_as_no_depth(dtype: str) -> None:
    """onnxruntime runs DepthToSpace of floats alone below opset 11."""
    text = (
        f"g ({dtype}[2,8,N,3] x) => ({dtype}[2,2,?,6] y) {{ y = DepthToSpace <blocksize=2> (x) }}"
    )
    x = (np.arange(2 * 8 * 2 * 3).reshape(2, 8, 2, 3) % 5).astype(dtype)
    (found,) = run_ort(lowered(source(text, 13), 9), {"x": x})
    expected = x.reshape(2, 2, 2, 2, 2, 3).transpose(0, 3, 4, 1, 5, 2).reshape(2, 2, 4, 6)
    np.testing.assert_array_equal(found, expected)
