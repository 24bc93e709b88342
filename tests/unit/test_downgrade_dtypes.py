"""Operators at opsets that do not take their dtype: in another one, where nothing changes."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from pyonnxtool.downgrade.dtypes import holds
from support.downgraded import check, lowered, refusal, source

INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]


def whole_range(dtype: str, seed: int, shape: tuple[int, ...] = (6, 7)) -> Any:
    """Integers over all of the range of the type, its ends among them."""
    info = np.iinfo(dtype)
    rng = np.random.default_rng(seed)
    found = rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
    found.reshape(-1)[:2] = info.min, info.max
    return found


def ops_of(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize("narrow", INTEGERS)
@pytest.mark.parametrize("wide", [*INTEGERS, "float16", "float32", "float64"])
def test_a_type_holds_another(wide: str, narrow: str) -> None:
    """As numpy's safe casts, where int64 to float64 is none; floats hold powers of two too."""
    ends = np.iinfo(narrow)
    near = [ends.min, ends.max, ends.max - 1, 1 - abs(ends.min) if ends.min else 1]
    if wide.startswith("float"):
        with np.errstate(over="ignore"):
            same = all(int(v) == one for one in near if np.isfinite(v := np.dtype(wide).type(one)))
            same &= np.isfinite(np.dtype(wide).type(ends.max))
    else:
        room = np.iinfo(wide)
        same = room.min <= ends.min and ends.max <= room.max
    assert holds(wide, narrow) == same


@pytest.mark.parametrize("to", [11, 9])
@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("op", ["Max", "Min"])
def test_max_and_min_of_integers(op: str, dtype: str, to: int) -> None:
    given = f"{dtype}[6,7] a, {dtype}[7] b, {dtype}[6,1] c"
    text = f"g ({given}) => ({dtype}[6,7] y) {{ y = {op}(a, b, c) }}"
    feeds = {
        "a": whole_range(dtype, 0),
        "b": whole_range(dtype, 1, (7,)),
        "c": whole_range(dtype, 2, (6, 1)),
    }
    check(source(text, 13), to, feeds)


@pytest.mark.parametrize("to", [11, 9])
@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("given", ["lo, hi", "lo", '"", hi', ""])
def test_clip_of_integers(given: str, dtype: str, to: int) -> None:
    operands = f", {given}" if given else ""
    text = (
        f"g ({dtype}[6,7] x) => ({dtype}[6,7] y) <{dtype} lo = {{3}}, {dtype} hi = {{101}}>"
        f"{{ y = Clip(x{operands}) }}"
    )
    check(source(text, 13), to, {"x": whole_range(dtype, 3)})


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64"])
def test_relu_of_integers(dtype: str) -> None:
    text = f"g ({dtype}[6,7] x) => ({dtype}[6,7] y) {{ y = Relu(x) }}"
    for to in (13, 11, 9):
        check(source(text, 14), to, {"x": whole_range(dtype, 4)})


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16"])
@pytest.mark.parametrize("op", ["Add", "Sub", "Mul"])
def test_arithmetic_of_short_integers_wraps(op: str, dtype: str) -> None:
    text = f"g ({dtype}[6,7] a, {dtype}[6,7] b) => ({dtype}[6,7] y) {{ y = {op}(a, b) }}"
    feeds = {"a": whole_range(dtype, 5), "b": whole_range(dtype, 6)}
    for to in (13, 9):
        check(source(text, 14), to, feeds)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16"])
