"""Nodes that do nothing for the sizes that they get go; those that look like it stay."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import pyonnxtool as pot
from support.ort_runs import run
from support.specialized import assert_same, fixed_to, operators, parse, specialized

RNG = np.random.default_rng(7)
X = RNG.normal(size=(2, 1, 4)).astype(np.float32)
X[0, 0, :2] = [-0.0, np.nan]
IMAGE = RNG.normal(size=(1, 2, 10, 10)).astype(np.float32)

NOTHING = {
    "Identity": "y = Identity (x)",
    "Dropout": "y = Dropout (x)",
    "Cast": "y = Cast <to = 1> (x)",
    "CastLike": "y = CastLike (x, x)",
    "Reshape": "s = Constant <value_ints = [0, -1, 4]> () \n y = Reshape (x, s)",
    "Flatten": "f = Constant <value_ints = [2, 4]> () \n r = Reshape (x, f) \n"
    " t = Flatten <axis = 1> (r) \n s = Shape (x) \n y = Reshape (t, s)",
    "Expand": "s = Shape (x) \n y = Expand (x, s)",
    "Expand to less": "s = Constant <value_ints = [1, 4]> () \n y = Expand (x, s)",
    "Tile": "s = Constant <value_ints = [1, 1, 1]> () \n y = Tile (x, s)",
    "Slice": "a = Constant <value_ints = [0]> () \n b = Constant <value_ints = [99]> ()"
    " \n y = Slice (x, a, b)",
    "Slice with steps": "a = Constant <value_ints = [0]> () \n b = Constant <value_ints = [1]> ()"
    " \n c = Constant <value_ints = [2]> () \n y = Slice (x, a, b, b, c)",
    "Pad": "s = Constant <value_ints = [0, 0, 0, 0, 0, 0]> () \n y = Pad (x, s)",
    "Transpose": "y = Transpose <perm = [0, 1, 2]> (x)",
    "Split": "y = Split <num_outputs = 1> (x)",
    "Gather": "s = Constant <value_ints = [0, 1]> () \n y = Gather (x, s)",
    "Concat of one": "y = Concat <axis = 1> (x)",
    "Concat with nothing": "s = Constant <value_ints = [0, 1, 4]> () \n"
    " e = ConstantOfShape (s) \n y = Concat <axis = 0> (e, x, e)",
    "Sum": "y = Sum (x)",
    "Max": "y = Max (x)",
    "Sub": "z = Constant <value_float = 0.0> () \n y = Sub (x, z)",
    "Mul": "z = Constant <value_floats = [1.0, 1.0, 1.0, 1.0]> () \n y = Mul (z, x)",
    "Div": "z = Constant <value_float = 1.0> () \n y = Div (x, z)",
    "Add": "z = Constant <value_float = -0.0> () \n y = Add (x, z)",
    "Where": "s = Shape <start = 1, end = 2> (x) \n o = Constant <value_ints = [1]> ()"
    " \n c = Equal (s, o) \n n = Neg (x) \n y = Where (c, x, n)",
    "Clip": "y = Clip (x)",
}

SOMETHING = {
    "a Dropout that trains": "r = Constant <value_float = 0.5> () \n"
    " t = Constant <value = bool {1}> () \n d = Dropout (x, r, t) \n y = Mul (d, d)",
    "a Slice that turns around": "a = Constant <value_ints = [-1]> () \n"
    " b = Constant <value_ints = [-99]> () \n c = Constant <value_ints = [2]> () \n"
    " d = Constant <value_ints = [-1]> () \n y = Slice (x, a, b, c, d)",
    "a Pad that moves": "s = Constant <value_ints = [0, 0, 1, 0, 0, -1]> () \n y = Pad (x, s)",
    "a Gather that turns around": "s = Constant <value_ints = [1, 0]> () \n y = Gather (x, s)",
    "an Add that loses -0.0": "z = Constant <value_float = 0.0> () \n y = Add (x, z)",
    "a Mul that makes it larger": "z = Constant <value = float[3,1,1,1] {1, 1, 1}> () \n"
    " y = Mul (x, z)",
    "a Mul that is not by 1 all over": "z = Constant <value_floats = [1.0, 1.0, 1.0, 2.0]> () \n"
    " y = Mul (x, z)",
    "a Where with two answers": "c = Constant <value = bool[4] {1, 1, 1, 0}> () \n n = Neg (x) \n"
    " y = Where (c, x, n)",
}


def between_relus(nodes: str, rank: int = 3) -> onnx.ModelProto:
    """Abs keeps neither -0.0 nor a sign: what is around the nodes is Neg and Identity."""
    sizes = ",".join("abcdef"[:rank])
    body = nodes.replace("(x", "(u").replace(", x", ", u").replace("y = ", "v = ", 1)
    assert "v = " in body
    return parse(
        f"g (float[{sizes}] x) => (float[{','.join('opqrst'[:rank])}] y) "
        f"{{ u = Neg (x) \n {body} \n y = Neg (v) }}"
    )


@pytest.mark.parametrize("case", sorted(NOTHING))
def test_a_node_that_does_nothing_goes(case: str) -> None:
    found = fixed_to(between_relus(NOTHING[case]), {"x": X})
    assert operators(found) == {"Neg": 2}


@pytest.mark.parametrize("case", sorted(SOMETHING))
def test_a_node_that_does_something_stays(case: str) -> None:
    model = between_relus(SOMETHING[case])
    found = specialized(model, {"x": [2, 1, 4]})
    assert sum(operators(found).values()) > 2
    if "Dropout" not in case:
        assert_same(run(model, [{"x": X}]), run(found, [{"x": X}]))


def test_a_zero_goes_where_no_reader_tells_which() -> None:
    nodes = (
        "z = Constant <value = float[1,4] {0, 0, 0, 0}> () \n"
        " n = Constant <value_floats = [1.0, -1.0, 2.0, -0.0]> () \n"
        " a = Add (x, z) \n b = Add (a, n) \n y = Softmax (b)"
    )
    found = fixed_to(between_relus(nodes), {"x": X})
    assert operators(found) == {"Neg": 2, "Add": 1, "Softmax": 1}


def test_a_transpose_of_axes_of_one_element_goes() -> None:
    model = between_relus("y = Transpose <perm = [1, 0, 2]> (x)")
    assert operators(fixed_to(model, {"x": X[:1]})) == {"Neg": 2}
    assert operators(fixed_to(model, {"x": X}))["Transpose"] == 1


@pytest.mark.parametrize(("scale", "resized"), [(1.0, 0), (1.05, 1)])
@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_a_resize_goes_by_its_scale_and_not_by_its_size(
    scale: float, resized: int, mode: str
) -> None:
    model = between_relus(
        f"s = Constant <value_floats = [1.0, 1.0, {scale}, 1.0]> () \n "
        f'y = Resize <mode = "{mode}"> (x, , s)',
        rank=4,
    )
    found = fixed_to(model, {"x": IMAGE})
    assert operators(found)["Resize"] == resized


def test_an_output_keeps_its_name_when_what_made_it_goes() -> None:
    model = parse("g (float[n] x) => (float[n] y) { a = Neg (x) \n y = Identity (a) }")
    result = pot.specialize(model, {"x": [3]})
    found = pot.to_proto(result.model)
    assert [list(node.output) for node in found.graph.node] == [["y"]]
    assert ("a", "y") in result.report.pairs


def test_an_output_that_is_an_input_goes_through_an_identity() -> None:
    model = parse(
        "g (float[n] x) => (float[n] y, float[n] z) "
        "{ s = Shape (x) \n y = Expand (x, s) \n z = Reshape (y, s) }"
    )
    found = fixed_to(model, {"x": X[0, 0]})
    assert operators(found) == {"Identity": 2}
    assert [node.input[0] for node in found.graph.node] == ["x", "x"]


def test_a_body_is_simplified_too() -> None:
    model = parse(
        "g (float[n] x, bool c) => (float[m] y) { y = If (c) "
        "<then_branch = t () => (float[m] a) { s = Shape (x) \n e = Expand (x, s) \n"
        " r = Reshape (e, s) \n a = Neg (r) },"
        " else_branch = f () => (float[m] b) { i = Identity (x) \n b = Abs (i) }> }"
    )
    feeds = [{"x": X[0, 0], "c": np.array(value)} for value in (True, False)]
    found = specialized(model, {"x": [4]})
    assert_same(run(model, feeds), run(found, feeds))
    (node,) = found.graph.node
    bodies = {each.name: each.g for each in node.attribute}
    assert [each.op_type for each in bodies["then_branch"].node] == ["Neg"]
    assert [each.op_type for each in bodies["else_branch"].node] == ["Abs"]
