"""Products of matrices in other layouts, on onnxruntime."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from support.one_node import Constant, Given, Input, node_model
from support.relaid import check_rule, constant, op_types, refusal

ROUNDING = 1e-5
"""Of sums in another order, relative to the scale of the result."""


def weights(*dims: int, dtype: Any = np.float32) -> NDArray[Any]:
    rng = np.random.default_rng(3)
    if np.dtype(dtype).kind in "iu":
        return rng.integers(0, 9, dims).astype(dtype)
    return rng.normal(size=dims).astype(dtype)


def moved(rank: int) -> list[list[int]]:
    return [list(perm) for perm in permutations(range(rank)) if list(perm) != sorted(perm)]


@pytest.mark.parametrize("rank", [3, 4, 5])
def test_a_weight_leaves_the_other_axes_free(rank: int) -> None:
    sizes: list[int | str] = ["n", 3, 2, 5]
    model = node_model("MatMul", [[*sizes[: rank - 1], 4], Constant(weights(4, 6))])
    for perm in moved(rank):
        place = perm.index(rank - 1)
        for operand in ("x0", "y0"):
            if place < rank - 2 and place != 1:
                assert f"it multiplies over its axis {rank - 1}" in refusal(model, operand, perm)
                continue
            drawn = check_rule(model, operand, perm, tolerance=ROUNDING)
            assert drawn.inputs[0] == drawn.outputs[0] == perm
            assert op_types(drawn) == ["MatMul" if place >= rank - 2 else "Conv"]


def test_the_weight_of_a_convolution_that_stands_for_a_product() -> None:
    model = node_model("MatMul", [["n", "h", "w", 4], Constant(weights(4, 6))])
    drawn = check_rule(model, "x0", [0, 3, 1, 2], tolerance=ROUNDING)
    assert constant(drawn, 1).shape == (6, 4, 1, 1)
    model = node_model("MatMul", [["n", "h", "w", 4], Constant(weights(1, 4, 6))])
    assert constant(check_rule(model, "y0", [0, 3, 1, 2], tolerance=ROUNDING), 1).ndim == 4


def test_convolutions_have_floats_and_at_most_three_spatial_axes() -> None:
    text = "which would lie at place 1"
    model = node_model("MatMul", [[1, 2, 2, 2, 2, 4], Constant(weights(4, 6))])
    assert text in refusal(model, "x0", [0, 5, 1, 2, 3, 4])
    for dtype in ("int32", "float64"):
        constants = Constant(weights(4, 6, dtype=dtype))
        model = node_model("MatMul", [Given([1, 2, 3, 4], dtype), constants])
        assert text in refusal(model, "x0", [0, 3, 1, 2])
        drawn = check_rule(model, "x0", [0, 1, 3, 2], tolerance=ROUNDING)
        assert op_types(drawn) == ["MatMul"]


def test_a_weight_on_the_left() -> None:
    model = node_model("MatMul", [Constant(weights(6, 4)), ["n", 3, 4, 5]])
    for perm in moved(4):
        place = perm.index(2)
        if place == 0:
            assert "it multiplies over its axis 2" in refusal(model, "x1", perm)
            continue
        drawn = check_rule(model, "x1", perm, tolerance=ROUNDING)
        assert op_types(drawn) == ["MatMul" if place >= 2 else "Conv"]
        check_rule(model, "y0", perm, tolerance=ROUNDING)


def test_vectors() -> None:
    model = node_model("MatMul", [["n", 3, 4], Constant(weights(4))])
    for perm in moved(3):
        if perm.index(2) == 0:
            assert "it multiplies over its axis 2" in refusal(model, "x0", perm)
        else:
            check_rule(model, "x0", perm, tolerance=ROUNDING)
    check_rule(model, "y0", [1, 0], tolerance=ROUNDING)
    model = node_model("MatMul", [Constant(weights(4)), ["n", 4, 3]])
    check_rule(model, "x1", [0, 2, 1], tolerance=ROUNDING)
    check_rule(model, "y0", [1, 0], tolerance=ROUNDING)
    check_rule(
        node_model("MatMul", [Constant(weights(4)), [4, 3]]), "x1", [1, 0], tolerance=ROUNDING
    )


def test_batches_go_together() -> None:
    model = node_model("MatMul", [["b", "h", 3, 4], ["b", "h", 4, 5]])
    for perm in moved(4):
        for operand in ("x0", "x1", "y0"):
            if set(perm[:2]) != {0, 1}:
                assert "stay the last two" in refusal(model, operand, perm)
                continue
            drawn = check_rule(model, operand, perm, tolerance=ROUNDING)
            assert drawn.inputs == [perm, perm] and drawn.outputs == [perm]
            assert op_types(drawn) == ["MatMul"]


@pytest.mark.parametrize("perm", [[0, 1, 2, 3], [1, 0, 2, 3], [1, 0, 3, 2]])
@pytest.mark.parametrize("axis", [0, 1, 2, 3])
def test_inner_orders_go_together(axis: int, perm: list[int]) -> None:
    model = node_model("MatMul", [[6, 6, 6, 6], [6, 6, 6, 6]])
    for operand in ("x0", "x1", "y0"):
        check_rule(model, operand, perm, [(axis, [2, 3], [1, 0])], tolerance=ROUNDING)
    if axis > 0 and perm[0] == 0:
        model = node_model("MatMul", [[2, 6, 6, 6], [6, 6, 6]])
        lower = [at - 1 for at in perm[1:]]
        check_rule(model, "x1", lower, [(axis - 1, [2, 3], [1, 0])], tolerance=ROUNDING)
    if axis == 1:
        model = node_model("MatMul", [[2, "h", 4, 5], ["b", 6, 5, 3]])
        text = refusal(model, "x1", perm, [(1, [2, 3], [1, 0])])
        assert "input 0 'x0' may broadcast along axis 1, which is stored in another" in text


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([2, 3, 4, 5], [3, 5, 6]),
        ([3, 4, 5], [2, 3, 5, 6]),
        ([2, 1, 4, 5], [1, 3, 5, 6]),
        ([7, 2, 3, 4, 5], [2, 1, 5, 6]),
    ],
)
def test_batches_that_broadcast(a: list[int], b: list[int]) -> None:
    model = node_model("MatMul", [a, b])
    rank = max(len(a), len(b))
    for operand, of in (("x0", len(a)), ("x1", len(b)), ("y0", rank)):
        for perm in moved(of):
            if set(perm[-2:]) == {of - 1, of - 2}:
                check_rule(model, operand, perm, tolerance=ROUNDING)


@pytest.mark.parametrize("opset", [7, 13])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_two_matrices_are_read_the_other_way_round(dtype: str, opset: int) -> None:
    model = node_model("MatMul", [Given(["s", 4], dtype), Given([4, 6], dtype)], opset=opset)
    for operand, index in (("x0", 0), ("x1", 1), ("y0", 2)):
        drawn = check_rule(model, operand, [1, 0], tolerance=ROUNDING)
        assert op_types(drawn) == ["Gemm"]
        layouts = [*drawn.inputs, *drawn.outputs]
        assert layouts == [[1, 0] if at == index else [0, 1] for at in range(3)]


def test_two_matrices_of_integers_change_places() -> None:
    model = node_model("MatMul", [Given([3, 4], "int32"), Constant(weights(4, 6, dtype=np.int32))])
    for operand in ("x0", "y0"):
        drawn = check_rule(model, operand, [1, 0])
        assert op_types(drawn) == ["MatMul"] and drawn.outputs == [[1, 0]]


ADDENDS: list[Input] = [
    None,
    Constant(weights(6)),
    Constant(weights(1)),
    Constant(np.float32(2)),
    Constant(weights(3, 1)),
    Constant(weights(3, 6)),
    [6],
    [3, 6],
    [1, 6],
]


@pytest.mark.parametrize("addend", ADDENDS)
@pytest.mark.parametrize("trans", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_gemm(trans: tuple[int, int], addend: Input) -> None:
    a, b = [4, 3] if trans[0] else [3, 4], [6, 4] if trans[1] else [4, 6]
    inputs: list[Input] = [a, b] if addend is None else [a, b, addend]
    model = node_model("Gemm", inputs, transA=trans[0], transB=trans[1], alpha=0.5, beta=2.0)
    for operand in ("x0", "x1", "y0"):
        check_rule(model, operand, [1, 0], tolerance=ROUNDING)
    rows, summed, columns = ([3], [0]), ([2, 2], [1, 0]), ([2, 3], [1, 0])
    assert rows
    for operand, axis, (sizes, order) in (
        ("x0", 0 if trans[0] else 1, summed),
        ("x1", 1 if trans[1] else 0, summed),
        ("x1", 0 if trans[1] else 1, columns),
        ("y0", 1, columns),
    ):
        for perm in ([0, 1], [1, 0]):
            if addend is not None and isinstance(addend, list) and sizes == [2, 3]:
                continue
            check_rule(model, operand, perm, [(axis, sizes, order)], tolerance=ROUNDING)


def test_what_flatten_leaves_is_met_by_the_rows_of_the_weight() -> None:
    model = node_model(
        "Gemm", [["n", 60], Constant(weights(7, 60)), Constant(weights(7))], transB=1
    )
    inner = [(1, [3, 20], [1, 0])]
    drawn = check_rule(model, "x0", [0, 1], inner, tolerance=ROUNDING)
    assert drawn.input_inner[1] == inner and op_types(drawn) == ["Gemm"]
    model = node_model("MatMul", [["n", 60], Constant(weights(60, 7))])
    check_rule(model, "x0", [0, 1], inner, tolerance=ROUNDING)
    model = node_model("MatMul", [["n", 5, 60], Constant(weights(60, 7))])
    check_rule(model, "x0", [1, 0, 2], [(2, [3, 20], [1, 0])], tolerance=ROUNDING)
    check_rule(model, "x0", [0, 2, 1], [(2, [3, 20], [1, 0])], tolerance=ROUNDING)
    model = node_model("MatMul", [["n", 5, 7], Constant(weights(7, 60))])
    check_rule(model, "y0", [0, 2, 1], [(2, [3, 20], [1, 0])], tolerance=ROUNDING)


def test_an_addend_is_no_operand_of_the_product() -> None:
    model = node_model("Gemm", [[3, 4], [4, 6], [3, 6]])
    assert "input 2 'x2' is added to the product as it is" in refusal(model, "x2", [1, 0])


def test_integer_products() -> None:
    a, zero = Given(["n", 3, 4], "uint8"), Constant(np.uint8(7))
    b = Constant(weights(4, 6, dtype=np.int8))
    columns = Constant(np.arange(6, dtype=np.int8))
    model = node_model("MatMulInteger", [a, b, zero, columns])
    check_rule(model, "x0", [1, 0, 2])
    check_rule(model, "y0", [1, 0, 2], [(2, [2, 3], [1, 0])])
    assert "it multiplies over its axis 2" in refusal(model, "x0", [0, 2, 1])
    model = node_model("MatMulInteger", [Given([2, 3, 3, 4], "uint8"), Given([2, 3, 4, 5], "int8")])
    check_rule(model, "x0", [1, 0, 2, 3])
    assert "no form for matrices the other way round" in refusal(model, "x0", [0, 1, 3, 2])
    model = node_model("MatMulInteger", [a, b, Given(None, "uint8")])
    assert "may have one element for each row" in refusal(model, "x0", [1, 0, 2])


def test_quantized_products() -> None:
    inputs: list[Input] = [
        Given(["n", 3, 4], "uint8"),
        *(Constant(np.float32(0.1)), Constant(np.uint8(7))),
        Constant(weights(4, 6, dtype=np.int8)),
        *(Constant(np.linspace(0.1, 0.2, 6, dtype=np.float32)), Constant(np.zeros(6, np.int8))),
        *(Constant(np.float32(0.4)), Constant(np.uint8(3))),
    ]
    model = node_model("QLinearMatMul", inputs)
    check_rule(model, "x0", [1, 0, 2])
    check_rule(model, "y0", [1, 0, 2], [(2, [2, 3], [1, 0])])
    assert "is read as it is by a product" in refusal(model, "x3", [1, 0])


@pytest.mark.parametrize("trans", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_fused_products(trans: tuple[int, int]) -> None:
    a, b = [2, 3, 4, 5], [2, 3, 5, 6]
    if trans[0]:
        a[2:] = a[:1:-1]
    if trans[1]:
        b[2:] = b[:1:-1]
    model = node_model(
        "FusedMatMul", [a, b], domain="com.microsoft", transA=trans[0], transB=trans[1], alpha=0.5
    )
    for operand in ("x0", "x1", "y0"):
        for perm in ([0, 1, 3, 2], [1, 0, 2, 3], [1, 0, 3, 2]):
            drawn = check_rule(model, operand, perm, tolerance=ROUNDING)
            assert op_types(drawn) == ["FusedMatMul"]
            assert sum(at[-1] == 2 for at in (*drawn.inputs, *drawn.outputs) if at) == (
                perm[-1] == 2
            )
    assert "stay the last two" in refusal(model, "x0", [2, 1, 0, 3])


def test_what_is_no_product_is_refused() -> None:
    assert "one of its operands is a scalar" in refusal(
        node_model("MatMul", [[2, 3], Given([])]), "x0", [1, 0]
    )
    model = node_model("MatMul", [[2, 3], Given(None)])
    assert "the rank of input 1 'x1' is not known" in refusal(model, "x0", [1, 0])
    model = node_model("Gemm", [[2, 3], Given(None)])
    assert "the rank of input 1 'x1' is not known" in refusal(model, "x0", [1, 0])


def test_packed_weights() -> None:
    packed = Constant(np.random.default_rng(0).integers(0, 255, (6, 1, 8)).astype(np.uint8))
    scales = Constant(np.linspace(0.1, 0.2, 6, dtype=np.float32))
    model = node_model(
        *("MatMulNBits", [["n", 3, 16], packed, scales]),
        domain="com.microsoft",
        **{"K": 16, "N": 6, "bits": 4, "block_size": 16},
    )
    check_rule(model, "x0", [1, 0, 2], tolerance=ROUNDING)
    assert "the last axis by a packed weight" in refusal(model, "x0", [0, 2, 1])
