"""What applying rules makes of a graph: bodies, functions, several outputs, and no end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import pyonnxtool as pot
from pyonnxtool.rewriting.applying import Applied, apply_rules
from pyonnxtool.rewriting.decision import KEEP


def model_of(body: str, *, head: str = "float[n,4] x) => (float[n,4] y", opset: int = 20) -> Any:
    text = f"""<ir_version: 10, opset_import: ["" : {opset}]>
    g ({head}) <float one = {{1.0}}, int64[2] halves = {{2, 2}}> {{{body}}}"""
    return pot.from_proto(onnx.parser.parse_model(text))


def ops(graph: pot.Graph) -> list[str]:
    return [node.op_type for node in graph.nodes]


def run(model: pot.Model, **more: Any) -> list[Any]:
    session = onnxruntime.InferenceSession(model.to_bytes(), providers=["CPUExecutionProvider"])
    x = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
    return list(session.run(None, {"x": x, **more}))


def applied(model: pot.Model, *rules: Any, **more: Any) -> Applied:
    """The rules keep what the model computes."""
    before = run(model, **more)
    done = apply_rules(model, rules)
    assert model.verify() == []
    for ours, theirs in zip(before, run(model, **more), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    return done


def told(done: Applied) -> list[str]:
    return [f"{left.node}: {left.reason}" for left in done.left] + done.idle


@pot.rewrite(lambda op, x: op.Mul(x, op.Sigmoid(x)))
def silu(match: Any, tape: Any) -> Any:
    """x times its own sigmoid."""
    return tape.op(
        "Div", match["x"], tape.op("Add", tape.op("Exp", negated(match, tape)), one(tape))
    )


def negated(match: Any, tape: Any) -> Any:
    return tape.op("Neg", match["x"])


def one(tape: Any) -> Any:
    return tape.const(np.float32(1))


@pot.rewrite(lambda op, x: op.Relu(op.Relu(x)))
def relu_twice(match: Any, tape: Any) -> Any:
    return tape.op("Relu", match["x"])


def test_rules_are_applied_until_none_fits() -> None:
    model = model_of("a = Relu (x) b = Relu (a) c = Relu (b) d = Relu (c) y = Relu (d)")
    done = applied(model, relu_twice)
    assert ops(model.graph) == ["Relu"]
    assert done.changes.total() == 4


def test_one_rule_makes_what_another_takes() -> None:
    @pot.rewrite(lambda op, x: op.Max(x, 0.0))
    def max_zero(match: Any, tape: Any) -> Any:
        return tape.op("Relu", match["x"])

    model = model_of(
        "z = Sub (one, one) zero = Constant <value = float {0.0}> () a = Relu (x) y = Max (zero, a)"
    )
    applied(model, relu_twice, max_zero)
    assert ops(model.graph) == ["Sub", "Relu"]  # what nothing read before is none of its business


def test_bodies_are_graphs_as_well() -> None:
    model = model_of(
        """y = If (c) <
            then_branch = t () => (float[n,4] a) { s = Sigmoid (x) a = Mul (s, x) },
            else_branch = e () => (float[n,4] b) { r = Relu (x) b = Relu (r) }
        >""",
        head="float[n,4] x, bool c) => (float[n,4] y",
    )
    for flag in (True, False):
        applied(model, silu, relu_twice, c=np.array(flag))
    bodies = [ops(body) for body in model.graph.nodes[0].subgraphs]
    assert sorted(map(len, bodies)) == [1, 5]  # a constant is a node in a body


def test_bodies_and_tensors_of_a_node_go_to_another() -> None:
    @pot.rewrite(lambda op, c, kept, other: op.If(op.Not(c), then_branch=other, else_branch=kept))
    def turned(match: Any, tape: Any) -> Any:
        return tape.op("If", match["c"], then_branch=match["kept"], else_branch=match["other"])

    @pot.rewrite(lambda op, x, v: op.Neg(op.ConstantOfShape(op.Shape(x), value=v)))
    def filled(match: Any, tape: Any) -> Any:
        made = tape.op("ConstantOfShape", tape.op("Shape", match["x"]), value=match["v"])
        return tape.op("Sub", tape.op("Sub", made, made), made)

    model = model_of(
        """n = Not (c)
        y = If (n) <
            then_branch = t () => (float[n,4] a) {
                s = Shape (x) f = ConstantOfShape <value = float[1] {2.0}> (s) a = Neg (f)
            },
            else_branch = e () => (float[n,4] b) { b = Abs (x) }
        >""",
        head="float[n,4] x, bool c) => (float[n,4] y",
    )
    done = applied(model, turned, filled, c=np.array(False))
    assert dict(done.changes) == {"turned": 1, "filled": 1}
    assert ops(model.graph) == ["If"]


def test_a_body_does_not_take_nodes_from_around_it() -> None:
    model = model_of(
        """r = Relu (x)
        y = If (c) <
            then_branch = t () => (float[n,4] a) { a = Relu (r) },
            else_branch = e () => (float[n,4] b) { b = Neg (x) }
        >""",
        head="float[n,4] x, bool c) => (float[n,4] y",
    )
    done = applied(model, relu_twice, c=np.array(True))
    assert "input 0 is made by Relu 'r' outside of this body" in told(done)[0]


FUNCTION = """
<ir_version: 10, opset_import: ["" : 20, "my" : 1]>
g (float[n,4] x) => (float[n,4] y) { y = my.f <alpha = 0.5> (x) }
<domain: "my", opset_import: ["" : 20]>
f <alpha> (a) => (b) {
   s = Sigmoid (a)
   m = Mul (a, s)
   l = LeakyRelu <alpha: float = @alpha> (m)
   b = Exp (l)
}
"""


def test_functions_are_graphs_as_well() -> None:
    model = pot.from_proto(onnx.parser.parse_model(FUNCTION))
    applied(model, silu)
    names = ops(model.functions[0].graph)
    assert "Sigmoid" not in names
    assert "Div" in names


def test_attributes_of_the_function_around_are_not_taken_for_texts() -> None:
    @pot.rewrite(lambda op, x, alpha: op.Exp(op.LeakyRelu(x, alpha=alpha)))
    def leaky(match: Any, tape: Any) -> Any:
        return tape.op("Exp", match["x"])

    model = pot.from_proto(onnx.parser.parse_model(FUNCTION))
    done = applied(model, leaky)
    assert "its alpha is an attribute of the function around it" in told(done)[0]


def test_several_outputs_of_one_node() -> None:
    @pot.rewrite(lambda op, x: op.Split(x, [2, 2], axis=1, outputs=2))
    def split(match: Any, tape: Any) -> Any:
        cut = [tape.ints([place]) for place in (0, 2, 4)]
        axes = tape.ints([1])
        return [tape.op("Slice", match["x"], cut[at], cut[at + 1], axes) for at in (0, 1)]

    model = model_of(
        "a, b = Split <axis = 1> (x, halves) y = Sub (b, a)", head="float[n,4] x) => (float[n,2] y"
    )
    applied(model, split)
    assert ops(model.graph) == ["Slice", "Slice", "Sub"]


def test_several_outputs_of_several_nodes() -> None:
    @pot.rewrite(lambda op, x: (op.Sin(x), op.Cos(x)))
    def both(match: Any, tape: Any) -> Any:
        """A cosine is a sine further on."""
        ahead = tape.op("Add", match["x"], tape.const(np.float32(np.pi / 2)))
        return tape.op("Sin", match["x"]), tape.op("Sin", ahead)

    model = model_of("c = Cos (x) s = Sin (x) y = Sub (s, c)")
    assert applied(model, both).changes.total() == 1
    assert sorted(ops(model.graph)) == ["Add", "Sin", "Sin", "Sub"]


def test_several_outputs_where_one_depends_on_the_other() -> None:
    @pot.rewrite(lambda op, x, z: (op.Abs(x), op.Ceil(z)))
    def pair(match: Any, tape: Any) -> Any:
        return tape.op("Abs", match["x"]), tape.op("Ceil", match["z"])

    model = model_of("a = Abs (x) n = Neg (a) z = Add (x, n) y = Ceil (z)")
    done = apply_rules(model, [pair])
    assert not done.changes


def test_a_refused_match_says_why() -> None:
    @pot.rewrite(lambda op, x: op.Relu(op.Relu(x)))
    def never(match: Any, tape: Any) -> Any:
        return match.refuse("it is Tuesday", "try it on another day")

    model = model_of("a = Relu (x) y = Relu (a)")
    done = applied(model, never)
    line = "Relu node that makes 'y': never: it is Tuesday; try it on another day"
    assert told(done) == [line]
    assert not done.changes


def test_a_match_that_is_kept_is_not_told() -> None:
    @pot.rewrite(lambda op, x: op.Relu(x))
    def kept(match: Any, tape: Any) -> Any:
        return KEEP

    assert told(applied(model_of("y = Relu (x)"), kept)) == []


def test_what_the_opset_lacks_is_refused_with_the_way_to_it() -> None:
    @pot.rewrite(lambda op, x: op.Relu(x))
    def to_gelu(match: Any, tape: Any) -> Any:
        return tape.op("Gelu", match["x"])

    done = applied(model_of("y = Relu (x)", opset=17), to_gelu)
    assert (
        "it writes Gelu, which ai.onnx has from opset 20 on, and the model is of 17"
        in told(done)[0]
    )
    assert "pyonnxtool opset --to 20" in told(done)[0]


def test_custom_operators_are_imported() -> None:
    @pot.rewrite(lambda op, x: op.Mul(x, op.Sigmoid(x)))
    def quick(match: Any, tape: Any) -> Any:
        return tape.op("QuickGelu", match["x"], domain="com.microsoft", alpha=1.0)

    model = model_of("s = Sigmoid (x) y = Mul (x, s)")
    applied(model, quick)
    assert model.opset_imports == {"": 20, "com.microsoft": 1}


def test_an_older_value_may_take_the_place() -> None:
    @pot.rewrite(lambda op, x: op.Neg(op.Neg(x)))
    def nothing(match: Any, tape: Any) -> Any:
        return match["x"]

    model = model_of("a = Neg (x) b = Neg (a) y = Exp (b)")
    done = applied(model, nothing)
    assert ops(model.graph) == ["Exp"]
    assert done.stands_for == [("x", "b")]
    model = model_of("a = Neg (x) y = Neg (a)")
    applied(model, nothing)
    assert ops(model.graph) == ["Identity"]  # an output needs a name of its own


@pot.rewrite(lambda op, x: op.Identity(x))
def identity(match: Any, tape: Any) -> Any:
    return match["x"]


@pytest.mark.parametrize(
    ("body", "left", "count"),
    [
        ("r = Relu (x) y = Identity (r)", ["Relu"], 1),
        ("r = Relu (x) i = Identity (r) y = Identity (i)", ["Relu"], 2),
        ("r = Relu (x) i = Identity (r) a = Neg (r) b = Neg (i) y = Sub (a, b)", None, 1),
        ("y = Identity (x)", ["Identity"], 0),  # of an input, which keeps its name
        ("h = Identity (x) y = Identity (h)", ["Identity"], 1),
        ("r = Relu (x) y = Identity (r) z = Neg (r)", ["Relu", "Neg"], 1),
    ],
)
def test_identities_go(body: str, left: list[str] | None, count: int) -> None:
    more = ", float[n,4] z" if "z =" in body else ""
    model = model_of(body, head=f"float[n,4] x) => (float[n,4] y{more}")
    assert applied(model, identity).changes.total() == count
    assert left is None or ops(model.graph) == left
    assert [value.name for value in model.graph.outputs] == ["y", "z"][: 1 + bool(more)]


def test_of_two_outputs_that_are_one_value_an_identity_stays() -> None:
    model = model_of(
        "r = Relu (x) y = Identity (r) z = Identity (r)",
        head="float[n,4] x) => (float[n,4] y, float[n,4] z",
    )
    assert applied(model, identity).changes.total() == 1
    assert ops(model.graph) == ["Relu", "Identity"]


def test_identities_in_bodies() -> None:
    model = model_of(
        """r = Relu (x)
        y = If (c) <
            then_branch = t () => (float[n,4] a) { a = Identity (r) },
            else_branch = e () => (float[n,4] b) { k = Neg (r) b = Identity (k) }
        >""",
        head="float[n,4] x, bool c) => (float[n,4] y",
    )
    assert applied(model, identity, c=np.array(False)).changes.total() == 1


def test_a_constant_may_take_the_place() -> None:
    @pot.rewrite(lambda op, x: op.Sub(x, x))
    def zero(match: Any, tape: Any) -> Any:
        return tape.const(np.zeros((1, 4), np.float32))

    model = model_of("z = Sub (x, x) y = Add (z, x)")
    applied(model, zero)
    assert ops(model.graph) == ["Add"]


def test_large_constants_are_put_in_as_well() -> None:
    @pot.rewrite(lambda op, x: op.Relu(x))
    def with_large(match: Any, tape: Any) -> Any:
        large = np.arange(2**19, dtype=np.float32).reshape(-1, 4)
        top = tape.op("ReduceMax", tape.const(large), tape.ints([0]), keepdims=0)
        return tape.op("Min", tape.op("Max", match["x"], tape.const(np.float32(0))), top)

    model = model_of("y = Relu (x)")
    assert apply_rules(model, [with_large]).changes.total() == 1
    assert sorted(tensor.nbytes for tensor in model.graph.initializers)[-1] == 2**21
    x = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
    np.testing.assert_array_equal(run(model)[0], np.maximum(x, 0))


def test_the_match_knows_its_nodes() -> None:
    @pot.rewrite(lambda op, x, w: op.Relu(op.Gemm(x, w, ...).named("gemm")))
    def gemm_relu(match: Any, tape: Any) -> Any:
        gemm = match.node("gemm")
        assert match.node("Relu").label == match.root.label == "y"
        assert [view.op_type for view in match.nodes] == ["Relu", "Gemm"]
        assert gemm.attr_int("transB") == 1
        assert match["w"].static_shape == (4, 4)
        assert match.outputs == ("y",)
        return tape.op(
            "FusedGemm", *gemm.inputs, domain="com.microsoft", activation="Relu", **gemm.attributes
        )

    model = model_of(
        "w = Constant <value = float[4,4] {1,2,3,4,5,6,7,8,9,8,7,6,5,4,3,2}> () "
        "g = Gemm <transB = 1> (x, w) y = Relu (g)"
    )
    applied(model, gemm_relu)
    assert ops(model.graph) == ["Constant", "FusedGemm"]


def test_near_misses_are_few() -> None:
    body = "".join(f"a{at} = Relu (x) b{at} = Neg (a{at}) " for at in range(9))
    model = model_of(body + "y = Sum (" + ", ".join(f"b{at}" for at in range(9)) + ")")
    rule = pot.rewrite(lambda op, x: op.Neg(op.Relu(op.Relu(x))), name="thrice")(relu_twice.build)
    assert told(apply_rules(model, [rule])) == [
        "Neg node that makes 'b0': thrice came close: Relu 'a0': input 0 is the input x, "
        "not made by Relu; 8 more nodes alike"
    ]


def test_models_of_other_opsets_and_files(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    model_of("a = Relu (x) y = Relu (a)", opset=13).save(str(path))
    made = pot.edit(path, relu_twice, verify=1)
    made.model.save(str(path))
    assert ops(pot.load(path).graph) == ["Relu"]
