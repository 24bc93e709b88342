"""Shapes of matrix products, einsums and determinants: as onnxruntime makes them, with names in the
place of sizes, and what is said of sizes that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from support.one_node import Constant, Given, contradiction, dims, real_shapes, shapes

PRODUCTS = [
    *(([3], [3]), ([3], [3, 4]), ([2, 3], [3]), ([2, 3], [3, 4]), ([3], [2, 3, 4])),
    *(([2, 2, 3], [3]), ([2, 1, 2, 3], [5, 3, 4]), ([5, 2, 3], [5, 3, 4]), ([0, 3], [3, 4])),
    *(([2, 0], [0, 4]), ([1, 2, 3], [7, 3, 1]), ([6, 1, 2, 3], [1, 5, 3, 2])),
]


@pytest.mark.parametrize(("a", "b"), PRODUCTS)
def test_products_as_onnxruntime_makes_them(a: list[int], b: list[int]) -> None:
    assert shapes("MatMul", a, b) == real_shapes("MatMul", a, b)
    whole = Given(a, "uint8"), Given(b, "int8")
    assert shapes("MatMulInteger", *whole)[0] == (dims("MatMul", a, b), "int32")


@pytest.mark.parametrize("a", [[2, 3], [1, 3]])
@pytest.mark.parametrize("c", [None, [4], [1], [2, 4], [1, 4], [2, 1], []])
@pytest.mark.parametrize("flags", [{}, {"transA": 1}, {"transB": 1}, {"transA": 1, "transB": 1}])
def test_gemm_as_onnxruntime_makes_it(a: list[int], c: Any, flags: dict[str, int]) -> None:
    b = [3, 4]
    inputs = [a[::-1] if "transA" in flags else a, b[::-1] if "transB" in flags else b]
    inputs += [] if c is None else [c]
    real = real_shapes("Gemm", *inputs, **flags)
    if real is not None:
        assert shapes("Gemm", *inputs, **flags) == real
    else:
        assert "does not broadcast to 1 x 4" in contradiction("Gemm", *inputs, **flags)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (["batch", "h", 64], [64, 10], ["batch", "h", 10]),
        (["batch", 8, "q", 64], ["batch", 8, 64, "k"], ["batch", 8, "q", "k"]),
        (["m", "k"], ["k"], ["m"]),
        (["batch", 1, 2, 3], ["heads", 3, 4], ["batch", "heads", 2, 4]),
    ],
)
def test_named_sizes_of_a_product(a: Any, b: Any, expected: list[Any]) -> None:
    assert dims("MatMul", a, b) == expected


def test_batches_that_may_be_one_stay_open() -> None:
    assert dims("MatMul", ["a", 2, 3], ["b", 3, 4]) == ["broadcast(a, b)", 2, 4]


def test_quantized_products() -> None:
    scale, zero = Constant(np.float32([1]).reshape(())), Constant(np.array(0, np.uint8))
    inputs = [Given([2, 3], "uint8"), scale, zero, Given([3, 4], "uint8"), scale, zero, scale, zero]
    assert shapes("QLinearMatMul", *inputs) == real_shapes("QLinearMatMul", *inputs)
    inputs[3] = Given([5, 4], "uint8")
    assert "'x0' is 3 wide, but 'x3' takes 5" in contradiction("QLinearMatMul", *inputs)


EINSUMS: list[tuple[str, list[list[int]]]] = [
    *(("ij,jk", [[2, 3], [3, 4]]), ("ij,jk->ki", [[2, 3], [3, 4]]), ("ii->i", [[3, 3]])),
    *(("ii", [[3, 3]]), ("ij->", [[2, 3]]), ("...ij->...ji", [[5, 6, 2, 3]]), ("i,j", [[2], [3]])),
    *(("...ij,...jk->...ik", [[5, 2, 3], [5, 3, 4]]), (" i j , j k -> k i", [[2, 3], [3, 4]])),
    *(("bij,bjk", [[1, 2, 3], [5, 3, 4]]), ("...ij,jk", [[7, 2, 3], [3, 4]]), ("ba", [[2, 3]])),
    *(("bhqd,bhkd->bhqk", [[2, 4, 5, 8], [2, 4, 6, 8]]), ("i,i->i", [[1], [4]])),
    *(("aB,B", [[2, 3], [3]]), ("i...->...", [[2, 3, 4]]), ("...,...", [[2, 3], [1, 3]])),
]


@pytest.mark.parametrize(("equation", "inputs"), EINSUMS)
def test_einsums_as_onnxruntime_makes_them(equation: str, inputs: list[list[int]]) -> None:
    real = real_shapes("Einsum", *inputs, equation=equation)
    assert real is not None
    assert shapes("Einsum", *inputs, equation=equation) == real


def test_named_sizes_of_an_einsum() -> None:
    query, key = ["batch", 8, "q", 64], ["batch", 8, "k", 64]
    assert dims("Einsum", query, key, equation="bhqd,bhkd->bhqk") == ["batch", 8, "q", "k"]
    assert dims("Einsum", ["n", 3], ["m", 3], equation="ij,ij->i") == ["broadcast(m, n)"]


def test_determinants() -> None:
    assert shapes("Det", [2, 3, 3]) == real_shapes("Det", [2, 3, 3])
    assert shapes("Det", [3, 3]) == [([], "float32")]
    assert dims("Det", ["batch", "n", "n"]) == ["batch"]


@pytest.mark.parametrize(
    ("op_type", "inputs", "how", "message"),
    [
        ("MatMul", [[2, 3], [4, 5]], {}, "'x0' is 3 wide, but 'x1' takes 4"),
        ("MatMul", [["n", 3], [4]], {}, "'x0' is 3 wide, but 'x1' takes 4"),
        ("MatMul", [[2, 2, 3], [5, 3, 4]], {}, "the batches of 'x0' and 'x1': sizes 2 and 5 do"),
        ("MatMul", [[], [3]], {}, "'x0' is a scalar, but a product takes at least 1 axis"),
        ("Gemm", [[2, 3], [4, 5]], {}, "'x0' is 3 wide, but 'x1' takes 4"),
        ("Gemm", [[2, 3], [4, 5]], {"transA": 1}, "'x0' is 2 wide, but 'x1' takes 4"),
        ("Gemm", [[2, 3, 4], [4, 5]], {}, "'x0' has 3 axes, but takes 2"),
        ("Gemm", [[2, 3], [3, 5], [4]], {}, "'x2' is 4, which does not broadcast to 2 x 5"),
        ("Gemm", [[2, 3], [3, 5], [3, 1]], {}, "'x2' is 3 x 1, which does not broadcast to 2 x 5"),
        ("Det", [[2, 3, 4]], {}, "'x0' holds matrices of 3 rows and 4 columns, which have no"),
        ("Det", [[3]], {}, "'x0' has 1 axis, but takes 2"),
        ("Einsum", [[2, 3], [4, 5]], {"equation": "ij,jk"}, "label 'j' is 3 long, but 4 in 'x1'"),
        ("Einsum", [[2, 3, 4]], {"equation": "ij"}, "'x0' has 3 axes, but the equation names 2"),
        ("Einsum", [[2, 3]], {"equation": "ij,jk"}, "has 2 operands, but the node has 1"),
        ("Einsum", [[2, 3]], {"equation": "i?"}, "equation 'i?' is no einsum"),
        ("Einsum", [[2, 3]], {"equation": "ij->i-"}, "equation 'ij->i-' is no einsum"),
        ("Einsum", [[2, 3], [3, 3]], {"equation": "...i,...i"}, "the ellipses: sizes 2 and 3 do"),
    ],
)
def test_what_does_not_fit_is_named(op_type: str, inputs: Any, how: Any, message: str) -> None:
    assert message in contradiction(op_type, *inputs, **how)
