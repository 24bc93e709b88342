"""Quantized operators of onnxruntime in standard ones; integers are equal bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyonnxtool as pot
from support.downgraded import run_ort
from support.lowered_op import NEWEST, OPSETS, check, feeds_of, model_of, refusal

MS = "com.microsoft::"
ALL = (*OPSETS, NEWEST)
CODES = {"B": 2, "b": 3, "H": 4, "h": 5}


def scale(value: float) -> Any:
    """A float32."""
    return np.array(value, np.float32)


def every(dtype: Any) -> Any:
    """All values of the type, in no order."""
    info = np.iinfo(dtype)
    made = np.arange(info.min, info.max + 1)
    return np.random.default_rng(3).permutation(made).astype(dtype)


def zero(dtype: Any, value: int) -> Any:
    """A zero point."""
    return np.array(value, dtype)


@pytest.mark.parametrize("operator", ["QLinearAdd", "QLinearMul"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
def test_every_pair(operator: str, dtype: Any) -> None:
    """Scales of which one is a simple part of the other put many results at halves."""
    a, b = every(dtype).reshape(256, 1), every(dtype)
    kind = [CODES[np.dtype(dtype).char]]
    for scales, zeros in [
        ((0.05, 0.1, 0.1), (7, 100, 3)),
        ((0.5, 0.25, 1.0), (-1, 5, -7)),
        ((0.013, 0.004, 0.0213), (0, 0, 0)),
        ((0.03, 0.03, 0.06), (3, 9, 127)),
    ]:
        shift = 0 if dtype == np.int8 or min(zeros) >= 0 else 9
        za, zb, zc = (zero(dtype, value + shift) for value in zeros)
        sa, sb, sc = map(scale, scales)
        given = [a, sa, za, b, sb, zb, sc, zc]
        constant = (1, 2, 4, 5, 6, 7)
        check(f"{MS}{operator}", given, opsets=(11, 17), constant=constant, types=kind)


SUMS: list[tuple[tuple[float, float, float], tuple[int, int, int], str]] = [
    ((0.0317, 0.0512, 0.0623), (3, 9, 127), "plain"),
    ((0.05, 0.1, 0.1), (7, 100, 3), "units"),
    ((0.02, 0.03, 1.5), (3, 9, 127), "tables"),
]


@pytest.mark.parametrize(("scales", "zeros", "form"), SUMS)
@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
def test_forms_of_sums(
    scales: tuple[float, float, float], zeros: tuple[int, int, int], form: str, dtype: Any
) -> None:
    """Standard operators in the order that runtimes look for, unless that rounds otherwise."""
    x = every(dtype)
    (sa, sb, sc), (za, zb, zc) = map(scale, scales), (zero(dtype, one) for one in zeros)
    kind = {"types": [CODES[np.dtype(dtype).char]], "constant": (1, 2, 4, 5, 6, 7)}
    rows, columns = np.broadcast_arrays(x.reshape(256, 1), x)
    for a, b in [(x.reshape(256, 1), x), (x, x.reshape(256, 1)), (rows.copy(), columns.copy())]:
        given = [a, sa, za, b, sb, zb, sc, zc]
        check(f"{MS}QLinearAdd", given, opsets=(11, 17), **kind)
    made = pot.lower(model_of(f"{MS}QLinearAdd", given, **kind)).model
    used = [node.op_type for node in made.graph.order()]
    if form == "tables":
        assert used.count("Gather") == 3
    else:
        sums = {"plain": 1, "units": 2}[form]
        assert used == [*["DequantizeLinear"] * 2, *["Add"] * sums, "QuantizeLinear"]


def test_sums_with_scales_that_are_computed() -> None:
    """onnxruntime's own result depends on the processor there: 13 of 65,536 are off by one."""
    x = every(np.uint8)
    given = [x.reshape(256, 1), scale(0.02), zero(np.uint8, 3), x, scale(0.03), zero(np.uint8, 9)]
    given += [scale(1.5), zero(np.uint8, 127)]
    model = model_of(f"{MS}QLinearAdd", given, types=[CODES["B"]])
    made = pot.to_proto(pot.lower(model).model)
    ours, theirs = (run_ort(one, feeds_of(given))[0] for one in (model, made))
    apart = np.abs(ours.astype(int) - theirs)
    assert apart.max() <= 1
    assert np.count_nonzero(apart) <= 40


def test_scales_that_are_vectors_of_one() -> None:
    x = every(np.uint8).reshape(8, 4, 8)
    given = [x, scale(0.02), zero(np.uint8, 9), scale(0.5), zero(np.uint8, 1)]
    given[1:] = [one.reshape(1) for one in given[1:]]
    for constant in ((), (1, 2, 3, 4)):
        check(f"{MS}QLinearLeakyRelu", given, opsets=ALL, constant=constant, types=[CODES["B"]])


