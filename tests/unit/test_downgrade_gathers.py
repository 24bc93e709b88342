"""Gather, GatherElements, GatherND, OneHot, Where and what only moves elements, downwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from support.downgraded import check, lowered, source
from support.lowered_node import Made, odd_values, one_node, same_below, some_negative

DTYPES = ["float32", "float64", "int64", "int32", "uint8", "bool"]


def _some(rng: np.random.Generator, *names: str) -> list[str]:
    return [name for name in names if rng.random() < 0.5]


def _gather(rng: np.random.Generator) -> Made:
    shape = tuple(rng.integers(1, 4, rng.integers(1, 4)))
    axis = int(rng.integers(-len(shape), len(shape)))
    count = tuple(rng.integers(1, 4, rng.integers(0, 3)))
    places = some_negative(rng, rng.integers(0, shape[axis], count), shape[axis])
    operands = {
        "x": odd_values(rng, shape, rng.choice(DTYPES)),
        "i": places.astype(rng.choice(["int64", "int32"])),
    }
    return one_node(
        "Gather", operands, 18, known=_some(rng, "i"), open_sizes=_some(rng, "x", "i"), axis=axis
    )


def _gather_elements(rng: np.random.Generator) -> Made:
    shape = tuple(int(n) for n in rng.integers(1, 5, rng.integers(1, 4)))
    axis = int(rng.integers(-len(shape), len(shape)))
    count = [int(rng.integers(1, size + 1)) for size in shape]
    count[axis] = int(rng.integers(1, 5))
    places = some_negative(rng, rng.integers(0, shape[axis], count), shape[axis])
    operands = {
        "x": odd_values(rng, shape, rng.choice(DTYPES)),
        "i": places.astype(rng.choice(["int64", "int32"])),
    }
    known, open_sizes = _some(rng, "i"), _some(rng, "x", "i")
    return one_node("GatherElements", operands, 18, known=known, open_sizes=open_sizes, axis=axis)


def _gather_nd(rng: np.random.Generator) -> Made:
    shape = tuple(int(n) for n in rng.integers(1, 4, rng.integers(2, 5)))
    batch = int(rng.integers(0, len(shape)))
    count = (*shape[:batch], *rng.integers(1, 4, rng.integers(0 if batch else 1, 3)))
    length = int(rng.integers(1, len(shape) - batch + 1))
    sizes = shape[batch : batch + length]
    places = np.stack([rng.integers(0, size, count) for size in sizes], -1)
    operands = {
        "x": odd_values(rng, shape, rng.choice(DTYPES)),
        "i": some_negative(rng, places, sizes),
    }
    known, open_sizes = _some(rng, "i"), _some(rng, "x")
    return one_node("GatherND", operands, 18, known=known, open_sizes=open_sizes, batch_dims=batch)


def _one_hot(rng: np.random.Generator) -> Made:
    depth = int(rng.integers(1, 5))
    shape = tuple(rng.integers(1, 4, rng.integers(1, 3)))
    dtype = rng.choice(["float32", "int64"])  # onnxruntime has kernels for one and the same
    operands = {
        "i": rng.integers(-2 * depth - 2, 2 * depth + 2, shape).astype(dtype),
        "d": np.array([depth] if rng.random() < 0.5 else depth, dtype),
        "v": np.array([-1, 2], dtype),
    }
    axis = int(rng.integers(-len(shape) - 1, len(shape) + 1))
    known = _some(rng, "d", "v", "i")
    return one_node("OneHot", operands, 18, known=known, open_sizes=_some(rng, "i"), axis=axis)


def _where(rng: np.random.Generator) -> Made:
    shape = tuple(rng.integers(1, 4, rng.integers(0, 4)))

    def part() -> tuple[int, ...]:
        sizes = [int(size) if rng.random() < 0.7 else 1 for size in shape]
        return tuple(sizes[rng.integers(0, len(sizes) + 1) if rng.random() < 0.4 else 0 :])

    dtype = rng.choice([*DTYPES, "float32"])
    operands = {
        "c": rng.random(part()) < 0.5,
        "x": odd_values(rng, part(), dtype),
        "y": odd_values(rng, part(), dtype),
    }
    known, open_sizes = _some(rng, "x", "y"), _some(rng, "c", "x", "y")
    return one_node("Where", operands, 18, known=known, open_sizes=open_sizes)


def _reverse_sequence(rng: np.random.Generator) -> Made:
    shape = tuple(rng.integers(1, 5, rng.integers(2, 5)))
    time = int(rng.integers(0, 2))
    operands = {
        "x": odd_values(rng, shape, rng.choice(DTYPES)),
        "n": rng.integers(1, shape[time] + 1, shape[1 - time]),
    }
    known, open_sizes = _some(rng, "n"), _some(rng, "x", "n")
    axes = {"time_axis": time, "batch_axis": 1 - time}
    return one_node("ReverseSequence", operands, 18, known=known, open_sizes=open_sizes, **axes)


MAKERS = [_gather, _gather_elements, _gather_nd, _one_hot, _where, _reverse_sequence]


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_whatever_the_shapes_and_places(maker: Any) -> None:
    rng = np.random.default_rng(6)
    for _ in range(20):
        same_below(maker(rng), 13, 11, 10, 9)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool", "uint8"])
@pytest.mark.parametrize("target", [8, 7])
def test_what_is_not_picked_leaves_no_trace(dtype: str, target: int) -> None:
    rng = np.random.default_rng(0)
    operands = {
        "c": rng.random((2, 1, 4)) < 0.5,
        "x": odd_values(rng, (3, 4), dtype),
        "y": odd_values(rng, (2, 3, 1), dtype),
    }
    same_below(one_node("Where", operands, 9), target)
    same_below(one_node("Where", operands, 9, open_sizes=["c", "x", "y"]), target)


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot_of_opset_8(axis: int) -> None:
    operands = {"i": np.array([0, 2, 5, 1]), "d": 3, "v": np.array([np.nan, np.inf], np.float32)}
    same_below(one_node("OneHot", operands, 9, known=["d"], axis=axis), 8, 7)
    same_below(one_node("OneHot", operands, 9, axis=axis), 8)


def test_indices_that_are_positions_stay_as_they_are() -> None:
    text = """g (float[4,3] x, float[2,3] w) => (float[2,3] y) {
        i = ArgMax <axis = 1, keepdims = 0> (w)
        j = Cast <to = 6> (i)
        y = Gather (x, j)
    }"""
    made = check(source(text, 11), 10)
    assert [node.op_type for node in made.graph.node] == ["ArgMax", "Cast", "Gather"]


def test_signs_of_64_bits_are_signs_of_doubles() -> None:
    operands = {"x": np.arange(12.0).reshape(4, 3), "i": np.array([-1, 0, 3, -4])}
    made = one_node("Gather", operands, 11, known=["x"])
    same_below(made, 10, 8, 7)
    assert len(lowered(made[0], 8).graph.node) < 12
    far = {"a": np.array([-(2**63), -1, 0, 1, 2**63 - 1]), "b": np.zeros(1, np.int64)}
    for op in ("Less", "Greater"):
        same_below(one_node(op, far, 9, known=["b"]), 8, 7)


def test_the_number_of_a_turn_stays_as_it_is() -> None:
    text = """g (float[4,3] x) => (float[3] y, float[4,3] all)
    <int64 n = {4}, float[3] zero = {0, 0, 0}> {
        y, all = Loop (n, , zero) <body = b (int64 turn, bool go, float[3] sum)
            => (bool on, float[3] next, float[3] row) {
            on = Identity (go)
            row = Gather (x, turn)
            next = Add (sum, row)
        }>
    }"""
    made = check(source(text, 11), 10)
    assert "Where" not in str(made)


def test_tuples_of_no_place_are_empty() -> None:
    operands = {"x": np.zeros((2, 3, 4), np.float32), "i": np.zeros((0, 2), np.int64)}
    same_below(one_node("GatherND", operands, 13, known=["i"]), 10, 9)
    same_below(one_node("GatherND", operands, 13), 10, 9)


def test_data_without_elements() -> None:
    operands = {"x": np.zeros((2, 3, 0), np.float32), "i": np.zeros((4, 2), np.int64)}
    same_below(one_node("GatherND", operands, 13, known=["i"]), 10, 9)


def test_axes_that_are_not_there_are_refused() -> None:
    text = "g (float[4,3] x) => (float[?] y) <int64 i = {-1}> { y = Gather <axis = 2> (x, i) }"
    with pytest.raises(Exception, match="axis 2 is none of the 2 that its data has"):
        lowered(source(text, 11), 10)


@pytest.mark.parametrize(
    ("op", "operands", "attributes"),
    [
        ("Gather", {"x": np.eye(3), "i": np.array([-1, 0])}, {"axis": -1}),
        ("Gather", {"x": np.eye(3), "i": np.array([-1, 0])}, {"axis": 1}),
        ("GatherND", {"x": np.arange(12).reshape(2, 3, 2), "i": np.array([[-1, 0], [0, -2]])}, {}),
        (
            "DepthToSpace",
            {"x": np.zeros((1, 8, 2, 3), np.float32)},
            {"blocksize": 2, "mode": "CRD"},
        ),
        ("ReverseSequence", {"x": np.arange(12).reshape(2, 3, 2), "n": np.array([2, 1, 2])}, {}),
    ],
)
def test_ranks_that_are_not_known(op: str, operands: Any, attributes: Any) -> None:
    model, feeds = one_node(op, operands, 13, **attributes)
    shape = onnx.helper.make_tensor_value_info("shape", onnx.TensorProto.INT64, ["rank"])
    model.graph.input.append(shape)
    feeds["shape"] = np.array(operands["x"].shape)
    model.graph.node[0].input[0] = "y"
    model.graph.node.insert(0, onnx.helper.make_node("Reshape", ["x", "shape"], ["y"]))
    same_below((model, feeds), 11, 10, 9)
