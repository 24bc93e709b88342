"""Nodes that follow one another and become fewer, equal nodes, and what nothing reads."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import pyonnxtool as pot
from support.ort_runs import run
from support.specialized import assert_same, fixed_to, operators, parse, specialized

RNG = np.random.default_rng(3)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def chain(
    nodes: str, inputs: str = "float[a,b,c] x", result: str = "float[...]"
) -> onnx.ModelProto:
    result = result.replace("...", "o,p,q")
    return parse(f"g ({inputs}) => ({result} y) {{ u = Neg (x) \n {nodes} \n y = Neg (v) }}")


@pytest.mark.parametrize(
    ("nodes", "left"),
    [
        ("p = Transpose <perm = [2, 0, 1]> (u) \n v = Transpose <perm = [2, 0, 1]> (p)", 1),
        ("p = Transpose <perm = [2, 0, 1]> (u) \n v = Transpose <perm = [1, 2, 0]> (p)", 0),
        (
            "p = Transpose <perm = [2, 0, 1]> (u) \n q = Transpose <perm = [1, 0, 2]> (p)"
            " \n r = Transpose <perm = [2, 1, 0]> (q) \n v = Transpose <perm = [0, 2, 1]> (r)",
            1,
        ),
    ],
)
def test_transposes_become_one_or_none(nodes: str, left: int) -> None:
    found = fixed_to(chain(nodes), {"x": normal(2, 3, 4)})
    assert operators(found)["Transpose"] == left


def test_reshapes_become_one() -> None:
    nodes = (
        "s = Constant <value_ints = [-1]> () \n f = Flatten <axis = 1> (u) \n"
        " r = Reshape (f, s) \n o = Constant <value_ints = [0]> () \n p = Unsqueeze (r, o) \n"
        " q = Unsqueeze (p, o) \n v = Identity (q)"
    )
    found = fixed_to(chain(nodes), {"x": normal(2, 3, 4)})
    assert operators(found) == {"Neg": 2, "Reshape": 1}


def test_a_reshape_that_others_read_stays() -> None:
    model = parse(
        "g (float[a,b] x) => (float[n] y, float[c,d] z) { s = Constant <value_ints = [-1]> () \n"
        " t = Constant <value_ints = [3, -1]> () \n r = Reshape (x, s) \n z = Reshape (r, t)"
        " \n y = Neg (r) }"
    )
    found = fixed_to(model, {"x": normal(2, 6)})
    assert operators(found) == {"Reshape": 2, "Neg": 1}


def test_a_reshape_of_nothing_is_not_guessed() -> None:
    nodes = (
        "s = Constant <value_ints = [-1, 5]> () \n t = Constant <value_ints = [7, 0]> () \n"
        " p = Reshape (u, s) \n q = Reshape <allowzero = 1> (p, t) \n v = Identity (q)"
    )
    fixed_to(chain(nodes, result="float[o,p]"), {"x": normal(2, 0, 4)})


@pytest.mark.parametrize(
    ("types", "left"),
    [((11, 1), 0), ((10, 1), 2), ((6, 1), 2), ((7, 6, 1), 3), ((11, 10, 1), 2), ((11, 11, 6), 1)],
)
def test_casts_go_where_nothing_is_rounded_in_between(types: tuple[int, ...], left: int) -> None:
    steps, before = [], "u"
    for at, to in enumerate(types):
        steps.append(f"k{at} = Cast <to = {to}> ({before})")
        before = f"k{at}"
    steps.append(f"v = Identity ({before})")
    result = "int32[...]" if types[-1] == 6 else "float[...]"
    x = (100 * normal(2, 3, 4)).astype(np.float32)
    found = fixed_to(chain("\n".join(steps), result=result), {"x": x})
    assert operators(found)["Cast"] == left


def test_whole_numbers_wrap_once() -> None:
    model = parse(
        "g (int32[n] x) => (uint8[n] y) { w = Cast <to = 7> (x) \n y = Cast <to = 2> (w) }"
    )
    found = fixed_to(model, {"x": np.array([1, 255, 256, -1, 70000], np.int32)})
    assert operators(found) == {"Cast": 1}


@pytest.mark.parametrize(("axis", "left"), [(1, 1), (-1, 1), (0, 2)])
def test_slices_along_different_axes_become_one(axis: int, left: int) -> None:
    nodes = (
        "a = Constant <value_ints = [1]> () \n b = Constant <value_ints = [99]> () \n"
        " c = Constant <value_ints = [0]> () \n p = Slice (u, a, b, c, a) \n"
        f" d = Constant <value_ints = [-1]> () \n e = Constant <value_ints = [{axis}]> () \n"
        " f = Constant <value_ints = [-99]> () \n v = Slice (p, d, f, e, d)"
    )
    found = fixed_to(chain(nodes), {"x": normal(5, 3, 4)})
    assert operators(found)["Slice"] == left


def test_empty_parts_of_a_concat_go() -> None:
    model = parse(
        "g (float[n,p,2] past, float[n,s,2] x) => (float[n,t,2] y) "
        "{ a = Neg (x) \n y = Concat <axis = 1> (past, a, x) }"
    )
    found = fixed_to(model, {"past": normal(1, 0, 2), "x": normal(1, 3, 2)})
    (concat,) = [node for node in found.graph.node if node.op_type == "Concat"]
    assert list(concat.input) == ["a", "x"]


GELU = (
    "a = Mul (r, r) \n b = Constant <value_float = 0.5> () \n c = Add (a, b) \n t = Tanh (c) \n"
    " m = Mul (t, r)"
)


def test_a_reshape_that_is_taken_back_goes() -> None:
    nodes = (
        "s = Constant <value_ints = [6, 4]> () \n o = Shape (x) \n r = Reshape (u, s) \n "
        + GELU
        + "\n v = Reshape (m, o)"
    )
    found = fixed_to(chain(nodes), {"x": normal(2, 3, 4)})
    assert operators(found) == {"Neg": 2, "Mul": 2, "Add": 1, "Tanh": 1}


@pytest.mark.parametrize(
    "between",
    [
        "w = Constant <value_floats = [1.0, 2.0, 3.0, 4.0]> () \n m = Mul (r, w)",
        "m = Softmax <axis = 0> (r)",
        "w = Constant <value = float[1,1,1] {2}> () \n k = Mul (r, w) \n"
        " z = Constant <value_ints = [0]> () \n m = Squeeze (k, z)",
    ],
)
def test_what_is_no_elementwise_function_of_one_shape_stays_between(between: str) -> None:
    nodes = (
        "s = Constant <value_ints = [6, 4]> () \n o = Shape (x) \n r = Reshape (u, s) \n "
        + between
        + "\n v = Reshape (m, o)"
    )
    found = fixed_to(chain(nodes), {"x": normal(2, 3, 4)})
    assert operators(found)["Reshape"] >= 1


def test_a_reshape_stays_where_its_values_are_read_elsewhere() -> None:
    model = parse(
        "g (float[a,b] x) => (float[a,b] y, float[n] z) { s = Constant <value_ints = [-1]> () \n"
        " o = Shape (x) \n r = Reshape (x, s) \n z = Relu (r) \n y = Reshape (z, o) }"
    )
    found = fixed_to(model, {"x": normal(2, 3)})
    assert operators(found) == {"Reshape": 2, "Relu": 1}


def padded(pads: str, more: str = "", conv: str = "pads = [0, 1, 2, 0]") -> onnx.ModelProto:
    model = parse(
        f"g (float[n,2,h,w] x) => (float[n,3,o,p] y) {{ s = Constant <value_ints = {pads}> () \n"
        f" p = Pad (x, s{more}) \n y = Conv <kernel_shape = [3, 3], {conv}> (p, k) }}"
    )
    model.graph.initializer.append(numpy_helper.from_array(normal(3, 2, 3, 3), "k"))
    return model


def test_zeros_around_an_image_are_the_convs() -> None:
    found = fixed_to(padded("[0, 0, 1, 0, 0, 0, 2, 3]"), {"x": normal(1, 2, 5, 6)})
    assert operators(found) == {"Conv": 1}
    (pads,) = [each.ints for each in found.graph.node[0].attribute if each.name == "pads"]
    assert list(pads) == [1, 1, 4, 3]


@pytest.mark.parametrize(
    "model",
    [
        padded("[0, 0, 1, 0, 0, 0, -1, 0]"),
        padded("[1, 0, 0, 0, 0, 0, 0, 0]"),
        padded("[0, 0, 1, 1, 0, 0, 1, 1]", conv='auto_pad = "SAME_UPPER"'),
    ],
)
def test_other_pads_stay(model: onnx.ModelProto) -> None:
    assert operators(fixed_to(model, {"x": normal(1, 2, 5, 6)})) == {"Pad": 1, "Conv": 1}


def test_a_pad_with_another_number_stays() -> None:
    model = padded("[0, 0, 1, 1, 0, 0, 1, 1]", more=", one")
    model.graph.initializer.append(numpy_helper.from_array(np.array(1, np.float32), "one"))
    assert operators(fixed_to(model, {"x": normal(1, 2, 5, 6)})) == {"Pad": 1, "Conv": 1}


def test_equal_nodes_and_weights_are_shared() -> None:
    model = parse(
        "g (float[n,2] x) => (float[n,2] y) <float[2] a = {1.0, 2.0}, float[2] b = {1.0, 2.0}> "
        "{ p = Add (x, a) \n q = Add (b, x) \n r = Relu (p) \n s = Relu (q) \n y = Mul (r, s) }"
    )
    result = pot.specialize(model, {"x": [3, 2]})
    found = pot.to_proto(result.model)
    assert operators(found) == {"Add": 1, "Relu": 1, "Mul": 1}
    assert [each.name for each in found.graph.initializer] == ["a"]
    assert {("b", "a"), ("q", "p"), ("s", "r")} <= set(result.report.pairs)
    feeds = [{"x": normal(3, 2)}]
    assert_same(run(model, feeds), run(found, feeds))


def test_outputs_that_are_equal_both_stay() -> None:
    model = parse("g (float[n] x) => (float[n] y, float[n] z) { y = Neg (x) \n z = Neg (x) }")
    assert operators(fixed_to(model, {"x": normal(3)})) == {"Neg": 2}


def test_drawn_numbers_are_not_shared() -> None:
    model = parse(
        "g (float[n] x) => (float[n] y) "
        "{ a = RandomNormalLike (x) \n b = RandomNormalLike (x) \n y = Sub (a, b) }"
    )
    assert operators(specialized(model, {"x": [3]}))["RandomNormalLike"] == 2


def test_what_nothing_reads_goes() -> None:
    model = parse(
        "g (float[n] x) => (float[n] y) <float[1] a = {1.0}, float[1] b = {2.0}> "
        "{ p = Add (x, a) \n q = NonZero (p) \n y = Add (x, b) }"
    )
    found = fixed_to(model, {"x": normal(3)})
    assert operators(found) == {"Add": 1}
    assert [each.name for each in found.graph.initializer] == ["b"]


def test_imports_of_domains_that_are_gone_go() -> None:
    model = parse("g (float[n] x) => (float[n] y) { y = Neg (x) }")
    found = specialized(model, {"x": [3]})
    assert [each.domain for each in found.opset_import] == [""]


def test_types_of_values_are_those_of_the_new_sizes() -> None:
    model = parse(
        "g (float[n,m] x) => (float[n,m] y) <float[n,m] a, float[n,m] gone> "
        "{ a = Neg (x) \n s = Shape (x) \n gone = Reshape (a, s) \n y = Relu (gone) }"
    )
    found = specialized(model, {"x": [3, 4]})
    told = {
        v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in found.graph.value_info
    }
    assert told == {"a": [3, 4]}
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    del bare.graph.value_info[:]
    assert not specialized(bare, {"x": [3, 4]}, value_info=False).graph.value_info
    assert len(specialized(bare, {"x": [3, 4]}).graph.value_info) == 1
