"""Functions opened: names, attributes, versions; the same bits as before; faults inside."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.inliner
import pytest

from pyonnxtool import _core, from_proto, to_proto
from pyonnxtool.bisection import bisect
from pyonnxtool.diffing import diff
from pyonnxtool.errors import ModelError
from support.body_models import TEXTS, body_case, body_model
from support.ort_runs import run


def inlined(model, same_meaning=lambda *_: True):
    opened, kept = _core.inline_functions(from_proto(model), same_meaning)
    assert opened.verify() == []
    return opened, kept


def parse(main, *functions, opset=18):
    imports = f'["" : {opset}, "local" : 1]'
    text = f"<ir_version: 10, opset_import: {imports}>\n{main}\n" + "\n".join(functions)
    return onnx.parser.parse_model(text)


def function(text, opset=18):
    return f'<opset_import: ["" : {opset}, "local" : 1], domain: "local"> {text}'


def same_bits(model, feeds, opened):
    for ours, theirs in zip(run(model, feeds), run(to_proto(opened), feeds), strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)


def test_calls_in_calls_are_opened_and_give_the_same_bits():
    case = body_case("functions")
    opened, kept = inlined(case.model)
    assert kept == []
    assert opened.functions == []
    assert {node.domain for node in opened.graph.nodes} == {""}
    same_bits(case.model, case.feeds, opened)


def test_names_say_where_a_node_is_from():
    opened, _ = inlined(body_case("functions").model)
    names = [node.name for node in opened.graph.nodes]
    assert names[:3] == ["n_a/n_t", "n_a/n_u/n_k", "n_a/n_u/n_one"]
    assert len(set(names)) == len(names)
    branch = next(node for node in opened.graph.nodes if node.op_type == "If")
    inner = branch.attributes["then_branch"].nodes[0]
    assert (inner.name, inner.output_names) == ("n_a/n_u/n_z", ["n_a/n_u/z"])
    assert inner.metadata == {_core.CALLED_FROM: "Inner (called by n_a/n_u)"}


def test_an_attribute_comes_from_the_call_or_the_default_or_is_left_out():
    model = parse(
        """g (float[3] x) => (float[3] y) {
          a = local.F <s = 0.5> (x)  b = local.F (a)  y = local.G (b) }""",
        function("F <s: float = 0.25> (p) => (q) { q = LeakyRelu <alpha: float = @s> (p) }"),
        function("G <t> (p) => (q) { q = LeakyRelu <alpha: float = @t> (p) }"),
    )
    opened, _ = inlined(model)
    assert [node.attributes for node in opened.graph.nodes] == [
        {"alpha": 0.5},
        {"alpha": 0.25},
        {},
    ]


def test_an_input_that_is_left_out_is_left_out_inside_and_in_bodies():
    model = parse(
        "g (float[3] x, bool c) => (float[3] y) { y = local.F (x, , c) }",
        function(
            """F (p, most, c) => (q) {
              q = If (c) <then_branch = t () => (a) { a = Clip (p, , most) },
                          else_branch = e () => (b) { b = Neg (p) }> }"""
        ),
    )
    opened, _ = inlined(model)
    branch = opened.graph.nodes[0]
    assert branch.attributes["then_branch"].nodes[0].input_names == ["x"]
    feeds = [{"x": np.ones(3, np.float32), "c": np.array(True)}]
    same_bits(model, feeds, opened)


def test_outputs_that_are_inputs_or_given_twice_or_not_asked_for():
    model = parse(
        "g (float[3] x) => (float[3] a, float[3] b, float[3] c) { a, b, c = local.F (x) }",
        function("F (p) => (p, q, q) { q = Neg (p) unused = Abs (q) }"),
    )
    opened, _ = inlined(model)
    x = np.ones(3, np.float32)  # onnxruntime does not take such a function itself
    assert [list(array) for array in run(to_proto(opened), [{"x": x}])[0]] == [
        [1, 1, 1],
        [-1, -1, -1],
        [-1, -1, -1],
    ]
    part = parse(
        "g (float[3] x) => (float[3] b) { , b = local.F (x) }".replace("{ ,", '{ "",'),
        function("F (p) => (r, q) { q = Neg (p)  r = Abs (p) }"),
    )
    assert inlined(part)[0].graph.node_count == 2


def test_names_of_a_function_never_meet_those_of_the_model():
    model = parse(
        """g (float[3] x) => (float[3] y) {
          t = Abs (x)  u = local.F (t)  v = local.F (u)  y = Sub (v, t) }""",
        function("F (t) => (y) { x = Exp (t)  y = Neg (x) }"),
    )
    opened, _ = inlined(model)
    same_bits(model, [{"x": np.ones(3, np.float32)}], opened)


def test_a_function_that_is_called_in_a_body():
    model = parse(
        """g (float[3] x, bool c) => (float[3] y) {
          y = If (c) <then_branch = t () => (float[3] a) { a = local.F (x) },
                      else_branch = e () => (float[3] b) { b = Neg (x) }> }""",
        function("F (p) => (q) { k = Exp (p)  q = Neg (k) }"),
    )
    opened, _ = inlined(model)
    body = opened.graph.nodes[0].attributes["then_branch"]
    assert [node.op_type for node in body.nodes] == ["Exp", "Neg"]
    same_bits(model, [{"x": np.ones(3, np.float32), "c": np.array(True)}], opened)


def test_overloads_are_told_apart():
    model = parse(
        "g (float[3] x) => (float[3] y) { a = local.F (x)  y = local.F (a) }",
        function("F (p) => (q) { q = Neg (p) }"),
    )
    other = onnx.FunctionProto()
    other.CopyFrom(model.functions[0])
    other.overload = "exp"
    other.node[0].op_type = "Exp"
    model.functions.append(other)
    model.graph.node[1].overload = "exp"
    opened, _ = inlined(model)
    assert [node.op_type for node in opened.graph.nodes] == ["Neg", "Exp"]


def test_a_function_that_calls_itself_is_refused():
    model = parse(
        "g (float[3] x) => (float[3] y) { y = local.F (x) }",
        function("F (a) => (b) { b = local.G (a) }"),
        function("G (a) => (b) { b = local.F (a) }"),
    )
    with pytest.raises(ModelError, match=r"function 'F' calls itself \(F -> G -> F\)"):
        inlined(model)


def test_another_version_of_an_operator_keeps_the_call():
    """Softmax 11 flattens, Softmax 13 does not."""
    model = parse(
        "g (float[2,3,4] x) => (float[2,3,4] y) { y = local.F (x) }",
        function("F (p) => (q) { q = Softmax <axis = 1> (p) }", opset=11),
    )
    asked = []

    def no(*question):
        asked.append(question)
        return False

    opened, kept = inlined(model, no)
    assert asked == [("", "Softmax", 11, 18)]
    assert opened.graph.nodes[0].domain == "local"
    ((call, reason),) = kept
    assert "F" in call
    assert reason == "Softmax is of version 11 in the function and of version 18 in the model"


def test_a_call_that_stays_is_noted_and_one_of_a_harmless_version_is_opened():
    feeds = {"x": np.ones((2, 3, 4), np.float32)}
    main = "g (float[2,3,4] x) => (float[2,3,4] y) { y = local.F (x) }"
    kept = parse(main, function("F (p) => (q) { q = Softmax <axis = 1> (p) }", opset=11))
    notes = diff(from_proto(kept), from_proto(kept), inputs=feeds).notes
    assert any("stays closed: Softmax is of version 11" in note for note in notes)
    harmless = parse(main, function("F (p) => (q) { k = Exp (p)  q = Neg (k) }", opset=13))
    report = diff(from_proto(harmless), from_proto(harmless), inputs=feeds)
    assert report.coverage.compared == 2


FAULTS = [
    ("z = Exp (k)", "z = Abs (k)", "n_z", "then_branch: Inner (called by n_y/n_u)"),
    ("t = Mul (p, q)", "t = Div (p, q)", "n_t", "Outer (called by n_y)"),
    ("alpha: float = 0.25", "alpha: float = 0.3", "n_k", "Inner (called by n_y/n_u)"),
    ("<alpha = 0.5>", "<alpha = 0.6>", "n_k", "Inner (called by n_a/n_u)"),
]


@pytest.mark.parametrize(("old", "new", "node", "place"), FAULTS)
def test_the_culprit_inside_a_function_is_named_with_its_place(old, new, node, place):
    case = body_case("functions")
    broken = body_model(TEXTS["functions"].replace(old, new))
    report = bisect(from_proto(case.model), from_proto(broken), inputs=list(case.feeds))
    assert report.verdict == "fault"
    assert report.coverage.compared == 12
    assert {culprit.node.rpartition("/")[2] for culprit in report.culprits} == {node}
    assert any(culprit.graph.endswith(place) for culprit in report.culprits)


def test_a_model_with_functions_lines_up_with_its_inlined_copy():
    text = TEXTS["functions"].replace("<beta: float = @alpha> (t)", "<beta = 0.7> (t)")
    ours, theirs = body_model(text), body_model(text.replace("z = Exp (k)", "z = Abs (k)"))
    flat = onnx.inliner.inline_local_functions(theirs)
    feeds = list(body_case("functions").feeds)
    report = bisect(from_proto(ours), from_proto(flat), inputs=feeds)
    assert report.coverage.unmatched == 0
    assert {culprit.op_type for culprit in report.culprits} == {"Abs"}
