"""Constant subgraphs: computed as onnxruntime computes them, where the bytes pay for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import pyonnxtool as pot
from pyonnxtool import _core
from support.one_node import Constant, Input, node_model
from support.ort_runs import run
from support.specialized import assert_same, fixed_to, operators, parse, specialized

RNG = np.random.default_rng(11)
X = RNG.normal(size=(3, 1, 4)).astype(np.float32)
Y = RNG.normal(size=(1, 5, 4)).astype(np.float32)
SMALL = np.array([[-7, 3, 0], [5, -2, 9]], np.int64)
DIVISORS = np.array([2, -3, 4], np.int64)
BITS = np.array([[True, False, True]])
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, 3.5], np.float32)

Case = tuple[str, Sequence[Any], dict[str, Any]]

FOLDED_HERE: list[Case] = [
    ("Transpose", [X], {"perm": [2, 0, 1]}),
    ("Transpose", [X], {}),
    ("Transpose", [SMALL.astype(np.int8)], {"perm": [1, 0]}),
    ("Reshape", [X, np.array([2, -1])], {}),
    ("Flatten", [X], {"axis": 1}),
    ("Squeeze", [X, np.array([1])], {}),
    ("Unsqueeze", [X, np.array([0, -1])], {}),
    ("Expand", [Y, np.array([2, 3, 1, 4])], {}),
    ("Tile", [X, np.array([2, 3, 1])], {}),
    ("Slice", [X, np.array([2, 3]), np.array([-9, 0]), np.array([0, 2]), np.array([-1, -2])], {}),
    ("Slice", [X, np.array([-2]), np.array([99]), np.array([2])], {}),
    ("Gather", [X, np.array([[1, -1], [0, 2]])], {"axis": 0}),
    ("Gather", [X, np.array(-1)], {"axis": 2}),
    ("Concat", [X, X[:, :, :1], np.zeros((3, 1, 0), np.float32)], {"axis": -1}),
    ("Concat", [X, X], {"axis": 0}),
    ("Where", [BITS, SMALL, DIVISORS], {}),
    ("Trilu", [RNG.normal(size=(2, 3, 4)).astype(np.float32), np.array(1)], {"upper": 0}),
    ("Trilu", [RNG.normal(size=(4, 3)).astype(np.float32)], {"upper": 1}),
    ("ConstantOfShape", [np.array([2, 3])], {}),
    (
        "ConstantOfShape",
        [np.array([2, 3])],
        {"value": numpy_helper.from_array(np.array([2.5], np.float32))},
    ),
    ("Range", [np.array(7), np.array(-6), np.array(-4)], {}),
    ("Range", [np.array(0, np.int32), np.array(2000, np.int32), np.array(1, np.int32)], {}),
    *[(op, [X, Y], {}) for op in ("Add", "Sub", "Mul", "Div", "Less", "GreaterOrEqual")],
    *[(op, [SMALL, DIVISORS], {}) for op in ("Add", "Sub", "Mul", "Div", "Equal", "Greater")],
    *[(op, [SPECIAL, SPECIAL[::-1].copy()], {}) for op in ("Add", "Div", "Equal", "LessOrEqual")],
    *[(op, [BITS, BITS.T], {}) for op in ("And", "Or", "Xor")],
    ("Not", [BITS], {}),
    ("Neg", [SPECIAL], {}),
    ("Sqrt", [np.abs(X)], {}),
    ("Cast", [SMALL], {"to": onnx.TensorProto.FLOAT}),
    ("Cast", [X * 100], {"to": onnx.TensorProto.INT32}),
    ("Cast", [SPECIAL], {"to": onnx.TensorProto.BOOL}),
    ("Cast", [BITS], {"to": onnx.TensorProto.INT64}),
    ("Cast", [X.astype(np.float64) / 3], {"to": onnx.TensorProto.FLOAT}),
]


def constants(inputs: Sequence[Any]) -> list[Input]:
    return [Constant(np.asarray(each)) for each in inputs]


@pytest.mark.parametrize("case", FOLDED_HERE, ids=lambda case: case[0])
def test_constants_are_computed_as_onnxruntime_does(case: Case) -> None:
    op_type, inputs, attributes = case
    model = node_model(op_type, constants(inputs), opset=18, **attributes)
    found = pot.to_proto(_core.specialize(pot.from_proto(model)).model)
    assert operators(found) == {"Identity": 1}, "the core has a rule for it"
    assert_same(run(model, [{}]), run(found, [{}]))


def test_parts_of_a_split_are_computed() -> None:
    model = node_model("Split", constants([X, np.array([1, 3])]), opset=18, outputs=2, axis=2)
    found = pot.to_proto(_core.specialize(pot.from_proto(model)).model)
    assert operators(found) == {"Identity": 2}
    assert_same(run(model, [{}]), run(found, [{}]))


@pytest.mark.parametrize("op_type", ["Exp", "Tanh", "Pow", "Softmax", "CumSum", "Einsum"])
def test_what_the_core_leaves_is_computed_by_onnxruntime(op_type: str) -> None:
    given = {"Pow": [np.abs(X), Y], "CumSum": [X, np.array(0)], "Einsum": [X]}.get(op_type, [X])
    attributes = {"equation": "abc->ca"} if op_type == "Einsum" else {}
    model = node_model(op_type, constants(given), opset=18, **attributes)
    left = pot.to_proto(_core.specialize(pot.from_proto(model)).model)
    assert operators(left)[op_type] == 1
    found = specialized(model)
    assert operators(found) == {"Identity": 1}
    assert_same(run(model, [{}]), run(found, [{}]))


def test_onnxruntime_is_asked_once_for_all() -> None:
    model = parse(
        "g (float[n] x) => (float[n] y) <float[1] a = {1.0}, float[1] b = {2.0}> "
        "{ e = Exp (a) \n s = Sin (b) \n t = Add (e, s) \n u = Cos (b) "
        "\n p = Mul (x, t) \n q = Mul (p, u) \n y = Relu (q) }"
    )
    asked = []

    def evaluate(part: _core.Model, outputs: list[str]) -> list[np.ndarray]:
        asked.append(outputs)
        assert not part.graph.inputs
        return run(pot.to_proto(part), [{}])[0]

    found = _core.specialize(pot.from_proto(model), {"x": [3]}, evaluate=evaluate)
    assert [sorted(names) for names in asked] == [["t", "u"]]
    assert operators(pot.to_proto(found.model)) == {"Mul": 2, "Relu": 1}


def test_a_constant_that_cannot_be_computed_is_left_with_the_reason() -> None:
    model = parse(
        "g (float[n] x) => (float[n] y) <float[1] a = {1.0}> { e = Exp (a) \n y = Mul (x, e) }"
    )
    asked = []

    def evaluate(_: _core.Model, outputs: list[str]) -> list[np.ndarray]:
        asked.append(outputs)
        raise RuntimeError("no such kernel")

    found = _core.specialize(pot.from_proto(model), {"x": [3]}, evaluate=evaluate)
    assert asked == [["e"]]
    ((node, reason),) = found.left
    assert "Exp" in node
    assert reason.startswith("a constant that could not be computed: RuntimeError: no such kernel")


def whole(*shape: int) -> np.ndarray:
    """Numbers whose products add up to the same in any order."""
    return RNG.integers(-9, 9, shape).astype(np.float32)


def tied(rows: int, columns: int) -> onnx.ModelProto:
    """Ids are looked up in a table whose transpose makes the logits."""
    model = parse(
        "g (int64[n] ids) => (float[n,m] y) "
        "{ e = Gather (w, ids) \n t = Transpose <perm = [1, 0]> (w) \n y = MatMul (e, t) }"
    )
    table = whole(rows, columns)
    model.graph.initializer.append(numpy_helper.from_array(table, "w"))
    return model


def test_a_tied_table_is_not_doubled() -> None:
    model = tied(1000, 400)
    result = pot.specialize(model, {"ids": [5]})
    found = pot.to_proto(result.model)
    assert operators(found)["Transpose"] == 1
    assert found.ByteSize() < 1.01 * model.ByteSize()
    (left,) = result.report.left
    assert "Transpose" in left.node
    assert left.reason == "a constant, but computed it would make the file 1600000 bytes larger"


def test_a_tied_table_is_doubled_when_that_is_asked_for() -> None:
    model = tied(1000, 400)
    found = fixed_to(model, {"ids": np.array([5, 0, 999])}, max_growth=1_600_000)
    assert operators(found) == {"Gather": 1, "MatMul": 1}


def test_a_table_that_nothing_else_reads_is_turned_for_nothing() -> None:
    model = parse(
        "g (float[n,k] x) => (float[n,m] y) "
        "{ t = Transpose <perm = [1, 0]> (w) \n y = MatMul (x, t) }"
    )
    table = whole(300, 200)
    model.graph.initializer.append(numpy_helper.from_array(table, "w"))
    found = fixed_to(model, {"x": whole(2, 200)}, max_growth=0)
    assert operators(found) == {"MatMul": 1}
    assert found.ByteSize() < 1.01 * model.ByteSize()


def test_a_mask_is_expanded_only_as_far_as_the_file_may_grow() -> None:
    model = parse(
        "g (float[n,n] x) => (float[n,n] y) <float one = {1.0}> "
        "{ s = Shape (x) \n ones = Expand (one, s) \n m = Trilu <upper = 0> (ones) "
        "\n y = Mul (x, m) }"
    )
    feed = {"x": RNG.normal(size=(64, 64)).astype(np.float32)}
    assert operators(fixed_to(model, feed)) == {"Mul": 1}
    bounded = fixed_to(model, feed, max_growth=0)
    assert operators(bounded) == {"Expand": 1, "Trilu": 1, "Mul": 1}


def test_quantized_weights_stay_quantized() -> None:
    model = parse(
        "g (float[n,2] x) => (float[n,2] y) <int8[2,2] q = {1, 2, 3, 4}, float s = {0.5}> "
        "{ w = DequantizeLinear (q, s) \n y = MatMul (x, w) }"
    )
    found = fixed_to(model, {"x": RNG.normal(size=(3, 2)).astype(np.float32)})
    assert operators(found) == {"DequantizeLinear": 1, "MatMul": 1}


def test_drawn_numbers_are_no_constants() -> None:
    model = parse(
        "g (float[n] x) => (float[n] y) <float[3] a = {1.0, 2.0, 3.0}> "
        "{ r = RandomNormalLike (a) \n y = Add (x, r) }"
    )
    assert operators(specialized(model, {"x": [3]})) == {"RandomNormalLike": 1, "Add": 1}


def test_a_default_that_can_be_overridden_is_no_constant() -> None:
    model = parse(
        "g (float[n] x, float[1] a) => (float[n] y) <float[1] a = {2.0}> "
        "{ b = Neg (a) \n y = Add (x, b) }"
    )
    found = specialized(model, {"x": [3]})
    assert operators(found) == {"Neg": 1, "Add": 1}


def test_weights_that_had_to_be_inputs_are_constants() -> None:
    model = parse(
        "g (float[n] x, float[1] a) => (float[n] y) <float[1] a = {2.0}> "
        "{ b = Neg (a) \n y = Add (x, b) }",
        opset=8,
        ir_version=3,
    )
    feed = {"x": RNG.normal(size=3).astype(np.float32)}
    found = pot.to_proto(pot.specialize(model, {"x": [3]}).model)
    assert [value.name for value in found.graph.input] == ["x"]
    assert operators(found) == {"Add": 1}
    assert_same(run(model, [feed]), run(found, [feed]))
