"""Custom operators become standard ones, by our symbolics or a user's."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool.errors import Refused, UsageError
from pyonnxtool.rewriting.decision import KEEP, Decision
from pyonnxtool.rewriting.node_view import NodeView
from pyonnxtool.rewriting.tape import Tape
from support.downgraded import run_ort

GELU = """
<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]>
g (float[n,3] x) => (float[n,3] y) { h = com.microsoft.Gelu (x) y = Relu (h) }
"""
MINE = """
<ir_version: 8, opset_import: ["" : 13, "my" : 1]>
g (float[n,3] x) => (float[n,3] y) { y = my.Twice <by: float = 2.0> (x) }
"""
BODIES = """
<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1, "local" : 1]>
g (bool c, float[2] x) => (float[2] y) {
   z = local.act (x)
   y = If (c) <
      then_branch = t () => (float[2] a) { a = com.microsoft.Gelu (z) },
      else_branch = e () => (float[2] b) { b = Identity (z) }
   >
}
<domain: "local", opset_import: ["" : 17, "com.microsoft" : 1]>
act (v) => (w) { u = com.microsoft.Gelu (v) w = Neg (u) }
"""


@pot.symbolic("my::Twice")
def twice(node: NodeView, tape: Tape) -> Decision:
    """Mul."""
    return tape.op("Mul", node.inputs[0], tape.const(np.float32(node.attr_float("by", 2.0))))


def test_what_is_lowered_is_told_and_the_old_model_stays() -> None:
    given = pot.from_proto(onnx.parser.parse_model(GELU))
    made = pot.lower(given, verify=1)
    assert {node.op_type for node in made.model.graph.nodes} == {"Div", "Erf", "Add", "Mul", "Relu"}
    assert made.model.opset_imports == {"": 17}
    assert [(one.rule, one.count) for one in made.report.changes] == [
        ("com.microsoft::Gelu: Gelu, by the error function", 1),
        ("opset imports that no operator needs: dropped", 1),
    ]
    assert made.report.verification is not None
    assert [node.op_type for node in given.graph.nodes] == ["Gelu", "Relu"]


def test_bodies_and_functions() -> None:
    proto = onnx.parser.parse_model(BODIES)
    made = pot.lower(pot.from_proto(proto), verify=1).model
    assert made.opset_imports == {"": 17}
    assert not made.functions
    x = np.array([-1.0, 2.0], np.float32)
    for c in (True, False):
        feeds = {"c": np.array(c), "x": x}
        ours, theirs = run_ort(proto, feeds), run_ort(pot.to_proto(made), feeds)
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6)


def test_a_function_of_the_user_and_a_file_of_theirs(tmp_path: Path) -> None:
    file = tmp_path / "my_ops.py"
    file.write_text(
        "import numpy as np\nimport pyonnxtool as pot\n\n"
        '@pot.symbolic("my::Twice")\ndef twice(node, tape):\n'
        "    return tape.op('Mul', node.inputs[0], tape.const(np.float32(2)))\n"
    )
    x = np.ones((2, 3), np.float32)
    for source in (twice, file, str(file)):
        made = pot.lower(onnx.parser.parse_model(MINE), symbolics=[source]).model
        assert [node.op_type for node in made.graph.nodes] == ["Mul"]
        assert (run_ort(pot.to_proto(made), {"x": x})[0] == 2).all()


def test_a_symbolic_of_another_opset_is_raised() -> None:
    @pot.symbolic("my::Twice", opset=11)
    def old(node: NodeView, tape: Tape) -> Decision:
        summed = tape.op("Unsqueeze", node.inputs[0], axes=[0])
        return tape.op("Squeeze", tape.op("Add", summed, summed), axes=[0])

    made = pot.to_proto(pot.lower(onnx.parser.parse_model(MINE), symbolics=[old]).model)
    onnx.checker.check_model(made, full_check=True)
    assert (run_ort(made, {"x": np.ones((2, 3), np.float32)})[0] == 2).all()


def test_a_symbolic_may_use_a_custom_operator() -> None:
    @pot.symbolic("my::Twice")
    def by_gelu(node: NodeView, tape: Tape) -> Decision:
        return tape.op("Gelu", node.inputs[0], domain="com.microsoft")

    made = pot.lower(onnx.parser.parse_model(MINE), symbolics=[by_gelu]).model
    assert made.opset_imports == {"": 13}
    assert "Erf" in {node.op_type for node in made.graph.nodes}


def test_one_that_leads_to_itself() -> None:
    @pot.symbolic("my::Twice")
    def again(node: NodeView, tape: Tape) -> Decision:
        return tape.op("Twice", node.inputs[0], domain="my")

    with pytest.raises(Refused, match="leads to custom operators without end"):
        pot.lower(onnx.parser.parse_model(MINE), symbolics=[again])


@pytest.mark.parametrize("given", ["GridSample", "ai.onnx::GridSample"])
def test_standard_operators_are_built_of_older_ones(given: str) -> None:
    proto = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 20]>'
        "g (float[1,1,3,3] x, float[1,2,2,2] t) => (float[1,1,2,2] y) { y = GridSample (x, t) }"
    )
    made = pot.lower(proto, expand=[given], verify=1)
    ops = {node.op_type for node in made.model.graph.nodes}
    assert "GridSample" not in ops
    assert made.report.opset == 20
    onnx.checker.check_model(pot.to_proto(made.model), full_check=True)


def test_nodes_of_one_name_and_bodies_of_what_is_made() -> None:
    @pot.symbolic("my::Twice")
    def by_branch(node: NodeView, tape: Tape) -> Decision:
        x = node.inputs[0]
        doubled = tape.body([], lambda inner, _: [(inner.op("Selu", x), "float32", 2)])
        again = tape.body([], lambda inner, _: [(inner.op("Add", x, x), "float32", 2)])
        known = tape.op("Not", tape.op("IsNaN", tape.op("ReduceSum", x, keepdims=0)))
        return tape.op("If", known, then_branch=again, else_branch=doubled)

    text = MINE.replace(
        "y = my.Twice <by: float = 2.0> (x)", "[n] z = my.Twice (x) [n] y = my.Twice (z)"
    )
    proto = onnx.parser.parse_model(text)
    made = pot.to_proto(pot.lower(proto, symbolics=[by_branch]).model)
    onnx.checker.check_model(made, full_check=True)
    assert (run_ort(made, {"x": np.ones((2, 3), np.float32)})[0] == 4).all()


def test_operators_that_onnxruntime_writes_before_their_opset() -> None:
    proto = onnx.parser.parse_model(
        '<ir_version: 7, opset_import: ["" : 13]>'
        "g (float[2,3] x, float[3] s) => (float[2,3] y) { y = LayerNormalization (x, s) }"
    )
    made = pot.lower(proto, verify=1)
    assert "LayerNormalization" not in {node.op_type for node in made.model.graph.nodes}


def test_to_another_opset() -> None:
    made = pot.lower(onnx.parser.parse_model(GELU), to=11)
    assert made.model.opset_imports == {"": 11}
    assert (made.report.opset_before, made.report.opset) == (17, 11)


def test_what_is_kept() -> None:
    made = pot.lower(onnx.parser.parse_model(MINE), keep=["my::*"])
    assert made.report.kept == ("my::Twice",)
    assert made.report.changes == ()


def test_a_custom_operator_without_a_symbolic_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        pot.lower(onnx.parser.parse_model(MINE))
    told = "no symbolic is known for it; give one (--symbolics) or keep it: --keep my::Twice"
    assert f"node 'y' (my::Twice): {told}" in str(caught.value)


def _nothing(_node: NodeView, _tape: Tape) -> Decision:
    return ""


def _unknown(_node: NodeView, _tape: Tape) -> Decision:
    return "what"


def _broken(_node: NodeView, _tape: Tape) -> Decision:
    raise RuntimeError("broken")


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (_nothing, "the symbolic of my::Twice returns nothing for output 0 ('y')"),
        (_unknown, "returns 'what', which nothing makes, for output 0 ('y')"),
        (_broken, "the symbolic of my::Twice failed at 'y': RuntimeError: broken (test_lower.py,"),
    ],
)
def test_symbolics_that_are_wrong(function: object, told: str) -> None:
    marked = pot.symbolic("my::Twice")(function)
    with pytest.raises(UsageError, match=re.escape(told)):
        pot.lower(onnx.parser.parse_model(MINE), symbolics=[marked])


def test_one_that_keeps_and_one_that_refuses() -> None:
    keeping = pot.symbolic("my::Twice")(lambda _node, _tape: KEEP)
    with pytest.raises(Refused, match="its symbolic keeps it; say so: --keep my::Twice"):
        pot.lower(onnx.parser.parse_model(MINE), symbolics=[keeping])
    refusing = pot.symbolic("my::Twice")(lambda node, _tape: node.refuse("no", "try harder"))
    with pytest.raises(Refused, match=r"node 'y' \(my::Twice\): no; try harder"):
        pot.lower(onnx.parser.parse_model(MINE), symbolics=[refusing])


def test_what_is_asked_wrongly(tmp_path: Path) -> None:
    empty = tmp_path / "empty.py"
    empty.write_text("x = 1\n")
    with pytest.raises(UsageError, match=r"empty\.py defines no symbolic; mark its functions with"):
        pot.lower(onnx.parser.parse_model(MINE), symbolics=[empty])
    with pytest.raises(UsageError, match=r"no_such\.py: there is no such file"):
        pot.lower(onnx.parser.parse_model(MINE), symbolics=["no_such.py"])
    with pytest.raises(
        UsageError, match=r"ai\.onnx has no operator 'Gridsample'; did you mean Grid"
    ):
        pot.lower(onnx.parser.parse_model(MINE), expand=["Gridsample"])
    with pytest.raises(UsageError, match=r"'you::\*'; its custom operators are: my::Twice"):
        pot.lower(onnx.parser.parse_model(MINE), keep=["you::*"])
    with pytest.raises(UsageError, match="'Twice' is no DOMAIN::OP; write it as"):
        pot.symbolic("Twice")
    relu = GELU.replace("com.microsoft.Gelu", "Neg")
    with pytest.raises(Refused, match="every opset has it, so it is not built of older operators"):
        pot.lower(onnx.parser.parse_model(relu), expand=["Relu"])
