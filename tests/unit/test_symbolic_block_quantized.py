"""Products and look-ups of weights in a few bits, with a scale a block."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import helper

import pyonnxtool as pot
from support.downgraded import run_ort
from support.lowered_op import NEWEST, OPSETS, check, distance, model_of, refusal

MS = "com.microsoft::"
ALL = (*OPSETS, NEWEST)
F16 = {"types": [10]}


def floats(*shape: int, dtype: Any = np.float32, low: float = -1) -> Any:
    """Spread evenly up to 1."""
    return np.random.default_rng(6).uniform(low, 1, shape).astype(dtype)


def octets(*shape: int) -> Any:
    """All of them."""
    return np.random.default_rng(5).integers(0, 256, shape).astype(np.uint8)


def case(n: int, k: int, block: int, bits: int, dtype: Any = np.float32) -> list[Any]:
    """A, B, scales and zero points."""
    blocks = -(-k // block)
    packed = octets(n, blocks, block * bits // 8)
    zeros = octets(n, -(-blocks * bits // 8))
    return [floats(2, 3, k, dtype=dtype), packed, floats(n, blocks, dtype=dtype, low=0.1), zeros]


def sizes(n: int, k: int, block: int, bits: int) -> dict[str, int]:
    """Attributes."""
    return {"N": n, "K": k, "block_size": block, "bits": bits, "accuracy_level": 1}


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize(("n", "k", "block"), [(5, 96, 32), (8, 32, 16), (3, 40, 16), (7, 64, 64)])
def test_mat_mul_nbits(n: int, k: int, block: int, bits: int) -> None:
    form = sizes(n, k, block, bits)
    given = case(n, k, block, bits)
    check(f"{MS}MatMulNBits", given, opsets=(11, 17, 23), constant=(1, 2, 3), **form)
    check(f"{MS}MatMulNBits", given[:3], opsets=(NEWEST,), constant=(1, 2), **form)
    biased = [*given, None, floats(n)]
    check(f"{MS}MatMulNBits", biased, opsets=(13, 20), constant=(1, 2, 3, 5), **form)


def test_weights_that_are_fed() -> None:
    given = case(5, 96, 32, 4)
    check(f"{MS}MatMulNBits", given, opsets=ALL, **sizes(5, 96, 32, 4))


def test_half_precision() -> None:
    given = case(5, 96, 32, 4, np.float16)
    check(f"{MS}MatMulNBits", given, opsets=ALL, constant=(1, 2, 3), **sizes(5, 96, 32, 4), **F16)


def unpacked(packed: Any, bits: int) -> Any:
    """The integers of each byte, low bits first, along the last axis."""
    parts = [packed >> at & (2**bits - 1) for at in range(0, 8, bits)]
    return np.stack(parts, -1).reshape(len(packed), -1).astype(np.float64)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_zero_points_that_are_floats(bits: int) -> None:
    """onnxruntime's own processor has them for 4 bits alone."""
    given = case(5, 96, 32, bits)
    given[3] = floats(5, 3, low=0) * 9
    scale, zero = (np.repeat(one.astype(np.float64), 32, 1) for one in given[2:])
    wanted = given[0] @ ((unpacked(given[1], bits) - zero) * scale).T.astype(np.float32)
    for constant in ((1, 2, 3), (1, 2)):
        form = {"constant": constant, **sizes(5, 96, 32, bits)}
        expected = None if bits == 4 else [wanted]
        check(f"{MS}MatMulNBits", given, expected=expected, opsets=ALL, **form)