def test_division_of_short_integers_rounds_to_zero(dtype: str) -> None:
    text = f"g ({dtype}[6,7] a, {dtype}[6,7] b) => ({dtype}[6,7] y) {{ y = Div(a, b) }}"
    a, b = whole_range(dtype, 7), whole_range(dtype, 8)
    b[(b == 0) | (b == np.array(-1).astype(dtype))] = 3
    check(source(text, 14), 13, {"a": a, "b": b})


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "bool"])
def test_what_only_moves_keeps_every_integer(dtype: str) -> None:
    text = f"g ({dtype}[6,7] x) => ({dtype}[1,42] y) {{ y = Flatten<axis=0>(x) }}"
    x = whole_range("int8", 9) > 0 if dtype == "bool" else whole_range(dtype, 9)
    check(source(text, 9), 8, {"x": x})


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(
    ("op", "to"), [("Elu", 17), ("Selu", 15), ("Cos", 17), ("Softplus", 13), ("HardSigmoid", 21)]
)
def test_short_floats_go_through_float32(op: str, to: int, dtype: str) -> None:
    text = f"g ({dtype}[6,7] x) => ({dtype}[6,7] y) {{ y = {op}(x) }}"
    made = lowered(source(text, 22), to)
    expected = ["Cast", op, "Cast"] if dtype == "bfloat16" else [op]
    assert ops_of(made) == expected


def test_one_rounding_of_a_short_float() -> None:
    """As from infinite precision: twice as many bits and two are enough for a sum."""
    text = "g (bfloat16[1000] a, bfloat16[1000] b) => (bfloat16[1000] y) { y = PRelu(a, b) }"
    made = lowered(source(text, 16), 15)
    assert ops_of(made) == ["Cast", "Cast", "PRelu", "Cast"]
    check(source(text, 16), 15)


def with_weight(text: str, opset: int, weight: onnx.TensorProto) -> onnx.ModelProto:
    """The model of the text with an initializer that text cannot say."""
    model = onnx.parser.parse_model(source(text, opset))
    model.graph.initializer.append(weight)
    return model


def test_constants_are_converted_at_once() -> None:
    text = "g (bfloat16[1,2,3] x) => (bfloat16[1,1,3] y) { y = Conv(x, w) }"
    weight = onnx.helper.make_tensor("w", onnx.TensorProto.BFLOAT16, [1, 2, 1], [1.5, -2.0])
    made = lowered(with_weight(text, 22, weight), 21)
    assert ops_of(made) == ["Cast", "Conv", "Cast"]
    assert [one.data_type for one in made.graph.initializer] == [onnx.TensorProto.FLOAT]


@pytest.mark.parametrize(
    ("dtype", "gone"), [("FLOAT8E4M3FN", 18), ("FLOAT8E5M2", 18), ("INT4", 20), ("UINT4", 20)]
)
@pytest.mark.parametrize("as_node", [False, True])
def test_weights_of_types_that_are_gone(dtype: str, gone: int, as_node: bool) -> None:
    weight = onnx.helper.make_tensor("w", onnx.TensorProto.DataType.Value(dtype), [4], [1, 2, 0, 4])
    model = with_weight("g () => (float[4] y) { y = Cast<to=1>(w) }", 21, weight)
    if as_node:
        del model.graph.initializer[:]
        node = onnx.helper.make_node("Constant", [], ["w"], value=weight)
        model.graph.node.insert(0, node)
    made = check(model, gone, {})
    assert ops_of(made) == ["Identity"]


def test_moves_of_eight_bits_keep_infinities() -> None:
    text = "g (float8e5m2[4] x) => (float8e5m2[1,4] y) <int64[1] a = {0}> { y = Unsqueeze(x, a) }"
    x = np.array([np.inf, -np.inf, np.nan, 1.5], ml_dtypes.float8_e5m2)
    made = lowered(source(text, 21), 20)
    assert ops_of(made) == ["Cast", "Unsqueeze", "Cast"]
    (found,) = ReferenceEvaluator(made).run(None, {"x": x})
    np.testing.assert_array_equal(found[0].astype(np.float32), x.astype(np.float32))


def test_types_that_do_not_exist_below_are_refused() -> None:
    text = "g (bfloat16[2] x) => (bfloat16[2] y) { y = Elu(x) }"
    assert "there is no bfloat16 before opset 13" in refusal(source(text, 22), 12)


