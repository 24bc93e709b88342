"""Unique, NonMaxSuppression and Det downwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from support.downgraded import refusal, source
from support.lowered_node import one_node, same_below


@pytest.mark.parametrize("dtype", ["float32", "int64", "float64", "int8"])
def test_unique_elements_and_slices(dtype: str) -> None:
    rng = np.random.default_rng(11)
    for _ in range(10):
        shape = tuple(int(size) for size in rng.integers(1, 5, rng.integers(1, 4)))
        attributes: dict[str, Any] = {"sorted": int(rng.integers(0, 2))}
        if rng.random() < 0.6:
            attributes["axis"] = int(rng.integers(-len(shape), len(shape)))
        made = one_node(
            "Unique",
            {"x": rng.integers(-1, 2, shape).astype(dtype)},
            11,
            open_sizes=["x"] if rng.random() < 0.5 else [],
            outputs=int(rng.integers(1, 5)),
            **attributes,
        )
        same_below(made, 10, 9)


@pytest.mark.parametrize("is_sorted", [0, 1])
def test_unique_bools(is_sorted: int) -> None:
    made = one_node("Unique", {"x": np.array([True, False, True])}, 11, outputs=4, sorted=is_sorted)
    same_below(made, 10, 9, by_reference=True)


def test_numbers_far_apart_are_not_the_same() -> None:
    x = np.array([2**62 + 1, 2**62, -(2**63), 2**62 + 1])
    same_below(one_node("Unique", {"x": x}, 11, outputs=4), 10, 9)


def test_nan_is_one_element_and_the_last() -> None:
    x = np.array([np.nan, 1, -np.inf, np.nan, np.inf, -0.0, 0.0, 1], np.float32)
    same_below(one_node("Unique", {"x": x}, 11), 10, 9, by_reference=True)


@pytest.mark.parametrize("center", [0, 1])
def test_the_best_boxes_of_every_class(center: int) -> None:
    rng = np.random.default_rng(10)
    for _ in range(15):
        batches, classes, count = (int(rng.integers(1, most)) for most in (3, 3, 12))
        boxes = rng.random((batches, count, 4)).astype(np.float32)
        boxes[rng.random((batches, count)) < 0.3] = boxes[0, 0]
        operands = {
            "b": boxes,  # scores that are the same, for the order of those
            "s": np.round(rng.random((batches, classes, count)), 1).astype(np.float32),
            "m": np.array(rng.choice([0, 1, 3, 20]), np.int64),
            "t": np.array([rng.choice([0, 0.3, 0.5])], np.float32),
            "u": np.array([0.4], np.float32) if rng.random() < 0.6 else None,
        }
        known = [name for name in "mtu" if rng.random() < 0.5]
        open_sizes = ["b", "s"] if rng.random() < 0.5 else []
        made = one_node(
            "NonMaxSuppression",
            operands,
            11,
            known=known,
            open_sizes=open_sizes,
            center_point_box=center,
        )
        same_below(made, 10, 9, 8)


@pytest.mark.parametrize("scores", [[-np.inf, -np.inf, -np.inf], [-np.inf, 0.5, -np.inf]])
def test_boxes_without_a_chance_are_boxes(scores: list[float]) -> None:
    boxes = [[0, 0, 1, 1], [5, 5, 6, 6], [9, 9, 10, 10]]
    operands = {
        "b": np.array([boxes], np.float32),
        "s": np.array([[scores]], np.float32),
        "m": np.array([3]),
    }
    same_below(one_node("NonMaxSuppression", operands, 10), 9)


@pytest.mark.parametrize("known", ["", "s"])
def test_no_boxes_at_all(known: str) -> None:
    operands = {
        "b": np.zeros((1, 0, 4), np.float32),
        "s": np.zeros((1, 2, 0), np.float32),
        "m": np.array([3]),
    }
    same_below(one_node("NonMaxSuppression", operands, 10), 9, 7)
    model, feeds = one_node("NonMaxSuppression", operands, 10, known=known, open_sizes=["b", "s"])
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 4
    same_below((model, feeds), 9)


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
@pytest.mark.parametrize("shape", [(5,), (2, 3), (2, 0), (2, 3, 2)])
def test_places_of_what_is_not_zero(shape: tuple[int, ...], dtype: str) -> None:
    x = np.random.default_rng(9).integers(0, 2, shape).astype(dtype)
    if dtype == "float32" and x.size:
        x.flat[0], x.flat[1] = np.nan, -0.0
    same_below(one_node("NonZero", {"x": x}, 9), 8, 7)
    same_below(one_node("NonZero", {"x": x}, 9, open_sizes=["x"]), 8)


@pytest.mark.parametrize("mode", ["TF", "IDF", "TFIDF"])
@pytest.mark.parametrize(("least", "most", "skips"), [(1, 1, 0), (1, 2, 3), (2, 3, 1), (2, 2, 9)])
@pytest.mark.parametrize("shape", [(7,), (3, 7)])
def test_counts_of_sequences(
    mode: str, least: int, most: int, skips: int, shape: tuple[int, ...]
) -> None:
    x = np.random.default_rng(least).integers(0, 3, shape)
    made = one_node(
        "TfIdfVectorizer",
        {"x": x},
        9,
        mode=mode,
        min_gram_length=least,
        max_gram_length=most,
        max_skip_count=skips,
        ngram_counts=[0, 2, 6],
        ngram_indexes=[4, 1, 0, 2, 3] if mode == "TF" else [0, 1, 2, 3, 4],
        pool_int64s=[0, 2, 0, 1, 1, 1, 2, 2, 0],
        **({} if mode == "TF" else {"weights": [0.5, 2.0, 3.0, -1.0, 0.25]}),
    )
    same_below(made, 8, 7)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("batch", [(), (3,), (2, 2)])
def test_determinants(size: int, batch: tuple[int, ...]) -> None:
    rng = np.random.default_rng(size)
    x = rng.standard_normal((*batch, size, size))  # double, as the order of the sums is another
    same_below(one_node("Det", {"x": x}, 11), 10, 9, ulp=2000)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_determinants_of_nothing_and_of_turned_rows(size: int) -> None:
    rng = np.random.default_rng(0)
    turned = np.eye(size, dtype=np.float32)[rng.permutation(size)]
    x = np.stack([np.zeros((size, size), np.float32), turned, np.ones((size, size), np.float32)])
    same_below(one_node("Det", {"x": x}, 11, open_sizes=[]), 10, 9)


def test_a_large_determinant_is_refused() -> None:
    text = "g (float[40,40] x) => (float y) { y = Det (x) }"
    assert "40 rows are too large" in refusal(source(text, 11), 10)