@pytest.mark.parametrize("operator", ["QLinearAdd", "QLinearMul"])
def test_binary_forms(operator: str) -> None:
    a, b = every(np.uint8).reshape(4, 64, 1), every(np.uint8)[:3]
    given = [a, scale(0.02), zero(np.uint8, 9), b, scale(0.5), zero(np.uint8, 1), scale(0.25)]
    u8 = {"types": [CODES["B"]]}
    check(f"{MS}{operator}", given, opsets=ALL, constant=(1, 2, 3, 4, 5, 6), **u8)
    check(f"{MS}{operator}", [*given, zero(np.uint8, 3)], opsets=(11, 23), open_sizes=True, **u8)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize(
    ("operator", "attributes"),
    [("QLinearSigmoid", {}), ("QLinearLeakyRelu", {"alpha": 0.3}), ("QLinearLeakyRelu", {})],
)
def test_functions_of_one(operator: str, attributes: dict[str, float], dtype: Any) -> None:
    x = every(dtype).reshape(2, 8, 16)
    kind = {"types": [CODES[np.dtype(dtype).char]], **attributes}
    given = [x, scale(0.03), zero(dtype, 11), scale(0.0039), zero(dtype, 5)]
    check(f"{MS}{operator}", given, opsets=ALL, constant=(1, 2, 3, 4), **kind)
    check(f"{MS}{operator}", given, opsets=(11,), open_sizes=True, **kind)
    plain = [x, given[1], zero(dtype, 0), given[3], zero(dtype, 0)]
    wanted = run_ort(model_of(f"{MS}{operator}", plain, **kind), feeds_of(plain))
    plain[2:] = [None, given[3]]  # onnxruntime 1.31 aborts where the first zero point is omitted
    check(f"{MS}{operator}", plain, expected=wanted, opsets=(11,), constant=(1, 3), **kind)


@pytest.mark.parametrize("keepdims", [0, 1])
def test_means(keepdims: int) -> None:
    """No processor of onnxruntime has it: the reference is its definition."""
    x = every(np.int8).reshape(2, 8, 16)
    floats = (x.astype(np.float32) - 3) * np.float32(0.03)
    mean = floats.mean(axis=(0, 2), keepdims=bool(keepdims), dtype=np.float32)
    wanted = np.clip(np.rint(mean / np.float32(0.01)) + 5, -128, 127).astype(np.int8)
    given = [x, scale(0.03), zero(np.int8, 3), scale(0.01), zero(np.int8, 5)]
    for constant in ((), (1, 2, 3, 4)):
        check(
            f"{MS}QLinearReduceMean",
            given,
            expected=[wanted],
            opsets=ALL,
            constant=constant,
            types=[CODES["b"]],
            axes=[0, 2],
            keepdims=keepdims,
        )


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
def test_concat(dtype: Any) -> None:
    x = every(dtype).reshape(2, 4, 32)
    s, z = scale(0.03), zero(dtype, 11)
    given = [s, z, x, scale(0.05), zero(dtype, 8), x[:, :2].copy(), s, z, x[:, :1].copy(), s, z]
    constant = tuple(i for i in range(11) if i not in (2, 5, 8))
    kind = {"types": [CODES[np.dtype(dtype).char]], "axis": 1}
    check(f"{MS}QLinearConcat", given, opsets=ALL, constant=constant, **kind)
    check(f"{MS}QLinearConcat", given, opsets=(11, 23), open_sizes=True, **kind)


def test_a_concat_of_odd_inputs() -> None:
    given = model_of(f"{MS}QLinearConcat", [scale(1), zero(np.uint8, 0), every(np.uint8)], axis=0)
    assert "not a tensor, a scale and a zero point each" in refusal(given)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
def test_where(dtype: Any) -> None:
    x, condition = every(dtype).reshape(8, 32), np.arange(8).reshape(8, 1) % 3 == 0
    s, z = scale(0.03), zero(dtype, 11)
    given = [condition, x, scale(0.05), zero(dtype, 8), x[0], s, z, s, z]
    kind = {"types": [CODES[np.dtype(dtype).char]]}
    check(f"{MS}QLinearWhere", given, opsets=ALL, constant=(2, 3, 5, 6, 7, 8), **kind)
    check(f"{MS}QLinearWhere", given, opsets=(11,), open_sizes=True, **kind)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16])
def test_quantize_and_dequantize(dtype: Any) -> None:
    x = np.linspace(-40, 40, 210, dtype=np.float32).reshape(2, 5, 21)
    kind = {"types": [CODES[np.dtype(dtype).char]]}
    check(f"{MS}QuantizeLinear", [x, scale(0.11), zero(dtype, 7)], opsets=ALL, **kind)
    scales = np.array([0.1, 0.2, 0.3, 0.4, 0.5], np.float32)
    zeros = np.array([0, 1, 2, 3, 4], dtype)
    given = [x, scales, zeros]
    check(f"{MS}QuantizeLinear", given, opsets=ALL, constant=(1, 2), axis=1, **kind)
    q = np.arange(210).astype(dtype).reshape(2, 5, 21)
    check(f"{MS}DequantizeLinear", [q, scale(0.11), zero(dtype, 7)], opsets=ALL)
    check(f"{MS}DequantizeLinear", [q, scales, zeros], opsets=ALL, axis=-2, constant=(1, 2))
    check(f"{MS}DequantizeLinear", [q, scale(0.11)], opsets=(11,), open_sizes=True)
    check(f"{MS}DequantizeLinear", [q, scale(0.11).reshape(1), zeros[3:4]], opsets=(11, 23))


def test_a_scale_of_unknown_rank() -> None:
    given = model_of(f"{MS}DequantizeLinear", [every(np.uint8), scale(0.1)])
    given.graph.input[1].type.tensor_type.ClearField("shape")
    assert "the rank of its scale is only known when the model runs" in refusal(given)
