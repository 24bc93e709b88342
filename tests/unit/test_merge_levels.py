"""Two models of different opsets and with functions of their own become one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool.errors import UsageError
from support.parsed import parsed


def verified(*given: Any, **asked: Any) -> pot.Model:
    made = pot.merge(*given, verify=2, **asked)
    assert made.report.verification is not None
    assert {row.status for row in made.report.verification.outputs} == {"ok"}
    onnx.checker.check_model(pot.to_proto(made.model), full_check=True)
    return made.model


FUNCTION = """
<opset_import: ["" : 17{more}], domain: "f">
{name} (a) => (c) {{ {body} }}
"""


def calling(body: str, *functions: str) -> pot.Model:
    head = '<ir_version: 8, opset_import: ["" : 17, "f" : 1]>\ng (float[2] {x}) => (float[2] {y})'
    x, nodes, y = body.split(" -> ")
    text = head.format(x=x, y=y) + "{ " + nodes + " }" + "".join(functions)
    return pot.from_proto(onnx.parser.parse_model(text))


def function(name: str, body: str, more: str = "") -> str:
    return FUNCTION.format(name=name, body=body, more=more)


def test_functions_that_are_equal_are_one_and_others_are_set_apart() -> None:
    same = function("Twice", "c = Add (a, a)")
    calls = function("Outer", "b = f.Inner (a) c = f.Twice (b)", ', "f" : 1')
    ours = calling(
        "x -> t = f.Twice (x) y = f.Outer (t) -> y", same, calls, function("Inner", "c = Neg (a)")
    )
    theirs = calling(
        "p -> q = f.Twice (p) r = f.Outer (q) -> r", same, calls, function("Inner", "c = Exp (a)")
    )
    made = verified(ours, theirs, {"y": "p"})
    assert [one.name for one in made.functions] == ["Twice", "Outer", "Inner", "Outer_1", "Inner_1"]
    assert [node.op_type for node in made.graph.nodes] == ["Twice", "Outer", "Twice", "Outer_1"]
    inner = next(one for one in made.functions if one.name == "Outer_1")
    assert [node.op_type for node in inner.graph.nodes] == ["Inner_1", "Twice"]


def test_an_operator_of_one_model_is_not_the_function_of_the_other() -> None:
    ours = calling("x -> y = f.Some (x) -> y", function("Some", "c = Neg (a)"))
    theirs = calling("p -> q = f.Some (p) -> q")
    for pair in ((ours, theirs), (theirs, ours)):
        made = pot.merge(*pair).model
        assert [one.name for one in made.functions] == ["Some_1"]
        assert {node.op_type for node in made.graph.nodes} == {"Some", "Some_1"}


def test_opsets_and_ir_versions_are_brought_together() -> None:
    old = parsed(
        """
        g (float[3] x, float[3] w) => (float[1] y) <float[3] w = {1, 2, 3}> {
          h = Mul (x, w)
          y = ReduceSum <axes = [0]> (h)
        }
        """,
        opset=11,
        ir_version=3,
    )
    new = parsed("g (float[1] a) => (float[1] b) { b = Gelu (a) }", opset=20, ir_version=9)
    made = pot.merge(old, new, verify=1)
    assert (made.model.opset_imports[""], made.model.ir_version) == (20, 9)
    assert [value.name for value in made.model.graph.inputs] == ["x"]
    assert made.report.notes[0] == "the first model was brought from opset 11 to 20"
    wide = parsed("g (float[3] a) => (float[3] b) { b = Gelu (a) }", opset=20, ir_version=9)
    made = pot.merge(wide, old, {"b": "x"}, verify=1, to=13)
    assert made.model.opset_imports[""] == 13
    assert [value.name for value in made.model.graph.inputs] == ["a"]
    with pytest.raises(UsageError, match="there is no input of the second model called 'w'"):
        pot.merge(wide, old, {"b": "w"})
    old.set_ir_version(4)
    made = pot.merge(wide, old, {"b": "w"}, verify=1)
    assert [value.name for value in made.model.graph.inputs] == ["a", "x"]


def test_where_raising_is_refused_the_other_is_lowered() -> None:
    old = parsed(
        """
        g (float[1,4,2,2] x, float[2] s, float[2] b) => (float[1,4,2,2] y)
        { y = GroupNormalization <num_groups = 2> (x, s, b) }
        """,
        opset=18,
    )
    new = parsed("g (float[1,4,2,2] a) => (float[1,4,2,2] c) { c = Relu (a) }", opset=21)
    made = pot.merge(old, new)
    assert made.model.opset_imports[""] == 18
    assert made.report.notes == ("the second model was brought from opset 21 to 18",)
    newer = parsed("g (float[1,4,2,2] a) => (int32[4] c) { c = Unknown (a) }", opset=21)
    with pytest.raises(pot.Refused, match="merge, at opset 21 or 18, was refused for 2 reasons"):
        pot.merge(old, newer)


def imports(version: int, op: str) -> pot.Model:
    model = parsed(f"g (float[2] x) => (y) {{ y = {op} (x) }}")
    domain = op.partition(".")[0] if op.startswith("custom") else "ai.onnx.ml"
    model.set_opset_import(domain, version)
    return model


def test_versions_of_other_domains() -> None:
    with pytest.raises(pot.Refused, match="the first model imports custom 1 and the second custom"):
        pot.merge(imports(1, "custom.Some"), imports(2, "custom.Some"), prefix_second="b")
    made = pot.merge(imports(1, "custom.Some"), imports(2, "Relu"), {"x": "x"}, prefix_second="b")
    assert made.model.opset_imports["custom"] == 1
    scaled = imports(1, "Relu")
    made = pot.merge(scaled, imports(3, "Relu"), prefix_second="b/", joined=[])
    assert made.model.opset_imports["ai.onnx.ml"] == 1


NEW = "g (float[2] x) => (float[2] y) { y = Relu (x) }"
OTHER = "g (float[2] a) => (float[2] b) { h = Neg (a) b = Abs (h) }"


def nameless(proto: onnx.ModelProto) -> None:
    proto.graph.input[0].ClearField("name")


def strange_dtype(proto: onnx.ModelProto) -> None:
    proto.graph.input[0].type.tensor_type.elem_type = 99


def without_graph(proto: onnx.ModelProto) -> None:
    proto.ClearField("graph")


def too_new(proto: onnx.ModelProto) -> None:
    proto.opset_import[0].version = 99


def made_twice(proto: onnx.ModelProto) -> None:
    proto.graph.node.append(proto.graph.node[0])


@pytest.mark.parametrize("damage", [nameless, strange_dtype, without_graph, too_new, made_twice])
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("joined", [None, []])
def test_malformed_models_are_told_of(
    damage: Callable[[onnx.ModelProto], None], swapped: bool, joined: list[Any] | None
) -> None:
    proto = pot.to_proto(parsed(OTHER))
    damage(proto)
    pair = [parsed(NEW), pot.from_proto(proto)]
    for asked in ({}, {"to": 13}):
        try:
            made = pot.merge(*(pair[::-1] if swapped else pair), joined, verify=1, **asked)
            made.model.to_bytes()
        except pot.PyonnxtoolError as error:
            assert str(error)
