"""The slow, obvious twin of `diff_stats`: numpy, one element type wide enough for the input."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

FLOATS = {
    "float32": np.float32,
    "float64": np.float64,
    "float16": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
    "float8e4m3fn": ml_dtypes.float8_e4m3fn,
    "float8e4m3fnuz": ml_dtypes.float8_e4m3fnuz,
    "float8e5m2": ml_dtypes.float8_e5m2,
    "float8e5m2fnuz": ml_dtypes.float8_e5m2fnuz,
    "float8e8m0": ml_dtypes.float8_e8m0fnu,
    "float6e2m3": ml_dtypes.float6_e2m3fn,
    "float6e3m2": ml_dtypes.float6_e3m2fn,
    "float4e2m1": ml_dtypes.float4_e2m1fn,
}
INTEGERS = {
    **{
        f"{sign}int{bits}": np.dtype(f"{sign}int{bits}")
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    },
    "int4": ml_dtypes.int4,
    "uint4": ml_dtypes.uint4,
    "int2": ml_dtypes.int2,
    "uint2": ml_dtypes.uint2,
}
CODES = {
    "float6e2m3": 64,
    "float6e3m2": 64,
    "float4e2m1": 16,
    "int4": 16,
    "uint4": 16,
    "int2": 4,
    "uint2": 4,
}
"""How many codes there are, of the dtypes that do not fill their byte."""


def random_pair(dtype: str, count: int, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Any bits at all: NaN, infinities, denormals and both zeros among them. Half are equal."""
    rng = np.random.default_rng(seed)
    kind = np.dtype({**FLOATS, **INTEGERS}[dtype])
    if dtype in CODES:
        ref, got = (rng.integers(0, CODES[dtype], count, dtype=np.uint8) for _ in range(2))
    else:
        ref, got = (
            np.frombuffer(rng.bytes(count * kind.itemsize), np.dtype(f"u{kind.itemsize}")).copy()
            for _ in range(2)
        )
    same = rng.random(count) < 0.5
    got[same] = ref[same]
    return ref.view(kind), got.view(kind)


def order(values: NDArray[Any]) -> list[int]:
    """Each finite value's place among all of its dtype: neighbours are one apart, zeros are 0."""
    kind = values.dtype
    if kind.name.lstrip("u").startswith("int"):
        return [int(value) for value in values]
    bits = [int(code) for code in values.view(f"u{kind.itemsize}")]
    if kind == ml_dtypes.float8_e8m0fnu:
        return bits
    width = {"float6_e2m3fn": 6, "float6_e3m2fn": 6, "float4_e2m1fn": 4}.get(
        kind.name, 8 * kind.itemsize
    )
    sign = 1 << (width - 1)
    return [-(code - sign) if code & sign else code for code in bits]


def exact(values: NDArray[Any], keep: NDArray[np.bool_]) -> list[Fraction]:
    if values.dtype.name.lstrip("u").startswith("int"):
        return [Fraction(int(value)) for value in values[keep]]
    return [Fraction(float(value)) for value in values[keep]]


@np.errstate(invalid="ignore")  # signalling NaNs are widened
def stats(ref: NDArray[Any], got: NDArray[Any]) -> dict[str, Any]:
    """All exact, as fractions; `decades` are |d| of every kept place."""
    wide_ref, wide_got = (side.astype(np.float64) for side in (ref, got))
    nan_ref, nan_got = np.isnan(wide_ref), np.isnan(wide_got)
    inf_ref, inf_got = np.isinf(wide_ref), np.isinf(wide_got)
    keep = ~(nan_ref | nan_got | inf_ref | inf_got)
    r, g = exact(ref, keep), exact(got, keep)
    d = [abs(a - b) for a, b in zip(r, g, strict=True)]
    relative = [b / abs(a) for a, b in zip(r, d, strict=True) if a]
    inf_mismatch = ~nan_ref & ~nan_got & (inf_ref | inf_got) & (wide_ref != wide_got)
    mismatch = np.flatnonzero((nan_ref != nan_got) | inf_mismatch)
    orders = zip(order(ref[keep]), order(got[keep]), strict=True)
    return {
        "count": ref.size,
        "compared": int(keep.sum()),
        "unequal": sum(map(bool, d)) + mismatch.size,
        "zero_ref_unequal": sum(a == 0 and b != 0 for a, b in zip(r, d, strict=True)),
        "max_ulp": max((abs(a - b) for a, b in orders), default=0),
        "nan_ref": int(nan_ref.sum()),
        "nan_got": int(nan_got.sum()),
        "nan_both": int((nan_ref & nan_got).sum()),
        "nan_mismatch": int((nan_ref != nan_got).sum()),
        "pos_inf_ref": int((inf_ref & (wide_ref > 0)).sum()),
        "neg_inf_ref": int((inf_ref & (wide_ref < 0)).sum()),
        "pos_inf_got": int((inf_got & (wide_got > 0)).sum()),
        "neg_inf_got": int((inf_got & (wide_got < 0)).sum()),
        "inf_mismatch": int(inf_mismatch.sum()),
        "first_nonfinite_mismatch": int(mismatch[0]) if mismatch.size else None,
        "ref_min": extreme(min, ref),
        "ref_max": extreme(max, ref),
        "got_min": extreme(min, got),
        "got_max": extreme(max, got),
        "max_abs": max(d, default=Fraction(0)),
        "max_rel": max(relative, default=Fraction(0)),
        "sum_abs": sum(d, Fraction(0)),
        "sum_sq": sum((x * x for x in d), Fraction(0)),
        "ref_sq": sum((x * x for x in r), Fraction(0)),
        "got_sq": sum((x * x for x in g), Fraction(0)),
        "dot": sum((a * b for a, b in zip(r, g, strict=True)), Fraction(0)),
        "absolute_dot": sum((abs(a * b) for a, b in zip(r, g, strict=True)), Fraction(0)),
        "decades": d,
    }


@np.errstate(invalid="ignore")
def extreme(choose: Any, values: NDArray[Any]) -> float | None:
    finite = exact(values, np.isfinite(values.astype(np.float64)))
    return float(choose(finite)) if finite else None
