"""Models in float16: what is converted, what stays in float32, and what that loses."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper

import pyonnxtool as pot
from pyonnxtool.errors import BackendError, Refused, UsageError

HEAD = '<ir_version: 8, opset_import: ["" : 17]>'


def net(text: str, head: str = HEAD) -> pot.Model:
    return pot.from_proto(onnx.parser.parse_model(head + text))


def halved(text: str, head: str = HEAD, **options: Any) -> Any:
    return pot.weights(net(text, head), fp16=True, **options)


def lines(model: pot.Model) -> list[str]:
    return [node.text().partition(" {")[0] for node in model.graph.nodes]


def kept(made: Any) -> dict[str, str]:
    return {one.node: one.reason for one in made.report.left}


def checked(model: pot.Model) -> None:
    onnx.checker.check_model(pot.to_proto(model), full_check=True)
    assert model.graph.verify() == []


def run(model: pot.Model, **feeds: Any) -> list[Any]:
    checked(model)
    proto = pot.to_proto(model).SerializeToString()
    return list(ort.InferenceSession(proto, providers=["CPUExecutionProvider"]).run(None, feeds))


def test_nodes_and_weights_become_float16_and_the_border_does_not() -> None:
    made = halved(
        """g (float[n,3] x) => (float[n,2] y) <float[3,2] w = {1,2,3,4,5,6}, float[n,2] h> {
           h = MatMul (x, w)
           y = Relu (h)
        }""",
        verify=1,
    )
    assert lines(made.model) == [
        "x_float16 = Cast(x)",
        "h = MatMul(x_float16, w)",
        "y_float16 = Relu(h)",
        "y = Cast(y_float16)",
    ]
    graph = made.model.graph
    assert graph.initializers[0].dtype == "float16"
    assert (graph.value("h").dtype, graph.value("y").dtype) == ("float16", "float32")
    assert [(one.rule, one.count) for one in made.report.changes] == [
        ("nodes in float16", 2),
        ("weights in float16", 1),
        ("Casts put in", 2),
    ]
    assert run(made.model, x=np.ones((1, 3), np.float32))[0].tolist() == [[9, 12]]
    assert made.report.verification.tolerance.startswith("rtol 0.015625")


def test_inputs_and_outputs_too_when_asked_for() -> None:
    made = halved(
        "g (float[n] x, int64[n] i) => (float[n] y, int64[n] z) { y = Relu (x) z = Neg (i) }",
        fp16_io=True,
        verify=1,
    )
    assert lines(made.model) == ["y = Relu(x)", "z = Neg(i)"]
    assert made.model.graph.inputs[0].dtype == made.model.graph.outputs[0].dtype == "float16"


LAYER_NORM = """g (float[2,4] x) => (float[2,4] y)
<float two = {2}, float eps = {1e-12}, float[4] scale = {1,2,3,4}> {
   [mean] m = ReduceMean <axes = [-1]> (x)
   [diff] d = Sub (x, m)
   [pow] p = Pow (d, two)
   [var] v = ReduceMean <axes = [-1]> (p)
   [add] a = Add (v, eps)
   [sqrt] s = Sqrt (a)
   [div] n = Div (d, s)
   [mul] y = Mul (n, scale)
}"""


def test_the_middle_of_a_norm_stays_in_float32() -> None:
    made = halved(LAYER_NORM)
    assert list(kept(made)) == [f"node '{n}' ({t})" for n, t in (
        ("pow", "Pow"), ("var", "ReduceMean"), ("sqrt", "Sqrt"), ("div", "Div"), ("add", "Add"),
    )]  # fmt: skip
    assert kept(made)["node 'add' (Add)"] == "a constant of it is too small for float16"
    assert "d_float32 = Cast(d)" in lines(made.model)
    x = np.array([[1000, -1000, 500, 0], [7, 7, 7, 7]], np.float32)  # squares pass 65504
    found, expected = run(made.model, x=x)[0], run(net(LAYER_NORM), x=x)[0]
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-3)


def test_what_is_kept_and_converted_by_name_or_operator() -> None:
    text = "g (float[2] x) => (float[2] y) { [e] a = Exp (x) [s] b = Softmax (a) y = Relu (b) }"
    assert list(kept(halved(text))) == ["node 'e' (Exp)", "node 's' (Softmax)"]
    assert kept(halved(text, convert=["e"])) == {}
    asked = kept(halved(text, keep=["op:Soft*"], convert=["op:Exp"]))
    assert asked == {"node 's' (Softmax)": "it was asked for"}
    with pytest.raises(UsageError, match=r"no node for --keep called 'op:Sofmax'; did you mean"):
        halved(text, keep=["op:Sofmax"])
    with pytest.raises(UsageError, match="are for fp16; ask for that"):
        pot.weights(net(text), keep=["e"])


def test_numbers_of_masks_stay_finite_and_others_keep_their_node() -> None:
    made = halved(
        """g (float[2,2] x, bool[2,2] m) => (float[2,2] y, float[2,2] z)
        <float least = {-3.4e38}, float large = {1e6}, float[2,2] w = {1e5,0,0,1e-9}> {
           h = Where (m, x, least)
           y = Softmax (h)
           s = Div (x, large)
           [product] z = MatMul (s, w)
        }"""
    )
    assert {t.name: t.dtype for t in made.model.graph.initializers} == {
        "least": "float16", "large": "float32", "w": "float32",
    }  # fmt: skip
    reasons = set(kept(made).values())
    assert reasons == {"a constant of it is beyond what float16 holds"}
    assert made.report.notes == ("1 number beyond float16 became 65504 or -65504, in 'least'",)
    y, _ = run(made.model, x=np.ones((2, 2), np.float32), m=np.array([[1, 0], [0, 0]], bool))
    assert y.tolist() == [[1, 0], [0.5, 0.5]]


def test_a_large_weight_beyond_float16_keeps_its_reader() -> None:
    weight = np.full((100, 100), 1e-9, np.float32)
    weight[7, 7] = 1e5
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], "first"),
        helper.make_node("MatMul", ["h", "v"], ["y"], "second"),
    ]
    info = [helper.make_tensor_value_info(name, 1, ["n", 100]) for name in "xy"]
    tensors = [
        numpy_helper.from_array(array, name)
        for name, array in (("w", weight), ("v", np.full((100, 100), 1e-6, np.float32)))
    ]
    graph = helper.make_graph(nodes, "g", info[:1], info[1:], tensors)
    model = pot.from_proto(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))
    made = pot.weights(
        model, fp16=True, verify=1, inputs={"x": np.full((1, 100), 1e-3, np.float32)}
    )
    assert list(kept(made)) == ["node 'first' (MatMul)"]
    assert made.report.notes[1:] == (
        "10,000 of 10,000 weights are below 0.000061 and keep fewer digits, most of them in 'v'",
    )


LARGE = """g (float[2] x) => (float[2] y) <float[2] k = {3e4, 1}> {
   [large] h = Mul (x, k)
   [small] z = Div (h, k)
   [last] y = Relu (z)
}"""


def test_nodes_whose_values_pass_float16_on_the_samples_stay() -> None:
    feeds = {"x": np.array([5, 5], np.float32)}
    assert kept(halved(LARGE)) == {}
    told = kept(halved(LARGE, verify=1, inputs=feeds))
    assert told == dict.fromkeys(
        ["node 'large' (Mul)", "node 'small' (Div)"],
        "its values pass 65504 on the inputs that were run",
    )


def test_the_error_of_float16_is_told_although_the_runtime_rounds_less() -> None:
    text = "g (float[2] x) => (float[2] y) <float[2] k = {1, 1}> { h = Add (x, k) y = Sub (h, k) }"
    made = halved(text, verify=1, inputs={"x": np.array([1e-4, 4.0], np.float32)})
    assert made.report.notes == (
        "with every value rounded to float16, as on hardware that has it, outputs are off by "
        "2.5e-05 of their scale, besides what rounding the weights does",
    )


def test_outputs_that_differ_are_refused_with_what_to_do() -> None:
    text = "g (float[2] x) => (float[2] y) <float[2] k = {0.1, 0.2}> { [mul] y = Mul (x, k) }"
    with pytest.raises(Refused) as refused:
        halved(text, verify=1, rtol=1e-7)
    assert "output 'y' differs" in str(refused.value)
    assert "name what is to stay in float32 with keep" in str(refused.value)
    halved(text, verify=1, rtol=1e-3)


def test_counts_and_angles_stay_in_float32() -> None:
    made = halved(
        """g (float[n,3] x, int64[n] positions, int64[n] mask) => (float[n,3] y, int64[1] z)
        <int64[1] first = {0}, int64[1] second = {1}, float[1] scale = {0.37},
         float[1] speed = {0.5}, float[1] one = {1}, float[1] least = {-3.4e38},
         int64[2] column = {-1, 1}> {
           s = Shape (x)
           n = Slice (s, first, second)
           [size] f = Cast <to = 1> (n)
           [scaled] g1 = Mul (f, scale)
           z = Cast <to = 7> (g1)
           [time] t = Cast <to = 1> (positions)
           [angle] a = Mul (t, speed)
           [turn] c = Cos (a)
           [masked] b = Cast <to = 1> (mask)
           i = Sub (one, b)
           l = Mul (i, least)
           u = Reshape (l, column)
           r = Reshape (c, column)
           w = Mul (x, r)
           y = Add (w, u)
        }"""
    )
    names = [one.split("'")[1] for one in kept(made)]
    assert names == ["size", "scaled", "time", "angle", "turn"]
    x, mask = np.ones((2, 3), np.float32), np.array([1, 0])
    y, z = run(made.model, x=x, positions=np.array([4097, 1]), mask=mask)
    assert z.tolist() == [0]
    assert y[0, 0] == pytest.approx(np.cos(4097 * 0.5), abs=1e-3)
    assert y[1, 0] == pytest.approx(-65504, rel=1e-3)


def test_masks_of_integers_are_no_large_numbers_and_products_are() -> None:
    made = halved(
        """g (int64[2] a, int64[2] b, int8[2,2] q, int8[2,2] r) => (float[2] y, float[2,2] z)
        <float least = {-3.4e38}, float one = {1}, float[2] scale = {0.1, 0.2}> {
           m = Mul (a, b)
           [mask] f = Cast <to = 1> (m)
           i = Sub (one, f)
           l = Mul (i, least)
           y = Softmax (l)
           p = MatMulInteger (q, r)
           [sums] s = Cast <to = 1> (p)
           [scaled] z = Mul (s, scale)
        }"""
    )
    assert [one.split("'")[1] for one in kept(made)] == ["sums", "scaled"]
    ones, eights = np.ones(2, np.int64), np.full((2, 2), 8, np.int8)
    y, _ = run(made.model, a=ones * 0, b=ones, q=eights, r=eights)
    assert y.tolist() == [0.5, 0.5]  # with infinities it were no number


BODIES = """g (float[2] x, bool go, int64 n) => (float[2] y, float[n,2] all)
<float[2] w = {1.5, 2.5}> {
   h = Mul (x, w)
   c = If (go) <
     then_branch = t () => (float[2] a) { a = Add (h, w) },
     else_branch = e () => (float[2] b) <float[2] k = {1e-3, 2}> { b = Sub (x, k) }
   >
   y, all = Loop (n, go, c) <
     body = l (int64 i, bool g, float[2] v) => (bool o, float[2] u, float[2] s) {
        o = Identity (g)
        [exp] q = Exp (v)
        u = Tanh (q)
        s = Identity (h)
     }
   >
}"""


def test_bodies_are_of_one_type_with_what_goes_in_and_out() -> None:
    made = halved(BODIES)
    (branch, _), (body,) = (node.subgraphs for node in made.model.graph.nodes if node.subgraphs)
    assert branch.nodes[0].text() == "a = Add(h, w)"
    assert [value.dtype for value in body.inputs] == ["int64", "bool", "float16"]
    assert [value.dtype for value in body.outputs] == ["bool", "float16", "float16"]
    feeds = {"x": np.array([0.5, -1], np.float32), "n": np.array(3)}
    for go in (True, False):
        both = [run(one, **feeds, go=np.array(go)) for one in (made.model, net(BODIES))]
        for ours, theirs in zip(*both, strict=True):
            assert ours.dtype == np.float32
            np.testing.assert_allclose(ours, theirs, atol=2e-3)
    stays = halved(BODIES, keep=["op:Loop"])
    inner = next(node for node in stays.model.graph.nodes if node.op_type == "Loop").subgraphs[0]
    assert inner.inputs[2].dtype == inner.outputs[1].dtype == "float32"
    run(stays.model, **feeds, go=np.array(True))


def test_constants_that_are_outputs_of_branches() -> None:
    text = """g (bool go) => (float[1] y) {
       y = If (go) <
         then_branch = t () => (float[1] a) { a = Constant <value = float[1] {1.5}> () },
         else_branch = e () => (float[1] b) <float[1] b = {2.5}> {}
       >
    }"""
    made = halved(text)
    assert [run(made.model, go=np.array(go))[0].tolist() for go in (True, False)] == [[1.5], [2.5]]


def test_functions_are_opened_unless_they_are_kept() -> None:
    head = '<ir_version: 8, opset_import: ["" : 17, "my" : 1]>'
    text = """g (float[2] x) => (float[2] y) { h = Relu (x) y = my.twice (h) }
    <domain: "my", opset_import: ["" : 17]> twice (a) => (b) { b = Add (a, a) }"""
    made = halved(text, head)
    assert lines(made.model)[1:3] == ["h = Relu(x_float16)", "y_float16 = Add(h, h)"]
    assert not made.model.functions
    stays = halved(text, head, keep=["op:my::*"])
    assert lines(stays.model)[2:] == ["h_float32 = Cast(h)", "y = my.twice(h_float32)"]
    run(stays.model, x=np.ones(2, np.float32))


def test_between_dequantize_and_quantize_nothing_changes() -> None:
    made = halved(
        """g (float[2,2] x) => (float[2,2] y)
        <float s = {0.1}, uint8 z = {0}, float[2,2] w = {1,2,3,4}> {
           q = QuantizeLinear (x, s, z)
           d = DequantizeLinear (q, s, z)
           [inner] m = MatMul (d, w)
           r = QuantizeLinear (m, s, z)
           e = DequantizeLinear (r, s, z)
           [moved] t = Transpose (e)
           p = QuantizeLinear (t, s, z)
           f = DequantizeLinear (p, s, z)
           [outer] n = MatMul (x, w)
           y = Add (n, f)
        }"""
    )
    told = kept(made)
    between = "it stands between DequantizeLinear and QuantizeLinear"
    assert told["node 'inner' (MatMul)"] == told["node 'moved' (Transpose)"] == between
    assert "node 'outer' (MatMul)" not in told
    assert {t.name: t.dtype for t in made.model.graph.initializers if t.name[0] == "w"} == {
        "w": "float32", "w_float16": "float16",
    }  # fmt: skip
    run(made.model, x=np.ones((2, 2), np.float32))


def test_what_the_model_casts_itself_and_constants_in_nodes() -> None:
    made = halved(
        """g (float[2] x, float16[2] h) => (float[2] y, float[2] c, float[2] k)
        <float[2] k = {3,4}> {
           [up] f = Cast <to = 1> (h)
           [own] a = Mul (f, x)
           two = Constant <value_floats = [1.0, 2.0]> ()
           b = Mul (two, k)
           size = Constant <value = int64[1] {2}> ()
           zeros = ConstantOfShape <value = float[1] {7}> (size)
           d = Add (b, zeros)
           c = Relu (d)
           y = Relu (a)
        }""",
        '<ir_version: 8, opset_import: ["" : 15]>',
    )
    assert [one.split("'")[1] for one in kept(made)] == ["up", "own"]
    y, c, k = run(made.model, x=np.ones(2, np.float32), h=np.ones(2, np.float16))
    assert (y.tolist(), c.tolist(), k.tolist()) == ([1, 1], [10, 15], [3, 4])


def test_weights_that_are_inputs_by_an_old_custom_are_weights() -> None:
    made = halved(
        "g (float[2,2] x, float[2,2] w) => (float[2,2] y) <float[2,2] w = {1,2,3,4}> "
        "{ y = MatMul (x, w) }",
        '<ir_version: 3, opset_import: ["" : 9]>',
    )
    assert [value.dtype for value in made.model.graph.inputs] == ["float32", "float16"]
    assert run(made.model, x=np.eye(2, dtype=np.float32))[0].tolist() == [[1, 2], [3, 4]]


def test_scatters_that_add_stay_as_runtimes_have_them_in_float32_only() -> None:
    text = """g (float[2] x, int64[1,1] i, float[1] u) => (float[2] y) {
       [plain] a = ScatterND (x, i, u)
       r = Relu (a)
       [sum] b = ScatterND <reduction = "add"> (r, i, u)
       y = Relu (b)
    }"""
    made = halved(text)
    assert list(kept(made)) == ["node 'sum' (ScatterND)"]
    feeds = {"x": np.ones(2, np.float32), "i": np.int64([[1]]), "u": np.float32([0.5])}
    assert run(made.model, **feeds)[0].tolist() == [1, 1]


def test_a_model_without_float32_says_so() -> None:
    with pytest.raises(UsageError, match="no node computes in float32"):
        halved("g (int64[2] x) => (int64[2] y) { y = Neg (x) }")
    with pytest.raises(UsageError, match="no node computes in float32"):
        halved("g (float[2] x) => (float[2] y) { y = Exp (x) }")


def test_nodes_of_other_domains_stay() -> None:
    made = halved(
        "g (float[2] x) => (float[2] y) { a = Relu (x) b = other.Thing (a) c = Relu (b) "
        "d = com.microsoft.Gelu (a) y = Add (c, d) }",
        '<ir_version: 8, opset_import: ["" : 17, "other" : 1, "com.microsoft" : 1]>',
    )
    told = kept(made)
    assert told == {
        "other.Thing node that makes 'b'": "no form of it in float16 is known",
        "Add node that makes 'y'": "the type of an operand is not known",
    }
    assert "d = com.microsoft.Gelu(a)" in lines(made.model)
    assert made.model.verify() == []
    with pytest.raises(BackendError, match="leave it unchecked with --samples 0"):
        pot.weights(made.model, deduplicate=True, verify=1)
