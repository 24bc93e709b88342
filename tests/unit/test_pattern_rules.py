"""Rules of a pattern and what takes its place: where they fit, and what they leave behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import pyonnxtool as pot
from pyonnxtool.rewriting.applying import Applied, apply_rules
from pyonnxtool.rewriting.match import Match
from pyonnxtool.rewriting.rule import Rule
from pyonnxtool.rewriting.tape import Tape

GELU = """
   d = Div (x, root)
   e = Erf (d)
   a = Add (one, e)
   h = Mul (half, x)
   y = Mul (a, h)
"""
CONSTANTS = "float root = {1.41421}, float one = {1.0}, float half = {0.5}"


def model_of(
    body: str, *, opset: int = 20, constants: str = CONSTANTS, outputs: str = "float[n,4] y"
) -> pot.Model:
    text = f"""<ir_version: 10, opset_import: ["" : {opset}]>
    g (float[n,4] x) => ({outputs}) <{constants}> {{{body}}}"""
    return pot.from_proto(onnx.parser.parse_model(text))


@pot.rewrite(lambda op, x: op.Mul(op.Mul(x, 0.5), op.Add(op.Erf(op.Div(x, 2**0.5)), 1.0)))
def erf_gelu(match: Match, tape: Tape) -> Any:
    """Gelu written out."""
    return tape.op("Gelu", match["x"])


def ops(model: pot.Model) -> list[str]:
    return [node.op_type for node in model.graph.nodes]


def rule_of(pattern: Callable[..., Any], **options: Any) -> Rule:
    """Puts one Neg in the place of whatever the pattern is."""

    @pot.rewrite(pattern, **options)
    def to_neg(match: Match, tape: Tape) -> Any:
        return tape.op("Neg", match["x"])

    return to_neg


def applied(model: pot.Model, *rules: Rule) -> Applied:
    before = outputs_of(model)
    done = apply_rules(model, rules)
    assert model.verify() == []
    assert outputs_of(model).keys() == before.keys()
    return done


def outputs_of(model: pot.Model) -> dict[str, Any]:
    session = onnxruntime.InferenceSession(model.to_bytes(), providers=["CPUExecutionProvider"])
    feeds = {"x": np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)}
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(None, feeds), strict=True))


def misses(model: pot.Model, rule: Rule) -> list[str]:
    done = apply_rules(model, [rule])
    assert not done.changes
    return [f"{left.node}: {left.reason}" for left in done.left] + done.idle


def test_the_pattern_is_found_whatever_the_order_and_the_digits_of_its_constants() -> None:
    model = model_of(GELU)
    before = outputs_of(model)
    done = apply_rules(model, [erf_gelu])
    assert ops(model) == ["Gelu"]
    assert model.graph.initializers == []
    assert dict(done.changes) == {"erf_gelu: Gelu written out": 1}
    assert done.rules == {"y": "erf_gelu: Gelu written out"}
    np.testing.assert_allclose(outputs_of(model)["y"], before["y"], atol=1e-5)


def test_a_constant_of_another_value_is_told() -> None:
    model = model_of(GELU, constants=CONSTANTS.replace("0.5", "0.4"))
    told = "Mul node that makes 'y': erf_gelu came close: Mul 'h': input 0 is 0.4"
    assert any(line.startswith(told) for line in misses(model, erf_gelu))


@pytest.mark.parametrize(
    ("dtype", "value", "wanted", "fits"),
    [
        ("float16", "0.7071", 0.5**0.5, True),
        ("float", "0.7070", 0.5**0.5, False),
        ("float", "0.707107", 0.5**0.5, True),
        ("double", "1.0", 1, True),
        ("int64", "3", 3.0, True),
        ("int64", "3", 2.99999999, False),
        ("float", "1e38", 1e38, True),
    ],
)
def test_numbers_are_compared_as_their_dtype_holds_them(
    dtype: str, value: str, wanted: float, fits: bool
) -> None:
    constant = np.array(float(value), {"float": "float32", "double": "float64"}.get(dtype, dtype))
    text = f"""<ir_version: 10, opset_import: ["" : 20]>
    g ({dtype}[n] x, {dtype} c) => ({dtype}[n] y) {{ y = Mul (x, c) }}"""
    proto = onnx.parser.parse_model(text)
    del proto.graph.input[1]
    proto.graph.initializer.append(onnx.numpy_helper.from_array(constant, "c"))
    model = pot.from_proto(proto)
    done = apply_rules(model, [rule_of(lambda op, x: op.Mul(x, wanted))])
    assert bool(done.changes) is fits


def test_the_tolerance_is_the_rules() -> None:
    constants = "float c = {0.5001}"
    for tolerance, fits in ((1e-3, True), (1e-5, False)):
        rule = rule_of(lambda op, x: op.Mul(x, 0.5), tolerance=tolerance)
        assert bool(applied(model_of("y = Mul (x, c)", constants=constants), rule).changes) is fits


def test_a_number_does_not_give_the_result_more_axes() -> None:
    constants = "float[1,1,1] c = {2.0}"
    rule = rule_of(lambda op, x: op.Mul(x, 2.0))
    model = model_of("y = Mul (x, c)", constants=constants, outputs="float[1,n,4] y")
    assert "has 3 axes, which may be more than the others have" in misses(model, rule)[0]
    model = model_of("y = Mul (x, c)", constants="float[1] c = {2.0}")
    assert applied(model, rule).changes


def test_lists_are_constants_of_one_axis() -> None:
    rule = rule_of(lambda op, x: op.Reshape(x, [0, 2, 2]))
    constants = "int64[3] s = {0, 2, 2}"
    model = model_of("y = Reshape (x, s)", constants=constants, outputs="float[n,2,2] y")
    assert apply_rules(model, [rule]).changes
    other = rule_of(lambda op, x: op.Reshape(x, [0, 4, 1]))
    model = model_of("y = Reshape (x, s)", constants=constants, outputs="float[n,2,2] y")
    assert "input 1 is [0, 2, 2], not [0, 4, 1]" in misses(model, other)[0]


@pytest.mark.parametrize(
    "pattern",
    [
        lambda op, x: op.Softmax(x),
        lambda op, x: op.Softmax(x, axis=-1),
        lambda op, x: op.Softmax(x, axis=1),
        lambda op, x: op.Softmax(x, axis=lambda axis: axis < 0),
        lambda op, x: op.Softmax(x, kind=None),
        lambda op, x: op.Softmax(x, None),
        lambda op, x: op.Softmax(x, ...),
        lambda op, x: op("*Softmax", x),
        lambda op, x: op(["Relu", "Softmax"], x),
        lambda op, x: op.Softmax(x, domain="*"),
        lambda op, x: op.Softmax(x).where(lambda node: node.attr_int("axis") == -1),
        lambda op, x: op.Softmax(x.where(lambda value: value.rank == 2)),
    ],
)
def test_what_fits_a_softmax(pattern: Callable[..., Any]) -> None:
    assert applied(model_of("y = Softmax <axis = -1> (x)"), rule_of(pattern)).changes


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        (lambda op, x: op.Softmax(x, axis=0), "Softmax 'y': its axis is -1, not 0"),
        (
            lambda op, x: op.Softmax(x, axis=lambda axis: axis > 0),
            "Softmax 'y': its axis is -1, which its condition denies",
        ),
        (lambda op, x: op.Softmax(x, axis=None), "Softmax 'y' has the attribute axis"),
        (lambda op, x: op.Softmax(x, x), "Softmax 'y': input 1 is omitted"),
        (lambda op, x: op.Softmax(x, outputs=2)[0], "Softmax 'y' has 1 output, not 2"),
        (lambda op, x: op.Softmax(op.Relu(x)), "input 0 is the input x, not made by Relu"),
        (lambda op, x: op.Softmax(x.constant()), "Softmax 'y': input 0 is not a constant"),
        (
            lambda op, x: op.Softmax(x).where(lambda node: False, "a good one"),
            "Softmax 'y' is not a good one",
        ),
        (
            lambda op, x, axis: op.Softmax(x, axis=axis.where(lambda axis: axis > 0, "positive")),
            "Softmax 'y': its axis is not positive",
        ),
        (lambda op, x: op.Softmax(x, axes=1), "Softmax 'y' has no attribute axes"),
        (lambda op, x: op.LogSoftmax(x), "to_neg did nothing: there is no LogSoftmax"),
        (lambda op, x: op.Sotfmax(x), "there is no Sotfmax; did you mean Softmax?"),
        (lambda op, x: op.Zzz(x), "there is no Zzz, nor has ONNX"),
        (lambda op, x: op.Softmax(x, domain="me"), "but ai.onnx::Softmax: say domain=''"),
        (lambda op, x: op.Softmax(x, domain="my"), "to_neg did nothing: there is no my::Softmax"),
    ],
)
def test_what_does_not_fit_is_told(pattern: Callable[..., Any], told: str) -> None:
    assert told in misses(model_of("y = Softmax <axis = -1> (x)"), rule_of(pattern))[0]


def test_an_attribute_is_captured() -> None:
    @pot.rewrite(lambda op, x, axis: op.Log(op.Softmax(x, axis=axis)))
    def log_softmax(match: Match, tape: Tape) -> Any:
        return tape.op("LogSoftmax", match["x"], axis=match["axis"])

    model = model_of("s = Softmax <axis = 0> (x) y = Log (s)")
    before = outputs_of(model)["y"]
    applied(model, log_softmax)
    assert model.graph.nodes[0].attributes == {"axis": 0}
    np.testing.assert_allclose(outputs_of(model)["y"], before, rtol=1e-5)


def test_the_same_parameter_is_the_same_value() -> None:
    rule = rule_of(lambda op, x: op.Mul(x, op.Sigmoid(x)))
    model = model_of("s = Sigmoid (x) y = Mul (s, x)")
    assert applied(model, rule).changes
    model = model_of("r = Relu (x) s = Sigmoid (r) y = Mul (s, x)")
    assert "Sigmoid 's': input 0 is r, and x is x elsewhere" in misses(model, rule)[0]


def test_equal_constants_are_the_same_value() -> None:
    @pot.rewrite(lambda op, x, c: op.Add(op.Add(x, c), c))
    def twice(match: Match, tape: Tape) -> Any:
        return tape.op("Add", match["x"], tape.const(match["c"].const * 2))

    constants = "float one = {1.0}, float uno = {1.0}, float two = {2.0}"
    model = model_of("a = Add (x, one) y = Add (uno, a)", constants=constants)
    assert applied(model, twice).changes
    model = model_of("a = Add (x, one) y = Add (two, a)", constants=constants)
    assert not applied(model, twice).changes


def test_what_others_read_stays_in_the_way_unless_it_may_be_read() -> None:
    body = "r = Relu (x) y = Exp (r) z = Neg (r)"
    outputs = "float[n,4] y, float[n,4] z"
    plain = rule_of(lambda op, x: op.Exp(op.Relu(x)))
    model = model_of(body, outputs=outputs)
    assert "to_neg came close: Relu 'r': Neg 'z' reads r as well" in misses(model, plain)[0]
    for rule in (
        rule_of(lambda op, x: op.Exp(op.Relu(x).shared())),
        rule_of(lambda op, x: op.Exp(op.Relu(x)), shared=True),
    ):
        model = model_of(body, outputs=outputs)
        assert applied(model, rule).changes
        assert sorted(ops(model)) == ["Neg", "Neg", "Relu"]


def test_an_output_of_the_graph_is_read_by_others() -> None:
    model = model_of("r = Relu (x) y = Exp (r)", outputs="float[n,4] y, float[n,4] r")
    plain = rule_of(lambda op, x: op.Exp(op.Relu(x)))
    assert "Relu 'r' makes r, an output of the graph" in misses(model, plain)[0]


def test_optional_nodes() -> None:
    @pot.rewrite(lambda op, x, scale: op.Softmax(op.maybe(op.Mul(x, scale.constant()))))
    def scaled(match: Match, tape: Tape) -> Any:
        x = tape.op("Mul", match["x"], match["scale"]) if match["scale"] else match["x"]
        return tape.op("Exp", x)

    model = model_of("m = Mul (half, x) y = Softmax (m)")
    applied(model, scaled)
    assert ops(model) == ["Mul", "Exp"]
    model = model_of("y = Softmax (x)")
    applied(model, scaled)
    assert ops(model) == ["Exp"]


def test_either_of_several() -> None:
    rule = rule_of(lambda op, x: op.Exp(op.either(op.Relu(x), op.Clip(x, 0.0, None))))
    assert applied(model_of("r = Relu (x) y = Exp (r)"), rule).changes
    model = model_of("r = Clip (x, zero) y = Exp (r)", constants="float zero = {0.0}")
    assert applied(model, rule).changes
    assert not applied(model_of("r = Abs (x) y = Exp (r)"), rule).changes


def test_a_pattern_may_be_one_of_several() -> None:
    half = rule_of(
        lambda op, x: op.either(op.Mul(x, 0.5), op.Div(x, 2.0)).where(
            lambda node: node.label != "z"
        )
    )
    for body in ("y = Mul (half, x)", "y = Div (x, two)"):
        model = model_of(body, constants=CONSTANTS + ", float two = {2.0}")
        assert applied(model, half).changes
    assert not applied(model_of("z = Mul (half, x) y = Exp (z)"), half).changes
    assert misses(model_of("y = Exp (x)"), half) == ["to_neg did nothing: there is no Mul or Div"]


def test_an_operator_that_may_be_missing_may_be_the_last() -> None:
    rule = rule_of(lambda op, x: op.maybe(op.Cast(op.Relu(x), to=1)))
    for body in ("r = Relu (x) y = Cast <to = 1> (r)", "y = Relu (x)"):
        model = model_of(body)
        assert applied(model, rule).changes
        assert ops(model) == ["Neg"]


def test_options_that_do_not_fit_are_told_together() -> None:
    rule = rule_of(lambda op, x: op.Exp(op.maybe(op.Cast(op.either(op.Relu(x), op.Elu(x))))))
    told = "the nearest is: Exp 'y': input 0 is made by Abs, not Cast or Relu or Elu"
    assert misses(model_of("a = Abs (x) y = Exp (a)"), rule) == [f"to_neg did nothing, {told}"]
