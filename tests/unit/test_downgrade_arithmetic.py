"""Powers, remainders and matrix products in older opsets, where integers wrap."""

from __future__ import annotations

import numpy as np
import pytest

from support.downgraded import check, evaluated, lowered, refusal, run_ort, source

NUMPY = {"float": "float32", "double": "float64", "float16": "float16"}


POWERS = [
    ("float", "int32"), ("float", "int64"), ("float", "double"), ("double", "float"),
    ("int32", "int32"), ("int32", "float"), ("int64", "float"), ("float", "uint8"),
]  # fmt: skip


@pytest.mark.parametrize("to", [11, 9])
@pytest.mark.parametrize(("base", "exponent"), POWERS)
def test_powers_of_two_types(base: str, exponent: str, to: int) -> None:
    text = f"g ({base}[5,1] a, {exponent}[4] b) => ({base}[5,4] y) {{ y = Pow(a, b) }}"
    kinds = {"float": np.float32, "double": np.float64}
    a = np.array([[1], [2], [3], [5], [7]], kinds.get(base, base))
    b = np.array([0, 1, 2, 5], kinds.get(exponent, exponent))
    check(source(text, 13), to, {"a": a, "b": b}, ulp=1)


@pytest.mark.parametrize("exponent", ["int32", "int64", "uint64", "float"])
def test_known_powers_of_short_integers(exponent: str) -> None:
    text = f"g (int32[5,1] a) => (int32[5,3] y) <{exponent}[3] b = {{0, 4, 9}}>"
    a = np.array([[1], [2], [-3], [5], [7]], np.int32)
    check(source(text + "{ y = Pow(a, b) }", 13), 9, {"a": a})


@pytest.mark.parametrize("power", [1, 2, 3, 7])
def test_small_powers_of_long_integers_are_products(power: int) -> None:
    text = f"g (int64[4] x) => (int64[4] y) <int64 p = {{{power}}}> {{ y = Pow(x, p) }}"
    a = np.array([3, -5, 301, 2**62 + 3 if power == 1 else 411], np.int64)
    made = lowered(source(text, 13), 11)
    np.testing.assert_array_equal(evaluated(made, {"x": a})[0], a**power)


@pytest.mark.parametrize("dtype", ["int8", "int32", "uint32", "int64", "uint64", "uint8"])
@pytest.mark.parametrize("fmod", [0, 1])
@pytest.mark.parametrize("fixed", [False, True])
def test_remainders_of_integers(fmod: int, dtype: str, fixed: bool) -> None:
    low = 0 if dtype.startswith("u") else -7
    b = [one for one in range(low, 8) if one and not (fixed and one < 0)]
    a = np.arange(low * 3, 24).astype(dtype)
    divisor = f"{dtype}[{len(b)}] b"
    weights = f"<{divisor} = {{{', '.join(map(str, b))}}}>" if fixed else ""
    text = (
        f"g ({dtype}[{len(a)},1] a{'' if fixed else ', ' + divisor}) => "
        f"({dtype}[{len(a)},{len(b)}] y) {weights} {{ y = Mod<fmod={fmod}>(a, b) }}"
    )
    feeds = {"a": a[:, None]} | ({} if fixed else {"b": np.array(b, dtype)})
    check(source(text, 13), 9, feeds)


@pytest.mark.parametrize("dtype", ["float", "double", "float16"])
def test_remainders_of_floats_have_the_side_of_the_divisor(dtype: str) -> None:
    values = np.array([0, -0.0, 1, -1, 3.5, -3.5, 1e4, -7, np.inf, -np.inf, np.nan], NUMPY[dtype])
    text = f"g ({dtype}[11,1] x, {dtype}[11] b) => ({dtype}[11,11] y) {{ y = Mod(x, b) }}"
    made = lowered(source(text, 28), 26)
    found = evaluated(made, {"x": values[:, None], "b": values})[0]
    with np.errstate(all="ignore"):
        expected = np.mod(values[:, None], values)
    np.testing.assert_array_equal(found, expected)
    kept = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(found)[kept], np.signbit(expected)[kept])


@pytest.mark.parametrize("to", [8, 7])
@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64"])
@pytest.mark.parametrize(
    ("a", "b", "y"),
    [("2,3", "3,4", "2,4"), ("3", "3,4", "4"), ("2,3", "3", "2"), ("3", "3", ""),
     ("5,1,2,3", "6,3,4", "5,6,2,4"), ("3", "6,3,4", "6,4"), ("5,2,3", "3", "5,2")],
)  # fmt: skip
def test_products_of_integer_matrices(a: str, b: str, y: str, dtype: str, to: int) -> None:
    result = f"{dtype}[{y}]" if y else dtype
    text = f"g ({dtype}[{a}] a, {dtype}[{b}] b) => ({result} y) {{ y = MatMul(a, b) }}"
    info, rng = np.iinfo(dtype), np.random.default_rng(0)
    shapes = {"a": [int(one) for one in a.split(",")], "b": [int(one) for one in b.split(",")]}
    feeds = {name: rng.integers(info.min, info.max, shape, dtype) for name, shape in shapes.items()}
    check(source(text, 9), to, feeds)


