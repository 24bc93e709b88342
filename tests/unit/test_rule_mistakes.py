"""What rules do wrong, and what is no rule: each is told, and names the rule."""

from __future__ import annotations

from typing import Any

import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool.errors import UsageError
from pyonnxtool.rewriting.applying import apply_rules


def model_of(body: str) -> pot.Model:
    text = f"""<ir_version: 10, opset_import: ["" : 20]>
    g (float[n,4] x) => (float[n,4] y) {{{body}}}"""
    return pot.from_proto(onnx.parser.parse_model(text))


def endless(match: Any, tape: Any) -> Any:
    return tape.op("Relu", match["x"])


def nothing_at_all(match: Any, tape: Any) -> Any:
    return None


def two_values(match: Any, tape: Any) -> Any:
    return match["x"], match["x"]


def unknown_name(match: Any, tape: Any) -> Any:
    return match["q"]


def unknown_node(match: Any, tape: Any) -> Any:
    return tape.op("Neg", match.node("Sigmoid").inputs[0])


def nowhere(match: Any, tape: Any) -> Any:
    return tape.op("Neg", "nowhere")


def no_such_operator(match: Any, tape: Any) -> Any:
    return tape.op("Relux", match["x"])


def no_such_attribute(match: Any, tape: Any) -> Any:
    return tape.op("Neg", match["x"], alpha=3)


def too_many_inputs(match: Any, tape: Any) -> Any:
    return tape.op("Neg", match["x"], match["x"])


def no_name(match: Any, tape: Any) -> Any:
    return tape.op("Add", match["x"], 1.0)


def odd_attribute(match: Any, tape: Any) -> Any:
    return tape.op("Softmax", match["x"], axis={"of": "x"})


def exits(match: Any, tape: Any) -> Any:
    raise SystemExit(3)


def mistaken(match: Any, tape: Any) -> Any:
    return tape.op("Neg", match["x"].nope)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (endless, "the rules were applied 1,004 times and still fit: endless go round in circles"),
        (nothing_at_all, "rule nothing_at_all returned NoneType; return the value"),
        (two_values, "rule two_values returned 2 values, and its pattern gives back 1"),
        (unknown_name, "rule unknown_name at Relu 'y' failed: .*no parameter 'q'; it has: x"),
        (unknown_node, "the match has no node called 'Sigmoid'"),
        (nowhere, "rule nowhere names 'nowhere', and nothing makes it"),
        (no_such_operator, "rule no_such_operator writes Relux, which is no operator of ai.onnx"),
        (no_such_attribute, "rule no_such_attribute writes a Neg that is not valid: .*alpha"),
        (too_many_inputs, "rule too_many_inputs writes a Neg that is not valid: .*input size 2"),
        (lambda match, tape: 3, "rule <lambda> returned int; return the value"),
        (lambda match, tape: "", "rule <lambda> gives back nothing for y, which is read"),
        (no_name, "an input of Add is a float, and the tape takes names of values; .*tape.const"),
        (odd_attribute, "rule odd_attribute writes a Softmax that is not valid: .*axis"),
        (exits, "rule exits at Relu 'y' failed: SystemExit: 3"),
        (mistaken, r"rule mistaken at Relu 'y' failed: AttributeError: .*\(line \d+\)"),
    ],
)
def test_what_a_rule_does_wrong_is_told(build: Any, message: str) -> None:
    rule = pot.rewrite(lambda op, x: op.Relu(x))(build)
    with pytest.raises(UsageError, match=message):
        apply_rules(model_of("y = Relu (x)"), [rule])


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (lambda: 3, "a pattern is a function of `op` and its values"),
        (lambda op: op.Relu(1.0), "a pattern is a function of `op` and its values"),
        (lambda op, x: x, "a pattern returns what its operators make.* returns its parameter 'x'"),
        (lambda op, x: op.maybe(op.Relu(x)), "this one returns its parameter 'x'"),
        (lambda op, x: (), "this one returns nothing"),
        (lambda op, x: [op.Relu(x), 3], "this one returns a int"),
        (lambda op, x, y: op.Relu(x), "has the parameter 'y' and does not use it"),
        (lambda op, x: op.Relu(op.Neg), "did you forget to call it"),
        (lambda op, x: op.Relu(op.Split(x, outputs=2)), "several outputs was given as one input"),
        (lambda op, x: op.Relu(..., x), r"\.\.\. stands for any further inputs and comes last"),
        (lambda op, x: op.Relu({"x": x}), "is no input of an operator: give a value, a number"),
        (lambda op, x: op.Relu(op.maybe(x)), "op.maybe wants an operator with an input"),
        (lambda op, x: op.Relu(x.where("rank 2")), "where takes a function .* not 'rank 2'"),
        (3, "takes the pattern: @pot.rewrite"),
    ],
)
def test_what_is_no_pattern(pattern: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        pot.rewrite(pattern)


def test_what_is_no_function_of_a_rule() -> None:
    with pytest.raises(
        UsageError, match="takes 1 arguments; the function of a rule takes the match"
    ):
        pot.rewrite(lambda op, x: op.Relu(x))(lambda match: match)  # type: ignore[arg-type]


def test_a_condition_that_fails_is_told() -> None:
    rule = pot.rewrite(lambda op, x: op.Relu(x.where(lambda value: value.nope)))(endless)
    with pytest.raises(
        UsageError, match="the condition of Relu 'y': input 0 failed: AttributeError"
    ):
        apply_rules(model_of("y = Relu (x)"), [rule])


def test_rules_that_undo_one_another_are_named() -> None:
    @pot.rewrite(lambda op, x: op.Neg(x))
    def to_relu(match: Any, tape: Any) -> Any:
        return tape.op("Relu", match["x"])

    @pot.rewrite(lambda op, x: op.Relu(x))
    def to_neg(match: Any, tape: Any) -> Any:
        return tape.op("Neg", match["x"])

    with pytest.raises(
        UsageError, match=r"1,\d+ times .* to_(relu|neg) and to_(relu|neg) go round"
    ):
        apply_rules(model_of("y = Relu (x)"), [to_relu, to_neg])


def test_a_pattern_that_is_too_deep_is_told() -> None:
    def deep(op: Any, x: Any) -> Any:
        for _ in range(300):
            x = op.Neg(x)
        return x

    model = model_of("a0 = Neg (x) " + "".join(f"a{at + 1} = Neg (a{at}) " for at in range(400)))
    with pytest.raises(UsageError, match="the pattern of rule endless has 300 nodes, too many in"):
        apply_rules(model, [pot.rewrite(deep)(endless)])
