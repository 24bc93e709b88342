"""diff_stats on what is not a plain array of numbers, and what it refuses."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from pyonnxtool._core import diff_stats, hash_bytes


def pack(codes: np.ndarray[Any, Any], bits: int) -> bytes:
    """As ONNX packs: the first element in the lowest bits."""
    per_byte = 8 // bits
    padded = np.concatenate([codes, np.zeros(-len(codes) % per_byte, np.uint8)])
    shifts = np.arange(per_byte, dtype=np.uint8) * bits
    return (padded.reshape(-1, per_byte) << shifts).sum(axis=1).astype(np.uint8).tobytes()


@pytest.mark.parametrize("count", [1, 2, 5, 1023, 3001])
@pytest.mark.parametrize("dtype", ["int4", "uint4", "float4e2m1", "int2", "uint2"])
def test_packed_is_as_unpacked(dtype: str, count: int) -> None:
    kind = ml_dtypes.float4_e2m1fn if dtype == "float4e2m1" else np.dtype(dtype)
    bits = 2 if dtype.endswith("2") else 4
    rng = np.random.default_rng(count)
    ref, got = (rng.integers(0, 1 << bits, count, dtype=np.uint8) for _ in range(2))
    packed = diff_stats(pack(ref, bits), pack(got, bits), dtype, count=count)
    whole = diff_stats(ref.view(kind), got.view(kind))
    names = [name for name in dir(whole) if not name.startswith("_")]
    assert {n: getattr(packed, n) for n in names} == {n: getattr(whole, n) for n in names}


def test_padding_is_not_compared() -> None:
    ref, got = np.array([0x01], np.uint8), np.array([0x71], np.uint8)
    assert diff_stats(ref, got, "uint4", count=1).unequal == 0
    assert diff_stats(ref, got, "uint4").unequal == 1


def test_bytes_of_another_dtype() -> None:
    ref = np.array([1.0, np.nan], ml_dtypes.float8_e4m3fn)
    stats = diff_stats(ref.view(np.uint8), ref.view(np.uint8), "float8e4m3fn")
    assert (stats.dtype, stats.nan_both, stats.ref_max) == ("float8e4m3fn", 1, 1.0)


def test_any_byte_but_zero_is_true() -> None:
    ref = np.array([0, 1, 1, 0], np.uint8).view(np.bool_)
    got = np.array([0, 2, 0, 1], np.uint8).view(np.bool_)
    assert diff_stats(ref, got).unequal == 2


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex(dtype: str) -> None:
    ref = np.array([3 + 4j, 0, 1, np.nan, complex(np.inf, 0)], dtype)
    got = np.array([0, 0, 1 + 1e-3j, np.nan, complex(0, np.inf)], dtype)
    stats = diff_stats(ref, got)
    assert (stats.compared, stats.unequal, stats.nan_both, stats.inf_mismatch) == (3, 3, 1, 1)
    assert (stats.max_abs, stats.max_abs_index, stats.max_rel) == (5.0, 0, 1.0)
    assert (stats.ref_sq, stats.ref_max, stats.first_nonfinite_mismatch) == (26.0, 5.0, 4)
    assert stats.dot == 1.0
    assert stats.sum_abs == pytest.approx(5.001)
    assert sum(stats.histogram) == 3


def test_complex_moduli_neither_overflow_nor_vanish() -> None:
    stats = diff_stats(np.array([3e300 + 4e300j, 3e-300 + 4e-300j]), np.zeros(2, np.complex128))
    assert stats.max_abs == pytest.approx(5e300)
    assert stats.ref_min == pytest.approx(5e-300)


@pytest.mark.parametrize("kind", [object, np.str_, np.dtypes.StringDType()])
def test_strings_are_equal_or_not(kind: Any) -> None:
    ref, got = np.array(["a", "é", "c"], kind), np.array(["a", "é", "d"], kind)
    stats = diff_stats(ref, got)
    assert (stats.dtype, stats.count, stats.unequal) == ("string", 3, 1)


def test_bytes_and_str_are_equal_as_utf8() -> None:
    ref, got = np.array(["é", "b"], object), np.array(["é".encode(), b"c"], object)
    assert diff_stats(ref, got).unequal == 1


F4 = np.zeros(4, np.float32)
BIG_ENDIAN = np.zeros(4, ">f4")
REFUSALS: list[tuple[Any, Any, dict[str, Any], type[Exception], str]] = [
    (F4[::2], F4[:2], {}, ValueError, r"ref is not C-contiguous; pass numpy.ascont"),
    (F4, F4.reshape(2, 2).T, {}, ValueError, r"got is not C-contiguous; pass numpy.ascontig"),
    (F4, F4[:3], {}, ValueError, "ref has 16 bytes and got has 12; both must hold the same number"),
    (F4, F4.astype("f8"), {}, TypeError, "ref is float32 and got is float64; cast one of them"),
    (BIG_ENDIAN, BIG_ENDIAN, {}, ValueError, "ref is big-endian; pass ref.astype"),
    (F4.astype("g"), F4.astype("g"), {}, TypeError, "dtype 'longdouble|float128' is not one that"),
    (F4, F4, {"dtype": "floaty"}, TypeError, "dtype 'floaty' is not one that ONNX has; cast"),
    (b"1234", b"1234", {}, TypeError, "a buffer needs dtype= to say what it holds"),
    (b"1234", F4, {}, TypeError, "ref is a buffer and got is float32; cast one of them"),
    ([1.0], [1.0], {}, TypeError, "ref is neither a numpy array nor a C-contiguous buffer; pass"),
    (b"123", b"123", {"dtype": "int16"}, ValueError, "3 bytes are no whole number of int16"),
    (b"12", b"12", {"dtype": "int4", "count": 5}, ValueError, "2 bytes hold 4 int4, but count"),
    (b"12", b"12", {"dtype": "int4", "count": 2}, ValueError, "2 bytes hold 4 int4, but count"),
    (np.array(["a"]), F4, {}, TypeError, "strings and numbers do not compare"),
    (np.array(["a"]), np.array(["a", "b"]), {}, ValueError, "ref has 1 strings and got has 2"),
    (np.array([1], object), np.array([1], object), {}, TypeError, "only hold str or bytes, not"),
]  # fmt: skip


@pytest.mark.parametrize(("ref", "got", "more", "error", "text"), REFUSALS)
def test_refusals(
    ref: Any, got: Any, more: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        diff_stats(ref, got, **more)


def test_the_text_of_stats() -> None:
    stats = diff_stats(np.array([1, 2], np.int8), np.array([1, -2], np.int8))
    assert repr(stats) == "<DiffStats int8: 1 of 2 unequal, max_abs 4>"


def test_hashes_of_content() -> None:
    assert hash_bytes(b"abc") == 0x44BC2CF5AD770999
    array = np.arange(100, dtype=np.float32)
    assert hash_bytes(array) == hash_bytes(array.tobytes()) != hash_bytes(array[:-1])
    with pytest.raises(ValueError, match="data is not C-contiguous"):
        hash_bytes(array[::2])
