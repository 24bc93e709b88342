"""ScatterElements and ScatterND downwards: duplicates, reductions, tuples of places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from support.lowered_node import Made, odd_values, one_node, same_below, some_negative

REDUCTIONS = ["none", "add", "mul", "max", "min"]
DTYPES = ["float32", "float64", "int64", "int32"]


def _values(rng: np.random.Generator, shape: Any, dtype: str, reduction: str) -> Any:
    """NaN has no place in an order, and no sign survives a reduction of infinities."""
    if reduction == "none" or np.dtype(dtype).kind != "f":
        return odd_values(rng, shape, dtype)
    return rng.standard_normal(shape).astype(dtype)


def _elements(rng: np.random.Generator, reduction: str) -> Made:
    shape = tuple(int(n) for n in rng.integers(1, 5, rng.integers(1, 4)))
    axis = int(rng.integers(-len(shape), len(shape)))
    count = [int(rng.integers(1, size + 1)) for size in shape]
    if reduction == "none":
        whole = [count[at] if at != axis % len(shape) else n for at, n in enumerate(shape)]
        places = np.argsort(rng.random(whole), axis).take(np.arange(count[axis]), axis)
    else:
        count[axis] = int(rng.integers(1, 13))
        places = rng.integers(0, shape[axis], count)
    dtype = rng.choice(DTYPES)
    operands = {
        "x": _values(rng, shape, dtype, reduction),
        "i": some_negative(rng, places, shape[axis]).astype(rng.choice(["int64", "int32"])),
        "u": _values(rng, tuple(count), dtype, reduction),
    }
    known = ["i"] if rng.random() < 0.5 else []
    open_sizes = [name for name in ("x", "i", "u") if rng.random() < 0.3]
    return one_node(
        "ScatterElements",
        operands,
        18,
        known=known,
        open_sizes=open_sizes,
        axis=axis,
        reduction=reduction,
    )


def _tuples(rng: np.random.Generator, reduction: str) -> Made:
    shape = tuple(int(n) for n in rng.integers(1, 4, rng.integers(1, 4)))
    length = int(rng.integers(1, len(shape) + 1))
    every = np.array(list(np.ndindex(*shape[:length])))
    if reduction == "none":
        places = rng.permutation(every)[: rng.integers(1, len(every) + 1)]
    else:
        places = every[rng.integers(0, len(every), rng.integers(1, 13))]
    if rng.random() < 0.3:
        places = places[:, None]
    dtype = rng.choice(DTYPES)
    operands = {
        "x": _values(rng, shape, dtype, reduction),
        "i": some_negative(rng, places, shape[:length]),
        "u": _values(rng, (*places.shape[:-1], *shape[length:]), dtype, reduction),
    }
    known = ["i"] if rng.random() < 0.5 else []
    open_sizes = [name for name in ("x", "u") if rng.random() < 0.3]
    return one_node(
        "ScatterND", operands, 18, known=known, open_sizes=open_sizes, reduction=reduction
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("maker", [_elements, _tuples], ids=["elements", "tuples"])
def test_updates_are_applied_one_after_another(maker: Any, reduction: str) -> None:
    rng = np.random.default_rng(18)
    for _ in range(6):
        same_below(maker(rng, reduction), 17, 15, 10, 9, 8)


@pytest.mark.parametrize("reduction", ["add", "mul", "max", "min"])
@pytest.mark.parametrize("known", [["i"], []])
def test_reductions_of_bools(reduction: str, known: list[str]) -> None:
    rng = np.random.default_rng(3)
    places = np.array([0, 3, -1, 0, 2, 2, 1, -1, 3, 0])
    operands: dict[str, Any] = {"x": rng.random(4) < 0.5, "i": places, "u": rng.random(10) < 0.5}
    made = one_node("ScatterElements", operands, 18, known=known, reduction=reduction)
    same_below(made, 17, 15, 11, 9, by_reference=True)
    operands["i"] = places[:, None]
    made = one_node("ScatterND", operands, 18, known=known, reduction=reduction)
    same_below(made, 17, 15, 11, 9, by_reference=True)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_sums_and_products_wrap(dtype: str) -> None:
    largest = np.iinfo(dtype).max
    operands = {
        "x": np.array([largest, 3], dtype),
        "i": np.array([0, 0, 1]),
        "u": np.array([largest, 5, largest], dtype),
    }
    for reduction in ("add", "mul"):
        same_below(one_node("ScatterElements", operands, 16, reduction=reduction), 15, 10, 9)


def test_no_updates_leave_the_data() -> None:
    operands = {
        "x": np.arange(6, dtype=np.float32).reshape(2, 3),
        "i": np.zeros((0, 1), np.int64),
        "u": np.zeros((0, 3), np.float32),
    }
    made = one_node("ScatterND", operands, 16, open_sizes=["i", "u"], reduction="add")
    made[0].graph.input[1].type.tensor_type.shape.dim[1].dim_value = 1
    same_below(made, 15, 11, 9, 8)


@pytest.mark.parametrize("axis", [1, -1, -2])
@pytest.mark.parametrize("mode", ["linear", "circular"])
def test_a_cache_is_written(axis: int, mode: str) -> None:
    rng = np.random.default_rng(24)
    shape, update = [2, 6, 6, 6], [2, 6, 6, 6]
    update[axis] = 3
    operands = {
        "c": odd_values(rng, tuple(shape), "float32"),
        "u": odd_values(rng, tuple(update), "float32"),
        "w": np.array([1, 3]) if mode == "linear" else np.array([5, 13]),
    }
    made = one_node("TensorScatter", operands, 24, axis=axis, mode=mode)
    same_below(made, 23, 15, 10, 9)
    made = one_node("TensorScatter", operands, 24, axis=axis, mode=mode, open_sizes=["c", "u"])
    same_below(made, 23, 11, 9)
    same_below(one_node("TensorScatter", operands | {"w": None}, 24, axis=axis, mode=mode), 23, 9)
