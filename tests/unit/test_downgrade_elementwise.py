"""Activations, powers, rounding and comparisons, in the operators of older opsets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.helper import tensor_dtype_to_np_dtype

from support.downgraded import check, evaluated, lowered, refusal, run_ort, source

EDGES = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.5, -0.5, 1e-30, -1e30, 3.5, 80.0, -100.0]
NUMPY = {"float": "float32", "double": "float64", "float16": "float16"}


def edges(dtype: str) -> Any:
    """Floats where something could go wrong, and some where nothing should."""
    rng = np.random.default_rng(0)
    with np.errstate(over="ignore"):
        return np.concatenate([EDGES, rng.standard_normal(50) * 3]).astype(NUMPY[dtype])


def of(op: str, dtype: str = "float", result: str | None = None, opset: int = 26) -> str:
    """A model of one operator of x: `Gelu<approximate="tanh">(x)`."""
    return source(f"g ({dtype}[64] x) => ({result or dtype}[64] y) {{ y = {op} }}", opset)


def ops_of(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def gelu(x: Any, form: str) -> Any:
    """The formulas of the text, in doubles."""
    if form == "tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


@pytest.mark.parametrize("to", [19, 13, 9])
@pytest.mark.parametrize("dtype", ["float", "double"])
@pytest.mark.parametrize("form", ["none", "tanh"])
def test_gelu(form: str, dtype: str, to: int) -> None:
    """Within 4 ULP of the operand: what 1 + Erf loses near minus one is lost by definition."""
    x = np.linspace(-4, 8, 64).astype(NUMPY[dtype])
    made = lowered(of(f'Gelu<approximate="{form}">(x)', dtype, opset=20), to)
    assert len(made.graph.node) == (5 if form == "none" else 9)
    if form == "none" and dtype == "double":
        return  # the reference has Erf of floats alone
    close = np.abs(x) * np.finfo(x.dtype).eps * 4
    assert np.all(np.abs(evaluated(made, {"x": x})[0] - gelu(x.astype(np.float64), form)) <= close)


@pytest.mark.parametrize("dtype", ["float", "double"])
@pytest.mark.parametrize("alpha", [1.0, 1.702, -0.5])
def test_swish(alpha: float, dtype: str) -> None:
    x = np.linspace(-6, 6, 64).astype(NUMPY[dtype])
    made = check(of(f"Swish<alpha={alpha}>(x)", dtype), 9, {"x": x}, ulp=2)
    assert len(made.graph.node) == (2 if alpha == 1 else 3)


def test_a_gate() -> None:
    text = "g (float[3,4] a, float[3,4] b) => (float[3,4] y) { y = SwiGLU<alpha=2.0>(a, b) }"
    assert ops_of(check(source(text), 13, ulp=2)) == ["Mul", "Sigmoid", "Mul", "Mul"]


@pytest.mark.parametrize("op", ["Mish", "HardSwish"])
def test_functions_of_few_nodes(op: str) -> None:
    x = np.linspace(-6, 6, 64).astype(np.float32)
    made = check(of(f"{op}(x)"), 9, {"x": x}, ulp=8)
    assert len(made.graph.node) <= 3


@pytest.mark.parametrize("to", [27, 17, 11, 9])
@pytest.mark.parametrize("dtype", ["float", "double", "float16", "bfloat16"])
@pytest.mark.parametrize("alpha", [1.0, 0.25, 3.0, -2.0])
def test_celu(alpha: float, dtype: str, to: int) -> None:
    if dtype == "bfloat16" and to < 13:
        return
    text = of(f"Celu<alpha={alpha}>(x)", dtype, opset=28)
    made = lowered(text, to)
    x = np.linspace(-5, 5, 64)
    expected = np.maximum(0, x) + np.minimum(0, alpha * np.expm1(x / alpha))
    kind = tensor_dtype_to_np_dtype(made.graph.input[0].type.tensor_type.elem_type)
    eps = {"float": 2**-23, "double": 2**-52, "float16": 2**-10, "bfloat16": 2**-7}[dtype]
    found = evaluated(made, {"x": x.astype(kind)})[0].astype(np.float64)
    assert np.all(np.abs(found - expected) <= 16 * eps * np.maximum(np.abs(expected), abs(alpha)))


@pytest.mark.parametrize("dtype", ["float", "double", "float16"])
def test_round_takes_halves_to_the_even_number(dtype: str) -> None:
    """Nothing rounds on the way: numbers next to a half, and beyond the mantissa, stay apart."""
    kind = np.dtype(NUMPY[dtype]).type
    halves = np.arange(-8, 8, dtype=kind) + kind(0.5)
    info = np.finfo(kind)
    large = [kind(2) ** (info.nmant + extra) + 1 for extra in (-1, 0, 1)]
    points = np.concatenate(
        [
            halves,
            np.nextafter(halves, kind(np.inf)),
            np.nextafter(halves, kind(-np.inf)),
            np.array([*large, *(-one for one in large), np.inf, -np.inf, np.nan, 0.0], kind),
            np.array([info.tiny, -info.tiny, info.max, info.min, 0.3], kind),
        ]
    ).astype(kind)
    size = len(points)
    text = source(f"g ({dtype}[{size}] x) => ({dtype}[{size}] y) {{ y = Round(x) }}", 11)
    check(text, 10, {"x": points})
    check(text, 9, {"x": points})


@pytest.mark.parametrize("dtype", ["float", "double"])
@pytest.mark.parametrize(
    ("negative", "positive"), [(1, 1), (0, 1), (1, 0), (0, 0)], ids=["both", "+", "-", "none"]
)
def test_is_inf(negative: int, positive: int, dtype: str) -> None:
    flags = f"detect_negative={negative}, detect_positive={positive}"
    x = edges(dtype)
    x[:2] = np.finfo(x.dtype).max, np.finfo(x.dtype).min
    check(of(f"IsInf<{flags}>(x)", dtype, "bool"), 9, {"x": x})


@pytest.mark.parametrize("dtype", ["float", "double", "float16"])
def test_is_nan(dtype: str) -> None:
    check(of("IsNaN(x)", dtype, "bool"), 8, {"x": edges(dtype)})


def test_is_inf_of_short_floats() -> None:
    check(of("IsInf(x)", "float16", "bool"), 17, {"x": edges("float16")})


@pytest.mark.parametrize("to", [11, 10, 9, 7])
@pytest.mark.parametrize("dtype", ["float", "double"])
@pytest.mark.parametrize("op", ["Equal", "GreaterOrEqual", "LessOrEqual"])
def test_comparisons_with_nan_and_infinities(op: str, dtype: str, to: int) -> None:
    values = np.array([0.0, -0.0, 1.0, np.inf, -np.inf, np.nan, 3e38, -3e38], NUMPY[dtype])
    text = f"g ({dtype}[8,1] a, {dtype}[8] b) => (bool[8,8] y) {{ y = {op}(a, b) }}"
    check(source(text, 16), to, {"a": values[:, None], "b": values})


@pytest.mark.parametrize("to", [11, 10, 9, 8])
@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "uint32", "int64", "uint64"])
@pytest.mark.parametrize("op", ["Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"])
def test_comparisons_of_integers(op: str, dtype: str, to: int) -> None:
    info = np.iinfo(dtype)
    values = np.array([info.min, info.min + 1, 0, 1, info.max // 2, info.max - 1, info.max], dtype)
    text = f"g ({dtype}[7,1] a, {dtype}[7] b) => (bool[7,7] y) {{ y = {op}(a, b) }}"
    check(source(text, 16), to, {"a": values[:, None], "b": values})


@pytest.mark.parametrize("to", [10, 9, 7])
@pytest.mark.parametrize("dtype", ["float", "double", "float16"])
@pytest.mark.parametrize("given", ["x, lo, hi", "x, lo", 'x, "", hi', "x", "x, hi, lo"])
def test_clip(given: str, dtype: str, to: int) -> None:
    model = onnx.parser.parse_model(of(f"Clip({given})", dtype, opset=11))
    for name, bound in (("lo", -0.7), ("hi", 1.3)):
        tensor = onnx.numpy_helper.from_array(np.array(bound, NUMPY[dtype]), name)
        model.graph.initializer.append(tensor)
    x = edges(dtype)
    check(model, to, {"x": x[np.isfinite(x)].repeat(2)[:64]})


def test_clip_with_bounds_that_are_computed() -> None:
    text = "g (float[8] x, float lo, float hi) => (float[8] y) { y = Clip(x, lo, hi) }"
    feeds = {"lo": np.float32(-0.5), "hi": np.float32(0.4)}
    x = np.linspace(-1, 1, 8).astype(np.float32)
    check(source(text, 13), 9, {"x": x, **{name: np.array(v) for name, v in feeds.items()}})


@pytest.mark.parametrize("dtype", ["float", "double"])
def test_thresholded_relu(dtype: str) -> None:
    x = edges(dtype)
    check(of("ThresholdedRelu<alpha=0.5>(x)", dtype), 9, {"x": x[~np.isnan(x)].repeat(2)[:64]})


@pytest.mark.parametrize("trans", [0, 1])
def test_gemm_without_a_sum(trans: int) -> None:
    shape = "3,4" if trans else "4,3"
    node = f"y = Gemm<transB={trans}, alpha=0.5>(a, b)"
    text = f"g (float[2,4] a, float[{shape}] b) => (float[2,3] y) {{ {node} }}"
    check(source(text, 13), 9)


def test_cast_like_needs_a_type() -> None:
    text = (
        '<ir_version: 8, opset_import: ["" : 17, "custom" : 1]>'
        "g (float[2] x) => (float[2] y) { a = custom.Any(x) b = CastLike(x, a) y = custom.Any(b) }"
    )
    assert "the element type of `target_type`" in refusal(text, 14)


def test_cast_drops_what_only_small_floats_need() -> None:
    text = "g (float[2] x) => (float16[2] y) { y = Cast<to=10, saturate=0>(x) }"
    made = check(source(text, 23), 18)
    assert [one.name for one in made.graph.node[0].attribute] == ["to"]


@pytest.mark.parametrize("dtype", ["float", "double"])
@pytest.mark.parametrize("op", ["Max", "Min", "Sum"])
@pytest.mark.parametrize("sizes", ["3,1 1,4 3,4", "3,4 3,4 3,4", "n,1 1,m n,m"])
def test_operands_of_several_shapes(op: str, sizes: str, dtype: str) -> None:
    first, second, result = sizes.split()
    text = (
        f"g ({dtype}[{first}] a, {dtype}[{second}] b) => ({dtype}[{result}] y) {{ y = {op}(a, b) }}"
    )
    shapes = [
        [3 if size == "n" else 4 if size == "m" else int(size) for size in one.split(",")]
        for one in (first, second)
    ]
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(shape).astype(NUMPY[dtype]) for shape in shapes)
    a[0, 0] = np.inf
    made = check(source(text, 8), 7, {"a": a, "b": b})
    assert (ops_of(made) == [op]) == (sizes == "3,4 3,4 3,4")


@pytest.mark.parametrize("dtype", ["float", "double", "int32", "int64", "uint32", "int8"])
def test_sign(dtype: str) -> None:
    x = edges(dtype) if dtype in NUMPY else np.arange(64).astype(dtype)
    if dtype not in NUMPY and not dtype.startswith("u"):
        x -= 30
    check(of("Sign(x)", dtype, opset=9), 8, {"x": x})


def test_a_mean_of_several_shapes() -> None:
    text = "g (float[3,1] a, float[1,4] b, float[4] c) => (float[3,4] y) { y = Mean(a, b, c) }"
    check(source(text, 8), 7, ulp=2)


@pytest.mark.parametrize("dtype", ["float", "float16"])
def test_erf(dtype: str) -> None:
    """Within one ULP; half of one is lost where the result is rounded."""
    x = np.concatenate(
        [np.linspace(-5, 5, 4000), 10.0 ** np.linspace(-4, 0, 500), [np.inf, -np.inf]]
    )
    x = x.astype(NUMPY[dtype])
    text = source(f"g ({dtype}[n] x) => ({dtype}[n] y) {{ y = Erf(x) }}", 9)
    exact = np.vectorize(math.erf)(x.astype(np.float64))
    for to in (8, 7):
        (found,) = run_ort(lowered(text, to), {"x": x})
        assert np.max(np.abs(found - exact) / np.spacing(np.abs(exact).astype(x.dtype))) <= 1
    assert "Erf of float64" in refusal(text.replace(dtype, "double"), 8)


DOMAINS = {"Sinh": 80, "Cosh": 80, "Asinh": 1e30, "Acosh": 1e30, "Atanh": 1}


@pytest.mark.parametrize("dtype", ["float", "double", "float16"])
@pytest.mark.parametrize("op", list(DOMAINS))
def test_hyperbolic_functions(op: str, dtype: str) -> None:
    """Within one ULP of floats, near zero and near one too; within 6 ULP of doubles."""
    kind = NUMPY[dtype]
    near = 10.0 ** np.linspace(-6, 0, 60)
    far = np.linspace(-1, 1, 61) * min(DOMAINS[op], 1e4)
    beyond = [DOMAINS[op], -DOMAINS[op], np.inf, -np.inf, np.nan, 0.0, 1.0, -1.0, 2.0, 1e3]
    with np.errstate(over="ignore"):
        x = np.concatenate([near, -near, 1 + near, far, beyond]).astype(kind)
    exact_of = getattr(np, "arc" + op[1:].lower() if op[0] == "A" else op.lower())
    text = source(f"g ({dtype}[n] x) => ({dtype}[n] y) {{ y = {op}(x) }}", 9)
    found = evaluated(lowered(text, 8), {"x": x})[0].astype(np.float64)
    with np.errstate(all="ignore"):
        exact = exact_of(x.astype(np.longdouble)).astype(np.float64)
        ulp = np.abs(found - exact) / np.spacing(np.abs(exact).astype(kind)).astype(np.float64)
        finite = np.isfinite(exact.astype(kind))
    np.testing.assert_array_equal(np.isnan(found), np.isnan(exact))
    assert np.max(ulp[finite]) <= (6 if dtype == "double" else 1)
    infinite = ~finite & ~np.isnan(exact)
    np.testing.assert_array_equal(found[infinite], np.sign(exact[infinite]) * np.inf)


@pytest.mark.parametrize("dtype", ["float", "double", "int32", "int8"])
@pytest.mark.parametrize("to", [8, 7])
def test_shrink(to: int, dtype: str) -> None:
    x = np.linspace(-4, 4, 64).astype(NUMPY[dtype]) if dtype in NUMPY else np.arange(-32, 32)
    x = x.astype(NUMPY.get(dtype, dtype))
    made = lowered(of("Shrink<bias=1.0, lambd=2.0>(x)", dtype, opset=9), to)
    expected = np.where(x < -2, x + 1, np.where(x > 2, x - 1, 0))
    np.testing.assert_array_equal(evaluated(made, {"x": x})[0], expected)
    assert "no integers of" in refusal(of("Shrink<lambd=0.5>(x)", "int32", opset=9), 8)