def test_groups() -> None:
    given = [*case(5, 96, 32, 4)[:3], None]
    groups = (np.arange(96) * 7 % 3).astype(np.int32)
    form = sizes(5, 96, 32, 4)
    check(f"{MS}MatMulNBits", [*given, groups], opsets=ALL, constant=(1, 2, 4), **form)
    check(f"{MS}MatMulNBits", [*given, groups], opsets=(11, 23), constant=(1, 2), **form)
    given[3] = floats(5, 3, low=0) * 9
    check(f"{MS}MatMulNBits", [*given, groups], opsets=ALL, constant=(1, 2, 3, 4), **form)
    groups = (np.arange(96) // 32).astype(np.int32)
    check(f"{MS}MatMulNBits", [*given[:3], None, groups], opsets=(11, 23), constant=(1, 4), **form)


def test_groups_with_zero_points_of_bytes() -> None:
    """onnxruntime 1.31 reads them and then takes 8."""
    given = [*case(5, 96, 32, 4), (np.arange(96) // 32).astype(np.int32)]
    told = refusal(model_of(f"{MS}MatMulNBits", given, **sizes(5, 96, 32, 4)))
    assert "what `zero_points` of bytes are with `g_idx` depends on the processor" in told


def test_layouts_that_are_not_known() -> None:
    given = case(5, 96, 32, 4)
    form = {**sizes(5, 96, 32, 4), "constant": (1, 2, 3)}
    told = refusal(model_of(f"{MS}MatMulNBits", given, **{**form, "bits": 3}))
    assert "weights of 3 bits have no layout that is known" in told
    told = refusal(model_of(f"{MS}MatMulNBits", given, **form, weight_prepacked=1))
    assert "its weights are packed for one processor; use them as they were" in told


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize(("n", "k", "block"), [(8, 32, 64), (4, 48, 16), (3, 7, 16)])
def test_mat_mul_bnb4(n: int, k: int, block: int, kind: int) -> None:
    count = n * k
    packed, largest = octets(-(-count // 2)), floats(-(-count // block), low=0.1)
    form = {"N": n, "K": k, "block_size": block, "quant_type": kind}
    given = [floats(2, 3, k), packed, largest]
    check(f"{MS}MatMulBnb4", given, opsets=ALL, constant=(1, 2), **form)
    check(f"{MS}MatMulBnb4", given, opsets=(11,), open_sizes=True, **form)


def test_a_table_that_is_not_known() -> None:
    form = {"N": 2, "K": 16, "block_size": 16, "quant_type": 7}
    given = [floats(2, 16), octets(16), floats(2)]
    told = refusal(model_of(f"{MS}MatMulBnb4", given, constant=(1, 2), **form))
    assert "its `quant_type` 7 is not known, only 0 (FP4) and 1 (NF4)" in told
    told = refusal(model_of(f"{MS}MatMulBnb4", given, **{**form, "quant_type": 1}, transB=0))
    assert "its weights are not transposed, which onnxruntime itself gets wrong" in told


def looked_up(table: Any, scales: Any, zeros: Any, indices: Any, axes: Any, block: int) -> Any:
    """By its definition."""
    gathered, blocks = axes
    wide = [np.repeat(one, block, blocks) for one in (scales, zeros)]
    size = [slice(length) for length in table.shape]
    floats = (table - wide[1][tuple(size)]).astype(scales.dtype) * wide[0][tuple(size)]
    return np.take(floats, indices, gathered)


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_gather_of_packed_bytes(bits: int, dtype: Any) -> None:
    table, zeros = octets(7, 48 * bits // 8), octets(7, -(-3 * bits // 8))
    scales = floats(7, 3, dtype=dtype, low=0.1)
    indices = np.array([[1, 6], [0, 1]], np.int64)
    form = {"bits": bits, "block_size": 16, "types": [1 if dtype == np.float32 else 10]}
    axes = (0, 1)
    given = [table, indices, scales, zeros]
    places = unpacked(zeros, bits)[:, :3]
    wanted = looked_up(unpacked(table, bits), scales, places, indices, axes, 16)
    check(f"{MS}GatherBlockQuantized", given, opsets=ALL, constant=(0, 2, 3), **form)
    where = {"expected": [wanted], "open_sizes": True}
    check(f"{MS}GatherBlockQuantized", given, opsets=(11, 23), **where, **form)
    middle = np.full((7, 3), 2 ** (bits - 1))
    wanted = looked_up(unpacked(table, bits), scales, middle, indices[0] - 7, axes, 16)
    given[1:] = [(indices[0] - 7).astype(np.int32), scales]
    where = {"expected": [wanted], "constant": (0, 2)}
    check(f"{MS}GatherBlockQuantized", given, opsets=(11, 23), **where, **form)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("axes", [(0, 2), (2, 0), (1, 2), (0, 0), (1, 1), (2, 2), (-1, 0)])
def test_gather_of_nibbles(signed: bool, axes: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    low, high = (-8, 8) if signed else (0, 16)
    table = rng.integers(low, high, (18, 20, 22))
    axes = (axes[0] % 3, axes[1])
    shape = [2 if axis == axes[1] else size for axis, size in enumerate(table.shape)]
    scales, zeros = floats(*shape, low=0.1), rng.integers(low, high, shape)
    indices = np.array([[3, 17], [16, 0]], np.int32)
    wanted = looked_up(table, scales, zeros, indices, axes, 16)
    given = [table.astype(np.int8), indices, scales, zeros.astype(np.int8)]
    form = {"gather_axis": axes[0], "quantize_axis": axes[1], "block_size": 16}
    for opset in (11, 21, 23):
        model = model_of(f"{MS}GatherBlockQuantized", given, constant=(0, 2, 3), **form)
        model.opset_import[0].version, model.ir_version = opset, 10
        for place, integers in ((0, table), (2, zeros)):
            tensor = model.graph.initializer[place]
            packed = helper.make_tensor(tensor.name, 22 if signed else 21, integers.shape, integers)
            tensor.CopyFrom(packed)
        made = pot.to_proto(pot.lower(pot.from_proto(model)).model)
        feeds = {"x1": indices}
        assert distance(run_ort(model, feeds)[0], run_ort(made, feeds)[0]) <= 2
        assert distance(wanted, run_ort(made, feeds)[0]) <= 2


def test_gathers_that_are_refused() -> None:
    given = [octets(7, 24), np.array([1]), floats(7, 3)]
    told = refusal(model_of(f"{MS}GatherBlockQuantized", given, bits=3))
    assert "weights of 3 bits have no layout that is known" in told
    told = refusal(model_of(f"{MS}GatherBlockQuantized", given, gather_axis=2))
    assert "its axes [2, 1] are not those of a table of rank 2" in told
    given[0] = np.zeros((7, 24), np.uint16)
    told = refusal(model_of(f"{MS}GatherBlockQuantized", given))
    assert "a table of uint16 has no form that older opsets know" in told


def shared(skip: bool, projections: int) -> tuple[list[Any], Any, list[Any]]:
    """Inputs of products of one normalized input, that input, and the products."""
    x, other, scale = floats(2, 3, 64), floats(2, 3, 64) if skip else None, floats(64, low=0.5)
    total = x.astype(np.float64) + (other if other is not None else 0)
    normal = total / np.sqrt((total**2).mean(-1, keepdims=True) + 1e-5) * scale
    given, made = [x, other, scale], []
    for place in range(projections):
        weights, scales, _ = case(6, 64, 32, 4)[1:]
        bias = floats(6) if place else None
        given += [weights, scales, bias]
        wide = (unpacked(weights, 4) - 8) * np.repeat(scales, 32, 1)
        made.append(normal @ wide.T + (0 if bias is None else bias))
    return given, total, made


@pytest.mark.parametrize("skip", [False, True])
def test_products_of_one_normalized_input(skip: bool) -> None:
    """No processor of onnxruntime has them: the reference is their definition."""
    form: dict[str, Any] = {"K": 64, "bits": 4, "block_size": 32, "epsilon": 1e-5}
    given, total, (gate, up) = shared(skip, 2)
    wanted = [(gate / (1 + np.exp(-gate)) * up).astype(np.float32), total.astype(np.float32)]
    what = {"outputs": 1 + skip, "expected": wanted[: 1 + skip], "opsets": (11, 23)}
    check(f"{MS}MatMulNBitsMlp", given, ulp=32, activation="silu", N=6, **what, **form)
    given, total, made = shared(skip, 3)
    wanted = [one.astype(np.float32) for one in (*made, total)]
    what = {"outputs": 3 + skip, "expected": wanted[: 3 + skip], "opsets": (11, 23)}
    check(f"{MS}MatMulNBitsQkv", given, ulp=32, Nq=6, Nkv=6, **what, **form)
    told = refusal(model_of(f"{MS}MatMulNBitsMlp", given, activation="relu", N=6, **form))
    assert "its activation 'relu' is not known" in told
