"""Elements that are computed are the very ones that a runtime computes, rounding and all."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from pyonnxtool import _core, from_proto
from support.one_node import Constant, node_model
from support.ort_runs import run

INTEGERS = ["Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mod", "Pow"]
COMPARED = ["Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"]
LOGIC = ["And", "Or", "Xor"]
BITS = ["BitwiseAnd", "BitwiseOr", "BitwiseXor"]
ROUNDED = ["Abs", "Neg", "Floor", "Ceil", "Round", "Sqrt", "Sign", "Relu"]
REDUCTIONS = ["ReduceSum", "ReduceProd", "ReduceMax", "ReduceMin", "ReduceMean"]


def known(model: onnx.ModelProto, name: str = "y0") -> list[Any]:
    """Elements of an output; there are some."""
    facts = _core.infer_shapes(from_proto(model))
    elements = facts.value(name).elements
    assert elements is not None
    return list(elements)


def agrees(model: onnx.ModelProto) -> int:
    """How many elements are known; each is bit for bit what onnxruntime computes."""
    facts = _core.infer_shapes(from_proto(model))
    assert not facts.contradictions
    (outputs,) = run(model, [{}])
    told = 0
    for at, array in enumerate(outputs):
        fact = facts.value(f"y{at}")
        assert fact.dims == list(array.shape)
        assert fact.dtype == array.dtype.name
        if fact.elements is None:
            continue
        for element, real in zip(fact.elements, array.ravel().tolist(), strict=True):
            assert element is None or element == real, (fact.elements, array)
            assert element != 0 or not np.signbit(real), "-0.0 is no 0"
            told += element is not None
    return told


def whole(draw: random.Random, shape: tuple[int, ...], dtype: str = "int64") -> NDArray[Any]:
    low = 0 if dtype.startswith("u") else -9
    return np.array([draw.randint(low, 9) for _ in range(int(np.prod(shape)))], dtype).reshape(
        shape
    )


def floats(draw: random.Random, count: int, dtype: str = "float32") -> NDArray[Any]:
    """Few digits, many digits, halves, and numbers that float32 cannot tell apart."""
    kinds = [0.5, 1.5, 0.7, 3.0, 224.0, 1 / 3, 2.0**24 + 2, -2.5, 1e-3, 100.0, -0.7, 0.0]
    return np.array([draw.choice(kinds) for _ in range(count)], dtype)


@pytest.mark.parametrize("op_type", INTEGERS)
@pytest.mark.parametrize("dtype", ["int64", "int32"])
def test_whole_numbers(op_type: str, dtype: str) -> None:
    draw = random.Random(op_type)
    a, b = whole(draw, (3, 1, 4), dtype), whole(draw, (5, 1), dtype)
    if op_type in ("Div", "Mod"):
        b[b == 0] = 3
    if op_type == "Pow":
        b = np.abs(b)
    if op_type in ("Max", "Min", "Sum") and dtype == "int32":
        op_type = "Max" if op_type == "Sum" else op_type
    if op_type == "Sum":  # onnxruntime sums floats alone
        a, b = a.astype("float32"), b.astype("float32")
    assert agrees(node_model(op_type, [Constant(a), Constant(b)])) == 60


def test_the_sign_of_a_remainder() -> None:
    a, b = Constant(np.array([7, -7, 7, -7])), Constant(np.array([3, 3, -3, -3]))
    assert known(node_model("Mod", [a, b])) == [1, 2, -2, -1]
    assert known(node_model("Mod", [a, b], fmod=1)) == [1, -1, 1, -1]
    assert agrees(node_model("Mod", [a, b], fmod=1)) == 4


def test_division_rounds_towards_zero() -> None:
    a, b = Constant(np.array([7, -7, 7, -7])), Constant(np.array([2, 2, -2, -2]))
    assert known(node_model("Div", [a, b])) == [3, -3, -3, 3]
    assert agrees(node_model("Div", [a, b])) == 4


def test_what_wraps_or_divides_by_zero_is_not_known() -> None:
    large = Constant(np.array([2**31 - 1, 5], np.int32))
    assert known(node_model("Add", [large, large])) == [None, 10]
    small = Constant(np.array([3, 9], np.uint8))
    assert known(node_model("Sub", [small, Constant(np.array([5, 5], np.uint8))])) == [None, 4]
    zero = Constant(np.array([0, 1]))
    assert known(node_model("Div", [Constant(np.array([4, 4])), zero])) == [None, 4]
    assert known(node_model("Mod", [Constant(np.array([4, 4])), zero])) == [None, 0]
    most = Constant(np.array([2**62, 2]))
    assert known(node_model("Mul", [most, most])) == [None, 4]


@pytest.mark.parametrize("op_type", ["Add", "Sub", "Mul", "Div", "Max", "Min"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_round_as_the_runtime_rounds(op_type: str, dtype: str) -> None:
    draw = random.Random(op_type + dtype)
    a, b = floats(draw, 60).astype(dtype), floats(draw, 60).astype(dtype)
    assert agrees(node_model(op_type, [Constant(a), Constant(b)])) > 30


@pytest.mark.parametrize("op_type", ROUNDED)
def test_functions_of_one_float(op_type: str) -> None:
    values = floats(random.Random(op_type), 60)
    if op_type == "Sqrt":
        values = np.abs(values)
    assert agrees(node_model(op_type, [Constant(values)])) > 15


def test_a_float_that_no_fraction_holds_is_not_known() -> None:
    specials = Constant(np.array([1.0, np.inf], np.float32))
    facts = _core.infer_shapes(from_proto(node_model("Floor", [specials])))
    assert facts.value("y0").elements is None
    nothing = Constant(np.array([0.0, 2.0], np.float32))
    assert known(node_model("Neg", [nothing])) == [None, -2]
    assert known(node_model("Ceil", [Constant(np.array([-0.5, 0.5], np.float32))])) == [None, 1]


@pytest.mark.parametrize("op_type", COMPARED)
def test_comparisons(op_type: str) -> None:
    draw = random.Random(op_type)
    a, b = whole(draw, (4, 5)), whole(draw, (5,))
    assert agrees(node_model(op_type, [Constant(a), Constant(b)])) == 20


@pytest.mark.parametrize("op_type", LOGIC)
def test_logic(op_type: str) -> None:
    a, b = np.array([0, 0, 1, 1], bool), np.array([0, 1, 0, 1], bool)
    assert agrees(node_model(op_type, [Constant(a), Constant(b)])) == 4
    assert agrees(node_model("Not", [Constant(a)])) == 4


def test_one_operand_may_decide() -> None:
    unknown = np.zeros(2, bool)
    decided = Constant(np.array([False, True]))
    assert known(node_model("And", [decided, unknown])) == [0, None]
    assert known(node_model("Or", [unknown, decided])) == [None, 1]
    pick = node_model("Where", [decided, Constant(np.array([1, 2])), np.zeros(2, np.int64)])
    assert known(pick) == [None, 2]


@pytest.mark.parametrize("op_type", BITS)
@pytest.mark.parametrize("dtype", ["int32", "uint8"])
def test_bits(op_type: str, dtype: str) -> None:
    draw = random.Random(op_type)
    a, b = whole(draw, (8,), dtype), whole(draw, (8,), dtype)
    assert agrees(node_model(op_type, [Constant(a), Constant(b)])) == 8
    assert agrees(node_model("BitwiseNot", [Constant(a)])) == 8


@pytest.mark.parametrize("direction", ["LEFT", "RIGHT"])
def test_shifts(direction: str) -> None:
    a, b = np.array([16, 4, 1, 200], np.uint8), np.array([1, 2, 3, 0], np.uint8)
    model = node_model("BitShift", [Constant(a), Constant(b)], direction=direction)
    assert agrees(model) == 4


@pytest.mark.parametrize("to", ["int64", "int32", "uint8", "bool", "float32", "float64", "float16"])
@pytest.mark.parametrize("of", ["int64", "float32", "bool", "float16"])
def test_casts(of: str, to: str) -> None:
    values = np.array([0, 1, 2, 5, 100, 3.75, 0.5], of)
    target = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(to))
    assert agrees(node_model("Cast", [Constant(values)], to=target)) == 7


def test_casts_that_leave_the_range() -> None:
    large = Constant(np.array([2**40, 2**24 + 1, -3]))
    assert known(node_model("Cast", [large], to=onnx.TensorProto.INT32)) == [None, 2**24 + 1, -3]
    assert known(node_model("Cast", [large], to=onnx.TensorProto.FLOAT)) == [2**40, 2**24, -3]
    assert known(node_model("Cast", [large], to=onnx.TensorProto.UINT64)) == [
        2**40,
        2**24 + 1,
        None,
    ]


@pytest.mark.parametrize("op_type", REDUCTIONS)
@pytest.mark.parametrize("keepdims", [0, 1])
def test_reductions(op_type: str, keepdims: int) -> None:
    values = whole(random.Random(op_type), (3, 4, 2), "int32")
    axes = Constant(np.array([-1, 0]))
    model = node_model(op_type, [Constant(values), axes], opset=18, keepdims=keepdims)
    assert agrees(model) >= (0 if op_type == "ReduceMean" else 4)


def test_sums_of_floats_in_any_order() -> None:
    exact = Constant(np.array([1.0, 2.0, 3.0], np.float32))
    assert known(node_model("ReduceSum", [exact], keepdims=0)) == [6]
    assert known(node_model("ReduceMean", [exact], keepdims=0)) == [2]
    rough = Constant(np.array([2.0**24, 1.0, 1.0], np.float32))
    facts = _core.infer_shapes(from_proto(node_model("ReduceSum", [rough], keepdims=0)))
    assert facts.value("y0").elements is None


@pytest.mark.parametrize("exclusive", [0, 1])
@pytest.mark.parametrize("reverse", [0, 1])
def test_running_sums(exclusive: int, reverse: int) -> None:
    values = whole(random.Random(5), (3, 4), "int32")
    how = {"exclusive": exclusive, "reverse": reverse}
    assert agrees(node_model("CumSum", [Constant(values), Constant(np.array(-1))], **how)) == 12


SIX = Constant(np.arange(6).reshape(2, 3))
MOVES: list[tuple[str, list[Any], dict[str, Any], int]] = [
    ("Transpose", [SIX], {}, 6),
    ("Reshape", [SIX, Constant(np.array([3, -1]))], {}, 6),
    ("Flatten", [SIX], {"axis": 0}, 6),
    ("Squeeze", [Constant(np.arange(3).reshape(1, 3, 1)), Constant(np.array([-1]))], {}, 3),
    ("Unsqueeze", [SIX, Constant(np.array([0, -1]))], {}, 6),
    ("Expand", [Constant(np.arange(3).reshape(3, 1)), Constant(np.array([2, 1, 4]))], {}, 24),
    ("Tile", [SIX, Constant(np.array([2, 2]))], {}, 24),
    ("Concat", [SIX, SIX], {"axis": -1}, 12),
    ("Split", [SIX, Constant(np.array([1, 2]))], {"axis": 1, "outputs": 2}, 6),
    ("Split", [SIX], {"axis": 1, "outputs": 2, "num_outputs": 2}, 6),
    ("Slice", [SIX, *[Constant(np.array([n])) for n in (-1, -4, 1, -2)]], {}, 4),
    ("Slice", [SIX, Constant(np.array([1])), Constant(np.array([2**63 - 1]))], {}, 3),
    ("Gather", [SIX, Constant(np.array([[-1, 0]]))], {"axis": 1}, 4),
    ("GatherElements", [SIX, Constant(np.array([[-1, 0, 1]]))], {}, 3),
    ("GatherND", [SIX, Constant(np.array([[1, -1], [0, 0]]))], {}, 2),
    ("GatherND", [SIX, Constant(np.array([[1], [0]]))], {"batch_dims": 1}, 2),
    ("ScatterElements", [SIX, Constant(np.array([[1, -2, 0]])), Constant(np.array([[7, 8, 9]]))],
     {}, 6),
    ("ScatterND", [SIX, Constant(np.array([[1], [0]])), SIX], {}, 6),
    ("Compress", [SIX, Constant(np.array([0, 1, 1], bool))], {"axis": 1}, 4),
    ("Compress", [SIX, Constant(np.array([0, 1, 0, 0, 1], bool))], {}, 2),
    ("Trilu", [SIX, Constant(np.array(1))], {}, 6),
    ("Trilu", [SIX], {"upper": 0}, 6),
    ("NonZero", [SIX], {}, 10),
    ("OneHot", [Constant(np.array([1, -1, 5])), Constant(np.array(3)), Constant(np.array([4, 7]))],
     {"axis": 0}, 9),
    ("TopK", [Constant(np.array([3, 9, 3, 1])), Constant(np.array([3]))], {"outputs": 2}, 6),
    ("TopK", [Constant(np.array([3, 9, 3, 1])), Constant(np.array([2]))],
     {"outputs": 2, "largest": 0}, 4),
    ("ArgMax", [Constant(np.array([[3, 9, 9], [2, 1, 2]], np.int32))], {"axis": -1}, 2),
    ("ArgMin", [Constant(np.array([[3, 9, 9], [2, 2, 2]], np.int32))],
     {"axis": 1, "select_last_index": 1, "keepdims": 0}, 2),
    ("EyeLike", [Constant(np.zeros((3, 4), np.int32))], {"k": 1}, 12),
    ("ConstantOfShape", [Constant(np.array([2, 2]))], {}, 4),
    ("Range", [Constant(np.array(n)) for n in (10, 1, -3)], {}, 3),
    ("Range", [Constant(np.array(n, np.float32)) for n in (0, 1, 0.25)], {}, 4),
    ("Clip", [SIX, Constant(np.array(1)), Constant(np.array(4))], {}, 6),
    ("Shape", [SIX], {"start": -1}, 1),
    ("Size", [SIX], {}, 1),
    ("Where", [Constant(np.array([True, False, True])), SIX, Constant(np.array(9))], {}, 6),
    ("Identity", [SIX], {}, 6),
]  # fmt: skip


@pytest.mark.parametrize(("op_type", "inputs", "how", "count"), MOVES)
def test_elements_go_where_the_runtime_puts_them(
    op_type: str, inputs: list[Any], how: dict[str, Any], count: int
) -> None:
    assert agrees(node_model(op_type, inputs, opset=18, **how)) == count


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "wrap"])
@pytest.mark.parametrize("pads", [[1, 2, 0, 1], [0, 1, -1, -1], [1, -1, 0, 1]])
def test_pads(mode: str, pads: list[int]) -> None:
    inputs = [Constant(np.arange(12).reshape(3, 4)), Constant(np.array(pads))]
    more = [Constant(np.array(7)), Constant(np.array([0, 1]))]
    assert agrees(node_model("Pad", [*inputs, *more], opset=19, mode=mode)) > 5


@pytest.mark.parametrize("seed", range(40))
def test_slices_of_any_bounds(seed: int) -> None:
    draw = random.Random(seed)
    bounds = [0, 1, 3, 5, 6, 9, -1, -2, -5, -6, -9, 2**63 - 1, -(2**63), 2**31 - 1]
    steps = [1, 2, 3, -1, -2, -4, 2**40, -(2**63)]
    line = Constant(np.arange(draw.choice([0, 1, 5])))
    picks = [draw.choice(bounds), draw.choice(bounds), 0, draw.choice(steps)]
    if picks[3] < 0 and picks[1] in (2**31 - 1, 2**63 - 1):
        picks[1] = -(2**63)
    model = node_model("Slice", [line, *[Constant(np.array([pick])) for pick in picks]])
    assert agrees(model) >= 0


@pytest.mark.parametrize("end", [2**31 - 1, 2**63 - 1])
def test_backwards_to_the_largest_number_means_two_things(end: int) -> None:
    picks = [Constant(np.array([pick])) for pick in (-1, end, 0, -1)]
    facts = _core.infer_shapes(from_proto(node_model("Slice", [SIX, *picks])))
    assert facts.value("y0").dims == [None, 3]


def test_a_negative_zero_is_no_zero() -> None:
    minus = Constant(np.array([-0.0, 1.0], np.float32))
    facts = _core.infer_shapes(from_proto(node_model("Identity", [minus])))
    assert facts.value("y0").elements is None
    product = node_model(
        "Mul", [Constant(np.array([0.0, 2.0], np.float32)), Constant(np.float32(-1))]
    )
    assert known(product) == [None, -2]
    assert agrees(product) == 1


def test_roots_of_squares() -> None:
    patches = Constant(np.array([16.0, 196.0, 2.0, 1369.0], np.float32))
    half = Constant(np.float32(0.5))
    assert known(node_model("Pow", [patches, half])) == [4, 14, None, 37]
    assert agrees(node_model("Pow", [patches, half])) == 3
