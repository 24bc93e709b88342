"""Operators and small models are put between values and what reads them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool.errors import ModelError, UsageError
from pyonnxtool.rewriting import Rewrite
from pyonnxtool.surgery.edit_report import EditReport

NET = """
<ir_version: 8, opset_import: ["" : 17]>
g (bool c, float[2] x) => (float[2] y) <float[2] w = {1, 2}> {
   [first] z = Relu (x)
   q = Mul (z, w)
   [choice] y = If (c) <
      then_branch = t () => (float[2] a) { [low] a = Neg (z) },
      else_branch = e () => (float[2] b) { b = Abs (q) }
   >
}
"""
HALVES = """
<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
g (float[4] x) => (float[4] y) { y = local.twice (x) }
<opset_import: ["" : 17], domain: "local">
twice (a) => (b) { [d] c = Dropout (a) b = Add (c, c) }
"""
PART = """
<ir_version: 8, opset_import: ["" : 17, "f" : 1]>
part (float[n] it, float[2] w) => (float[n] out) <float[1] scale = {2}, float[1] q = {3}> {
   a = Mul (it, scale)
   z = f.Square (a)
   m = Add (z, w)
   out = Sub (m, q)
}
<opset_import: ["" : 17], domain: "f">
Square (a) => (c) { c = Mul (a, a) }
"""
BRANCHES = """
<ir_version: 8, opset_import: ["" : 17]>
part (float[n] it) => (float[n] out) {
   s = ReduceSum <keepdims = 0> (it)
   k = Cast <to = 9> (s)
   out = If (k) <
      then_branch = t () => (float[n] a) { q = Neg (it) a = Exp (q) },
      else_branch = e () => (float[n] z) { z = Sqrt (it) }
   >
}
"""


def model(text: str = NET) -> pot.Model:
    return pot.from_proto(onnx.parser.parse_model(text))


def inserted(what: Any, text: str = NET, **where: Any) -> Rewrite[EditReport]:
    """Checked, with `verify` and by the onnx package."""
    made = pot.insert(model(text), what, **where)
    assert made.model.graph.verify() == []
    onnx.checker.check_model(pot.to_proto(made.model), full_check=True)
    return made


def lines(made: Rewrite[EditReport]) -> list[str]:
    return [node.text() for node in made.model.graph.nodes]


def bodies(made: Rewrite[EditReport]) -> list[list[str]]:
    choice = made.model.graph.node("choice")
    return [[node.text() for node in body.nodes] for body in choice.subgraphs]


@pytest.mark.parametrize(
    ("what", "made"),
    [
        ("Tanh", ["Tanh = Tanh(z)"]),
        (" Clip(_, 0, 6) ", ["Clip = Clip(z, Clip_constant, Clip_constant_1)"]),
        ("Clip(_, None, 6.5)", ["Clip = Clip(z, -, Clip_constant)"]),
        ("Mul(_, Sigmoid(_))", ["Sigmoid = Sigmoid(z)", "Mul = Mul(z, Sigmoid)"]),
        ("Add('x', _)", ["Add = Add(x, z)"]),
        ("Sub(w, _)", ["Sub = Sub(w, z)"]),
        ("LeakyRelu(_, alpha=1)", ["LeakyRelu = LeakyRelu(z) {alpha=1}"]),
        ("CumSum(_, 0, reverse=True)", ["CumSum = CumSum(z, CumSum_constant) {reverse=1}"]),
        ("ReduceMean(_, axes=0)", ["ReduceMean = ReduceMean(z) {axes=[0]}"]),
        (
            "Where(Greater(_, 0), _, [1, 2])",
            [
                "Greater = Greater(z, Greater_constant)",
                "Where = Where(Greater, z, Where_constant)",
            ],
        ),
        ("Reshape(_, [2])", ["Reshape = Reshape(z, Reshape_constant)"]),
        (
            "vendor::Fence(_, 2, level=2, mode=hard, at=[0.5, 1.5], names=['a::b'])",
            [
                'Fence = vendor.Fence(z, Fence_constant) {level=2, mode="hard", at=[0.5, 1.5], '
                'names=["a::b"]}'
            ],
        ),
        ("com.microsoft.Gelu", ["Gelu = com.microsoft.Gelu(z)"]),
    ],
)
def test_operators(what: str, made: list[str]) -> None:
    found = pot.insert(model(), what, after=["z"])
    listed = lines(found)
    assert [one for one in listed if one in made] == made
    assert listed[0] == "z = Relu(x)"
    assert f"q = Mul({made[-1].partition(' ')[0]}, w)" in listed
    assert found.model.graph.verify() == []


def test_constants_are_of_the_type_that_the_operator_takes() -> None:
    made = inserted("Clip(_, 0, 6)", after=["z"]).model
    limit = made.graph.value("Clip_constant").initializer
    assert limit is not None
    assert (limit.dtype, limit.shape) == ("float32", ())
    shape = inserted("Reshape(_, [-1])", after=["z"]).model.graph.value("Reshape_constant")
    assert shape.initializer is not None
    assert shape.initializer.dtype == "int64"


def test_arrays_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "scale.npy", np.array([3, 4], np.float32))
    made = inserted(f"Mul(_, npy('{tmp_path / 'scale.npy'}'))", after=["x"])
    tensor = made.model.graph.value("Mul_constant").initializer
    assert tensor is not None
    assert tensor.numpy().tolist() == [3, 4]
    monkeypatch.chdir(tmp_path)
    assert "Add = Add(x, Add_constant)" in lines(inserted("Add(_, npy(scale.npy))", after=["x"]))
    told = f"{tmp_path / 'none.npy'}: cannot be read as an array"
    with pytest.raises(UsageError, match=re.escape(told)):
        pot.insert(model(), f"Mul(_, npy('{tmp_path / 'none.npy'}'))", after=["x"])


def test_inputs_and_outputs_keep_their_names() -> None:
    made = inserted("Cast(_, to=float16)", after=["y"])
    assert lines(made)[-1] == "y = Cast(y_before) {to=10}"
    assert made.report.notes == ("output 'y' is float16[2] now, was float32[2]",)
    assert lines(inserted("Sqrt", after=["x"]))[:2] == ["Sqrt = Sqrt(x)", "z = Relu(Sqrt)"]


def test_globs_operators_and_bodies() -> None:
    made = inserted("Identity", after=["op:Relu", "op:Neg"], name="spy")
    assert {one.rule: one.count for one in made.report.changes} == {"inserted Identity": 2}
    assert lines(made)[:3] == ["z = Relu(x)", "spy = Identity(z)", "q = Mul(spy, w)"]
    assert bodies(made)[0] == ["a_before = Neg(spy)", "a = Identity(a_before)"]
    everywhere = inserted("Identity", after=["?"])
    assert {one.rule: one.count for one in everywhere.report.changes} == {"inserted Identity": 7}


def test_names_of_nodes_stay_apart_from_each_other() -> None:
    text = NET.replace("[first]", "[Tanh]").replace("[choice]", "[out]")
    made = inserted("Tanh", text, after=["q", "x"])
    assert [node.name for node in made.model.graph.nodes][:3] == ["Tanh_new_1", "Tanh", ""]
    twice = inserted("Tanh", text, after=["q"], name="out").model.graph
    assert [node.name for node in twice.nodes if node.op_type == "Tanh"] == ["out_new"]
    part = PART.replace("out = Sub", "[Tanh] out = Sub")
    names = [node.name for node in inserted(model(part), text, after=["z"]).model.graph.nodes]
    assert names.count("Tanh") == names.count("Tanh_1") == 1


def test_before_a_node() -> None:
    made = inserted("Tanh", before=["q"])
    assert lines(made)[1:3] == ["Tanh = Tanh(z)", "q = Mul(Tanh, w)"]
    assert bodies(made)[0] == ["a = Neg(z)"]
    assert "q = Mul(z, Tanh)" in lines(inserted("Tanh", before=["op:Mul"], slot="B"))
    assert bodies(inserted("Mul(_, 2)", before=["low"]))[0][-2:] == [
        "Mul = Mul(z, Mul_constant)",
        "a = Neg(Mul)",
    ]


def test_after_a_node_and_before_a_value() -> None:
    assert lines(inserted("Tanh", after=["first"]))[1:3] == ["Tanh = Tanh(z)", "q = Mul(Tanh, w)"]
    assert lines(inserted("Tanh", before=["y"]))[-1] == "y = Tanh(y_before)"
    assert "Tanh = Tanh(z)" in lines(inserted("Tanh", before=["z"]))


def test_inside_of_functions() -> None:
    made = inserted("vendor::Fence(_, 2.0)", HALVES, after=["c"]).model
    function = made.functions[0]
    assert function.opset_imports == {"": 17, "vendor": 1}
    assert [node.op_type for node in function.graph.nodes] == [
        *("Constant", "Dropout", "Fence", "Add"),
    ]


def test_a_small_model() -> None:
    made = inserted(model(PART), after=["z"])
    assert lines(made)[:6] == [
        "z = Relu(x)",
        "a_1 = Mul(z, scale)",
        "z_1 = f.Square(a_1)",
        "m = Add(z_1, w)",
        "out = Sub(m, q_1)",
        "q = Mul(out, w)",
    ]
    assert made.model.opset_imports == {"": 17, "f": 1}
    assert [one.name for one in made.model.functions] == ["Square"]


def test_a_small_model_twice_has_its_weights_once_in_a_graph() -> None:
    made = inserted(model(PART), after=["z", "q"])
    assert [one.name for one in made.model.graph.initializers] == ["w", "scale", "q_1"]
    assert {one.rule: one.count for one in made.report.changes} == {"inserted part": 2}
    inside = inserted(model(PART), after=["b"])
    assert [line.partition(" = ")[2] for line in bodies(inside)[1]][:2] == [
        "Constant() {value=float32[1]}",
        "Constant() {value=float32[1]}",
    ]


def test_a_small_model_with_bodies() -> None:
    made = inserted(model(BRANCHES), after=["z", "y"])
    inner = made.model.graph.nodes[3]
    assert [node.text() for node in inner.subgraphs[0].nodes] == ["q_1 = Neg(z)", "a_1 = Exp(q_1)"]


def test_a_small_model_of_another_opset() -> None:
    text = PART.replace('"" : 17', '"" : 20').replace("f.Square", "Gelu")
    made = inserted(model(text), after=["z"])
    assert made.model.opset_imports[""] == 17
    assert "Erf" in [node.op_type for node in made.model.graph.nodes]


def test_an_input_becomes_what_a_small_model_takes() -> None:
    net = """
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[n,3,8,8] image) => (float[n,4,6,6] y) {
       w = ConstantOfShape <value = float[1] {1}> (shape)
       y = Conv (image, w)
    }
    """.replace("(float[n,4,6,6] y)", "(float[n,4,6,6] y) <int64[4] shape = {4, 3, 3, 3}>")
    part = """
    <ir_version: 8, opset_import: ["" : 17]>
    g (uint8[b,8,8,3] pixels) => (float[b,3,8,8] image) {
       c = Cast <to = 1> (pixels)
       image = Transpose <perm = [0, 3, 1, 2]> (c)
    }
    """
    made = inserted(model(part), net, after=["image"])
    assert [value.type_text for value in made.model.graph.inputs] == ["uint8[b, 8, 8, 3]"]
    told = "'w' is float32[4,3,3,3], and the snippet takes uint8[b,8,8,3] as 'pixels'"
    with pytest.raises(pot.Refused, match=re.escape(told)):
        pot.insert(model(net), model(part), after=["w"])


def test_functions_of_one_name_stay_apart() -> None:
    first = inserted(model(PART), after=["z"]).model
    other = PART.replace("c = Mul (a, a)", "c = Add (a, a)").replace("it,", "that,")
    made = pot.insert(first, model(other.replace("(it", "(that")), after=["y"]).model
    assert [one.name for one in made.functions] == ["Square", "Square_1"]
    same = pot.insert(first, model(PART), after=["y"]).model
    assert [one.name for one in same.functions] == ["Square"]
    assert made.graph.verify() == same.graph.verify() == []


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "part.onnxtxt"
    path.write_text(PART)
    made = inserted(path, after=["z"], operands={"w": "x"})
    assert "m = Add(z_1, x)" in lines(made)
    other = tmp_path / "part.npz"
    other.write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"part\.npz"):
        pot.insert(model(), other, after=["z"])


def test_a_function_builds_it() -> None:
    made = inserted(lambda v: v.graph.op("Mul", v, v.graph.op("Tanh", v)), after=["z"])
    assert lines(made)[1:3] == ["Tanh = Tanh(z)", "Mul = Mul(z, Tanh)"]


def test_the_result_is_compared_when_that_is_asked_for() -> None:
    made = pot.insert(model(), "Identity", after=["z"], verify=1)
    assert made.report.verification is not None
    with pytest.raises(pot.Refused, match="output 'y' differs"):
        pot.insert(model(), "Add(_, 1)", after=["z"], verify=1)


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("Mul(_", "'Mul(_' is no operator: write its type and operands, such as Relu, 'Clip(_, 0"),
        ("_ + 1", "'_ + 1' is no operator"),
        ("Add(1, 2)", "'Add(1, 2)' does not say where the value goes that it is put after: write"),
        ("Add(_, lost)", "there is no value called 'lost'"),
        ("Add(_, [[1], [2, 3]])", "[[1], [2, 3]] is no tensor: its rows differ in length"),
        ("Add(_, [1, 'a'])", "[1, 'a'] is no tensor of numbers; write npy('file.npy')"),
        ("Cast(_, to=float17)", "Cast takes a number as to, or the name of a dtype, and not 'flo"),
        ("Mul(_, npy(1))", "npy(...) takes the path of a file: npy('mean.npy')"),
        ("Mul(_, **{})", "is no operator"),
        ("Mul(_, {1})", "is no operator"),
    ],
)
def test_what_is_no_operator(what: str, told: str) -> None:
    with pytest.raises(UsageError, match=re.escape(told)):
        pot.insert(model(), what, after=["z"])


def test_a_constant_that_does_not_fit() -> None:
    with pytest.raises(UsageError, match="2 does not fit bool, which the value beside it is"):
        pot.insert(model(), "And(_, 2)", after=["c"])
    halves = HALVES.replace("float[4]", "int32[4]").replace("local.twice", "Neg")
    with pytest.raises(UsageError, match=re.escape("0.5 does not fit int32")):
        pot.insert(model(halves), "Mul(_, 0.5)", after=["x"])


@pytest.mark.parametrize(
    ("what", "where", "told"),
    [
        ("Reshape(_, [3])", {"after": ["q"]}, "'q' [2] has 2 elements, the shape [3] takes 3"),
        ("LeakyRelu(_, beta=1)", {"after": ["z"]}, "LeakyRelu has no attribute beta"),
        ("Gelu", {"after": ["z"]}, "there is no Gelu in opset 17; it came with opset 20"),
        ("Relux", {"after": ["z"]}, "ai.onnx has no operator Relux; does it have a domain?"),
        ("Cast(_, to=bool)", {"after": ["x"]}, "Relu takes no tensor(bool)"),
        (
            "Cast(_, to=float16)",
            {"after": ["b"]},
            "node 'choice' (If): a branch gives 'a' as tensor(float), another 'b' as",
        ),
        (
            "Add(_, y)",
            {"after": ["z"]},
            "Mul node that makes 'q' reads 'z' to make 'Add', so it cannot read that instead",
        ),
        (
            "Relu",
            {"before": ["q"], "slot": "C"},
            "has no input 'C'; its inputs are called A, B",
        ),
        ("Relu", {"before": ["q"], "slot": 7}, "has no input 7"),
    ],
)
def test_what_is_refused(what: str, where: dict[str, Any], told: str) -> None:
    with pytest.raises(pot.Refused, match=re.escape(told)) as found:
        pot.insert(model(), what, **where)
    assert "nothing is written" in str(found.value)


@pytest.mark.parametrize(
    ("change", "operands", "told"),
    [
        (
            ("[2] w", "[2] other"),
            {},
            "the snippet has 2 inputs that are no values of the model: 'it', 'other'; say what all "
            "but one are, with operands (--operand INPUT=VALUE)",
        ),
        (("=> (float[n] out", "=> (float[n] m, float[n] out"), {}, "the snippet has 2 outputs"),
        (
            ("float[n] it, ", ""),
            {},
            "every input of the snippet is a value of the model ('w'); give the one that stands "
            "for 'z' another name",
        ),
        (("", ""), {"v": "x"}, "there is no input of the snippet called 'v'"),
        (("", ""), {"w": "lost"}, "there is no value called 'lost'"),
    ],
)
def test_small_models_that_cannot_be(
    change: tuple[str, str], operands: dict[str, str], told: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(told)):
        pot.insert(model(), model(PART.replace(*change)), after=["z"], operands=operands)


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ({}, "say where: after which values, or before which nodes"),
        ({"after": ["zz"]}, "there is no value called 'zz'; did you mean: z"),
        ({"after": ["op:Exp"]}, "there is no operator called 'Exp'"),
        ({"before": ["firts"]}, "there is no node called 'firts'; did you mean: first"),
        (
            {"after": ["z"], "operands": {"a": "b"}},
            "operands are inputs of a small model; write them into the operator",
        ),
    ],
)
def test_places_that_are_not_there(where: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=re.escape(told)):
        pot.insert(model(), "Relu", **where)
