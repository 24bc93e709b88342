"""Nodes go, and what read their outputs reads one of their inputs."""

from __future__ import annotations

import re

import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool.errors import Refused, UsageError
from pyonnxtool.rewriting import Rewrite
from pyonnxtool.surgery.edit_report import EditReport

NET = """
<ir_version: 8, opset_import: ["" : 17, "vendor" : 1]>
g (float[n,4] x) => (float[n,4] y, float[4,n] t) <float[4] w = {1, 2, 3, 4}> {
   [drop] d = Dropout (x)
   [scale] s = Mul (d, w)
   [thing] v = vendor.Thing <k = 1> (s)
   [gate] g1 = Mul (v, d)
   r = Relu (g1)
   [last] y = Identity (r)
   t = Transpose (d)
}
"""
BODIES = """
<ir_version: 8, opset_import: ["" : 17]>
g (bool c, float[2] x) => (float[2] y) {
   z = Relu (x)
   [choice] y = If (c) <
      then_branch = t () => (float[2] a) { [n] a = Neg (z) },
      else_branch = e () => (float[2] b) {
         q = Abs (z)
         [down] h = Cast <to = 10> (q)
         [up] b = Cast <to = 1> (h)
      }
   >
}
"""
LOOP = """
<ir_version: 8, opset_import: ["" : 17]>
g (int64 n, bool c, float[2] x) => (float[2] y) {
   [turns] y = Loop (n, c, x) <body = b (int64 i, bool go, float[2] s) => (bool on, float[2] t) {
      [same] on = Identity (go)
      u = Dropout (s)
      [to_int] v = Cast <to = 7> (u)
      [to_float] t = Cast <to = 1> (v)
   }>
}
"""
HALVES = """
<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
g (float[4] x) => (float[4] y) { y = local.twice (x) }
<opset_import: ["" : 17], domain: "local">
twice (a) => (b) { [d] c = Dropout (a) b = Add (c, c) }
"""
SHAPED = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n,4] x) => (float[k] y) {
   r = Relu (x)
   s = Shape (x)
   p = ReduceProd (s)
   [flat] y = Reshape (r, p)
}
"""


def removed(text: str, *nodes: str, passing: int | str | None = None) -> Rewrite[EditReport]:
    """Checked, with `verify` and by the onnx package."""
    model = pot.from_proto(onnx.parser.parse_model(text))
    made = pot.remove(model, nodes, passing=passing)
    assert made.model.graph.verify() == []
    onnx.checker.check_model(pot.to_proto(made.model), full_check=True)
    return made


def lines(made: Rewrite[EditReport]) -> list[str]:
    return [node.text() for node in made.model.graph.nodes]


def changes(made: Rewrite[EditReport]) -> dict[str, int]:
    return {one.rule: one.count for one in made.report.changes}


def test_names_globs_and_operators() -> None:
    made = removed(NET, "dr*", "op:vendor::Thing", "op:Identity")
    assert changes(made) == {"removed Dropout": 1, "removed Thing": 1, "removed Identity": 1}
    assert lines(made) == [
        "s = Mul(x, w)",
        "g1 = Mul(s, x)",
        "y = Relu(g1)",
        "t = Transpose(x)",
    ]
    assert made.report.left == ()


def test_a_node_without_a_name_is_called_as_what_it_makes() -> None:
    assert lines(removed(NET, "r"))[-2:] == ["y = Identity(g1)", "t = Transpose(d)"]


def test_a_value_stands_for_what_makes_it() -> None:
    assert lines(removed(NET, "v"))[2] == "g1 = Mul(s, d)"


def test_a_weight_that_nothing_reads_goes_too() -> None:
    made = removed(NET, "scale")
    assert made.model.graph.initializers == []
    assert "v = vendor.Thing(d) {k=1}" in lines(made)


def test_the_input_that_passes() -> None:
    assert "r = Relu(d)" in lines(removed(NET, "gate", passing=1))
    made = removed(NET, "gate", passing="B")
    assert "r = Relu(d)" in lines(made)
    assert changes(made) == {"removed Mul": 1, "removed with them, as nothing else reads it": 2}


def test_of_several_inputs_the_one_of_the_output_s_type_passes() -> None:
    made = removed(SHAPED, "flat")
    assert lines(made) == ["y = Relu(x)"]
    assert changes(made) == {"removed Reshape": 1, "removed with them, as nothing else reads it": 2}
    assert made.report.notes == ("output 'y' is float32[n, 4] now, was float32[k]",)


def test_of_one_input_that_is_a_constant_that_one_passes() -> None:
    text = NET.replace("[scale] s = Mul (d, w)", "[hand] k = Identity (w) [scale] s = Mul (d, k)")
    assert "s = Mul(d, w)" in lines(removed(text, "hand"))


def test_an_identity_stays_where_an_input_is_an_output() -> None:
    made = removed(
        "<ir_version: 8, opset_import: ['' : 17]> "
        "g (float[2] x) => (float[2] y) { [e] y = Exp (x) }".replace("'", '"'),
        "e",
    )
    assert lines(made) == ["y = Identity(x)"]
    assert changes(made) == {"replaced by Identity: Exp": 1}
    assert [(one.node, one.reason) for one in made.report.left] == [
        (
            "node 'e' (Exp)",
            "an input is an output by it, and both keep their names: an Identity stands between "
            "them",
        )
    ]
    again = pot.remove(made.model, ["op:Identity"])
    assert changes(again) == {}
    assert len(again.report.left) == 1


def test_inside_of_bodies() -> None:
    made = removed(BODIES, "op:Cast", "n")
    then, other = made.model.graph.nodes[1].subgraphs
    assert [node.text() for node in then.nodes] == ["a = Identity(z)"]
    assert [node.text() for node in other.nodes] == ["b = Abs(z)"]
    loop = removed(LOOP, "op:Dropout", "op:Identity").model.graph.nodes[0].subgraphs[0]
    assert [node.op_type for node in loop.nodes] == ["Identity", "Cast", "Cast"]


def test_a_node_with_bodies_goes_with_what_is_in_it() -> None:
    made = removed(LOOP, "*")
    assert lines(made) == ["y = Identity(x)"]
    assert changes(made) == {"replaced by Identity: Loop": 1}


def test_a_condition_does_not_pass_unless_it_is_asked_for() -> None:
    with pytest.raises(Refused, match=r"'choice' \(If\): has no input but its condition, and that"):
        removed(BODIES, "choice")


def test_weights_around_a_body_are_constants_in_it() -> None:
    text = BODIES.replace("(float[2] y) {", "(float[2] y) <float[2] w = {1, 2}> {").replace(
        "a = Neg (z)", "a = Add (w, z)"
    )
    made = removed(text, "n").model.graph.node("choice").subgraphs[0]
    assert [node.text() for node in made.nodes] == ["a = Identity(z)"]


def test_inside_of_functions() -> None:
    made = removed(HALVES, "d")
    assert [node.text() for node in made.model.functions[0].graph.nodes] == ["b = Add(a, a)"]


def test_the_given_model_stays() -> None:
    model = pot.from_proto(onnx.parser.parse_model(NET))
    before = pot.to_proto(model)
    pot.remove(model, ["op:Dropout"], verify=0)
    assert pot.to_proto(model) == before


def test_nothing_changes_with_nodes_that_do_nothing() -> None:
    text = NET.replace("[thing] v = vendor.Thing <k = 1> (s)", "v = Neg (s)")
    model = pot.from_proto(onnx.parser.parse_model(text))
    report = pot.remove(model, ["op:Dropout", "last"], verify=1).report
    assert report.verification is not None
    with pytest.raises(pot.Refused, match="output 'y' differs"):
        pot.remove(model, ["op:Relu"], verify=1)


@pytest.mark.parametrize(
    ("text", "nodes", "told"),
    [
        (
            NET,
            ["gate", "drop", "op:Relu"],
            "node 'gate' (Mul): has several inputs: 'v' (0), 'x' (1); say which, by its number",
        ),
        (
            BODIES,
            ["up"],
            "node 'choice' (If): a branch gives 'a' as tensor(float), another 'b' as "
            "tensor(float16)",
        ),
        (
            LOOP,
            ["to_float"],
            "node 'turns' (Loop): its body gives 't' as tensor(int64), and it begins as "
            "tensor(float)",
        ),
        (
            SHAPED.replace(
                "p = ReduceProd (s)",
                "f = Cast <to = 1> (s) q = ReduceProd (f) [back] p = Cast <to = 7> (q)",
            ),
            ["back"],
            "node 'flat' (Reshape): Reshape takes no tensor(float) as shape in opset 17 ('q')",
        ),
    ],
)
def test_what_is_refused(text: str, nodes: list[str], told: str) -> None:
    with pytest.raises(pot.Refused, match=re.escape(told)) as found:
        removed(text, *nodes)
    assert "remove was refused for 1 reason; nothing is written" in str(found.value)


@pytest.mark.parametrize(
    ("passing", "told"),
    [
        (4, "node 'gate' (Mul): has no input 4"),
        ("C", "node 'gate' (Mul): has no input 'C'; its inputs are called A, B"),
    ],
)
def test_inputs_that_are_not_there(passing: int | str, told: str) -> None:
    with pytest.raises(pot.Refused, match=re.escape(told)):
        removed(NET, "gate", passing=passing)


def test_a_second_output_that_is_read() -> None:
    text = NET.replace("[drop] d = Dropout (x)", "[drop] d, m = Dropout (x) k = Not (m)")
    told = "node 'drop' (Dropout): makes 'm' too, which is read, and no input stands for it"
    with pytest.raises(pot.Refused, match=re.escape(told)):
        removed(text, "drop")


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        ([], "say which nodes go: names, globs, or op:TYPE"),
        (["dropp"], "there is no node called 'dropp'; did you mean: drop"),
        (["op:Dropuot"], "there is no operator called 'Dropuot'; did you mean: Dropout"),
        (["op:Thing"], "there is no operator called 'Thing'; did you mean: vendor::Thing"),
    ],
)
def test_nodes_that_are_not_there(nodes: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=re.escape(told)):
        removed(NET, *nodes)