def test_gemm_of_integers() -> None:
    node = "y = Gemm<transA=1, alpha=2.0, beta=3.0>(a, b, c)"
    text = f"g (int64[3,2] a, int64[3,4] b, int64[4] c) => (int64[2,4] y) {{ {node} }}"
    made = lowered(source(text, 9), 8)
    rng = np.random.default_rng(0)
    a, b, c = (rng.integers(-9, 9, shape) for shape in ((3, 2), (3, 4), (4,)))
    (found,) = evaluated(made, {"a": a, "b": b, "c": c})
    np.testing.assert_array_equal(found, 2 * (a.T @ b) + 3 * c)
    uneven = text.replace("2.0", "0.5")
    assert "no integers, as the operands are" in refusal(source(uneven, 9), 8)


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64"])
def test_prelu_of_integers(dtype: str) -> None:
    text = f"g ({dtype}[40] x, {dtype}[1] s) => ({dtype}[40] y) {{ y = PRelu(x, s) }}"
    x = np.random.default_rng(0).integers(np.iinfo(dtype).min, np.iinfo(dtype).max, 40, dtype)
    made = lowered(source(text, 9), 8)
    slope = np.array([3], dtype)
    (found,) = evaluated(made, {"x": x, "s": slope})
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(found, np.where(x < 0, x * slope, x))


@pytest.mark.parametrize("to", [9, 8])
@pytest.mark.parametrize("dtype", ["float", "double", "float16"])
def test_remainders_of_floats_are_exact(dtype: str, to: int) -> None:
    """Also of quotients of a thousand bits, of numbers below the normal ones, NaN, infinities."""
    info = np.finfo(NUMPY[dtype])
    rng = np.random.default_rng(0)
    with np.errstate(over="ignore", under="ignore"):
        some = [0, -0.0, 1, -1, 3.5, 5.3, -7, 1e4, np.inf, -np.inf, np.nan, info.max, info.tiny]
        x = np.array([*some, info.smallest_subnormal * 3, -info.max], info.dtype)
        x = np.concatenate([x, rng.standard_normal(5).astype(info.dtype) * info.dtype.type(1e3)])
    text = f"g ({dtype}[20,1] x, {dtype}[20] b) => ({dtype}[20,20] y) {{ y = Mod<fmod=1>(x, b) }}"
    made = lowered(source(text, 13), to)
    with np.errstate(all="ignore"):
        expected = np.fmod(x[:, None], x)
    try:
        (found,) = run_ort(made, {"x": x[:, None], "b": x})
    except Exception:
        found = evaluated(made, {"x": x[:, None], "b": x})[0]
    np.testing.assert_array_equal(found, expected)


def test_remainders_of_no_floats() -> None:
    text = "g (float[n] x, float[1] b) => (float[n] y) { y = Mod<fmod=1>(x, b) }"
    feeds = {"x": np.zeros(0, np.float32), "b": np.ones(1, np.float32)}
    (found,) = evaluated(lowered(source(text, 13), 9), feeds)
    assert found.shape == (0,)


@pytest.mark.parametrize("to", [11, 9, 8])
@pytest.mark.parametrize("exponent", ["int64", "int32", "uint8"])
def test_powers_of_long_integers_wrap(exponent: str, to: int) -> None:
    text = f"g (int64[7,1] x, {exponent}[6] b) => (int64[7,6] y) {{ y = Pow(x, b) }}"
    x = np.array([[-3], [-1], [0], [1], [2], [7], [2**40 + 1]], np.int64)
    b = np.array([0, 1, 2, 5, 40, 63]).astype(exponent)
    found = evaluated(lowered(source(text, 13), to), {"x": x, "b": b})[0]
    np.testing.assert_array_equal(found, x ** b.astype(np.int64))


def test_powers_of_long_integers_with_negative_exponents() -> None:
    text = "g (int64[4] x, int64[4] b) => (int64[4] y) { y = Pow(x, b) }"
    x, b = np.array([-1, -1, 1, 5]), np.array([-1, -2, -3, -1])
    found = evaluated(lowered(source(text, 13), 11), {"x": x, "b": b})[0]
    np.testing.assert_array_equal(found, [-1, 1, 1, 0])