def test_bool_where_only_numbers_are_taken() -> None:
    text = "g (bool[3,4] x) => (bool[3,1] y) <int64[1] a = {1}> { y = ReduceMax(x, a) }"
    made = check(source(text, 20), 17)
    assert ops_of(made) == ["Cast", "ReduceMax", "Cast"]


def test_strings_have_no_other_type() -> None:
    text = "g (string[2] a, string[2] b) => (bool[2] y) { y = Equal(a, b) }"
    assert "Equal takes no tensor(string)" in refusal(source(text, 19), 18)


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("v = Shape (x)", True),
        ("v = ArgMax <axis = 1, keepdims = 0> (x)", True),
        ("s = Shape (x)  t = Shape (x)  v = Concat <axis = 0> (s, t)", True),
        ("v = Cast <to = 7> (b)", True),
        ("s = Shape (x)  v = Mul (s, s)", False),
        ("f = Exp (g)  v = Cast <to = 7> (f)", False),
        ("v = Identity (n)", False),
    ],
)
def test_integers_that_fit_into_doubles(value: str, fits: bool) -> None:
    """Sizes, places and shorter integers are compared as doubles, others in two halves."""
    inputs = "float[h,3] x, float[5] g, bool[4] b, int64[2] n"
    text = f"g ({inputs}) => (bool[k] y) {{ {value}  y = Less (v, w) }}"
    weight = onnx.numpy_helper.from_array(np.array(3), "w")
    made = ops_of(lowered(with_weight(text, 9, weight), 8))
    assert ("Div" in made) != fits


BODIES = {
    "If": """g (bool c, bfloat16[2] x) => (bfloat16[2] y) {
        y = If (c) <then_branch = t () => (bfloat16[2] a) { a = Add (x, x) },
                    else_branch = e () => (bfloat16[2] b) { b = Mul (x, x) }> }""",
    "Loop": """g (bfloat16[2] x) => (bfloat16[2] y, bfloat16[3,2] z) <int64 n = {3}, bool c = {1}> {
        y, z = Loop (n, c, x) <body = b (int64 i, bool k, bfloat16[2] v)
            => (bool l, bfloat16[2] w, bfloat16[2] u) {
                l = Identity (k)  w = Add (v, v)  u = Identity (v) }> }""",
    "Loop of which one output is read": """g (bfloat16[2] x) => (bfloat16[3,2] z)
        <int64 n = {3}, bool c = {1}> {
        y, z = Loop (n, c, x) <body = b (int64 i, bool k, bfloat16[2] v)
            => (bool l, bfloat16[2] w, bfloat16[2] u) {
                l = Identity (k)  w = Add (v, v)  u = Identity (v) }> }""",
    "Scan": """g (bfloat16[2] x, bfloat16[4,2] s) => (bfloat16[2] y, bfloat16[4,2] z) {
        y, z = Scan <num_scan_inputs = 1, body = b (bfloat16[2] v, bfloat16[2] e)
            => (bfloat16[2] w, bfloat16[2] u) { w = Add (v, e)  u = Identity (w) }> (x, s) }""",
}


@pytest.mark.parametrize("op", list(BODIES))
@pytest.mark.parametrize("to", [15, 13])
def test_values_that_pass_through_bodies(op: str, to: int) -> None:
    model = onnx.parser.parse_model(source(BODIES[op], 16))
    if "one output" in op:
        model.graph.node[0].output[0] = ""
    made = lowered(model, to)
    assert op.partition(" ")[0] in ops_of(made)
    feeds = {"x": np.array([1.5, -2.25], ml_dtypes.bfloat16), "c": np.array(True)}
    feeds["s"] = np.arange(8).reshape(4, 2).astype(ml_dtypes.bfloat16)
    feeds = {one.name: feeds[one.name] for one in model.graph.input}
    before, after = (ReferenceEvaluator(one).run(None, feeds) for one in (model, made))
    for ours, theirs in zip(before, after, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours.astype(np.float32), theirs.astype(np.float32))
