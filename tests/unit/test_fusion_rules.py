"""Rules that people write, on graphs as exporters write them, each of them checked by a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool.rewriting.rule import Rule

FLOAT, HALF = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16


def model_of(head: str, body: str, *, opset: int = 20, **weights: Any) -> pot.Model:
    """`weights` are arrays, or a list of ints, or a number of float32."""
    text = f'<ir_version: 10, opset_import: ["" : {opset}]> g ({head}) {{{body}}}'
    proto = onnx.parser.parse_model(text)
    for name, value in weights.items():
        array = np.asarray(value, None if not isinstance(value, float) else np.float32)
        proto.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    return pot.from_proto(proto)


def fused(model: pot.Model, rule: Rule, expected: Sequence[str], *, verify: int = 1) -> pot.Model:
    made = pot.edit(model, rule, verify=verify)
    assert [node.op_type for node in made.model.graph.nodes] == list(expected), made.report.left
    assert bool(made.report.verification) == bool(verify)
    return made.model


def random(*shape: int) -> Any:
    return np.random.default_rng(3).standard_normal(shape).astype(np.float32)


def reason(model: pot.Model, rule: Rule) -> str:
    """Why the rule leaves the model as it is."""
    report = pot.edit(model, rule).report
    assert not report.changes
    return "; ".join([*(left.reason for left in report.left), *report.notes])


def layer_norm_pattern(op: Any, x: Any, scale: Any, bias: Any, eps: Any) -> Any:
    def mean(value: Any) -> Any:  # axes are an input, or an attribute before opset 18
        return op.either(op.ReduceMean(value, [-1]), op.ReduceMean(value, axes=[-1]))

    centre = op.Sub(x, mean(x))
    variance = mean(op.Pow(op.maybe(op.Cast(centre, to=FLOAT)), 2.0))
    normal = op.Div(centre, op.Sqrt(op.Add(variance, eps.constant())))
    return op.Add(op.Mul(op.maybe(op.Cast(normal)), scale), bias)


@pot.rewrite(layer_norm_pattern)
def layer_norm(match: Any, tape: Any) -> Any:
    """LayerNormalization written out."""
    x, scale, bias, eps = (match[name] for name in ("x", "scale", "bias", "eps"))
    if scale.rank != 1 or bias.rank != 1:
        return match.refuse("its scale or bias is no vector")
    epsilon = float(eps.const.item())
    return tape.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=epsilon)


NORM = "v = ReduceMean <keepdims = 1> (p, last) e = Add (v, eps) s = Sqrt (e) n = Div (c, s) "
CENTRE = "m = ReduceMean <keepdims = 1> (x, last) c = Sub (x, m) "


def test_layer_normalization_of_primitives() -> None:
    weights = {"two": 2.0, "last": [-1], "eps": 1e-5, "w": random(8), "b": random(8)}
    head = "float[n,5,8] x) => (float[n,5,8] y"
    body = CENTRE + "p = Pow (c, two) " + NORM + "k = Mul (w, n) y = Add (b, k)"
    made = fused(model_of(head, body, **weights), layer_norm, ["LayerNormalization"])
    assert made.graph.nodes[0].attributes["epsilon"] == pytest.approx(1e-5)
    casts = CENTRE + "f = Cast <to = 1> (c) p = Pow (f, two) " + NORM
    casts += "h = Cast <to = 1> (n) k = Mul (h, w) y = Add (k, b)"
    fused(model_of(head, casts, **weights), layer_norm, ["LayerNormalization"])
    old = body.replace("(x, last)", "(x)").replace("(p, last)", "(p)")
    old = old.replace("keepdims = 1", "axes = [-1], keepdims = 1")
    fused(model_of(head, old, opset=17, **weights), layer_norm, ["LayerNormalization"])
    told = reason(model_of(head, body, **{**weights, "w": random(5, 8)}), layer_norm)
    assert told == "layer_norm: its scale or bias is no vector"
    told = reason(model_of(head, body, **{**weights, "last": [-2]}), layer_norm)
    assert "layer_norm came close: ReduceMean 'm': input 1 is -2, not -1" in told


def rms_norm_pattern(op: Any, x: Any, w: Any, eps: Any) -> Any:
    mean = op.ReduceMean(op.Pow(x, 2.0), ..., keepdims=1).named("mean")
    root = op.Sqrt(op.Add(mean, eps.constant()))
    normal = op.Mul(x, op.either(op.Reciprocal(root), op.Div(1.0, root)))
    return op.Mul(w, op.maybe(op.Cast(normal)))


@pot.rewrite(rms_norm_pattern)
def rms_norm(match: Any, tape: Any) -> Any:
    """RMSNormalization written out."""
    if match.node("mean").const_ints("axes") != [-1]:
        return match.refuse("its mean is not that of the last axis")
    epsilon = float(match["eps"].const.item())
    return tape.op("RMSNormalization", match["x"], match["w"], axis=-1, epsilon=epsilon)


@pytest.mark.parametrize("inverse", ["i = Reciprocal (s)", "i = Div (one, s)"])
@pytest.mark.parametrize("last", ["n = Mul (x, i) y", "r = Mul (x, i) n = Cast <to = 1> (r) y"])
def test_rms_normalization(inverse: str, last: str) -> None:
    body = "p = Pow (x, two) v = ReduceMean <keepdims = 1> (p, last) e = Add (eps, v) s = Sqrt (e) "
    body += f"{inverse} {last} = Mul (w, n)"
    weights = {"two": 2.0, "last": [-1], "eps": 1e-6, "w": random(8), "one": 1.0}
    head = "float[n,8] x) => (float[n,8] y"
    fused(model_of(head, body, opset=23, **weights), rms_norm, ["RMSNormalization"])
    told = reason(model_of(head, body, opset=22, **weights), rms_norm)
    assert "RMSNormalization, which ai.onnx has from opset 23 on, and the model is of 22" in told


def conv_bn_pattern(op: Any, x: Any, w: Any, b: Any, s: Any, t: Any, m: Any, v: Any) -> Any:
    conv = op.Conv(x, w.constant(), op.either(b.constant(), None))
    statistics = [one.constant() for one in (s, t, m, v)]
    return op.BatchNormalization(conv, *statistics, training_mode=0)


@pot.rewrite(conv_bn_pattern)
def conv_bn(match: Any, tape: Any) -> Any:
    """BatchNormalization goes into the weights of the Conv before it."""
    conv, bn = match.node("Conv"), match.node("BatchNormalization")
    w, s, t, m, v = (match[name].const for name in "wstmv")
    factor = s / np.sqrt(v + bn.attr_float("epsilon"))
    bias = (match["b"].const if match["b"] else 0) - m
    weight = tape.const(w * factor.reshape(-1, *[1] * (w.ndim - 1)))
    return tape.op("Conv", match["x"], weight, tape.const(bias * factor + t), **conv.attributes)


@pytest.mark.parametrize("bias", ["", ", b"])
def test_batch_normalization_goes_into_the_convolution(bias: str) -> None:
    body = f"c = Conv <group = 2, pads = [1, 1, 1, 1]> (x, w{bias}) "
    body += "y = BatchNormalization <epsilon = 0.001> (c, s, t, m, v)"
    vectors = {name: random(6) for name in ("bstm" if bias else "stm")}
    head = "float[1,4,9,9] x) => (float[1,6,9,9] y"
    model = model_of(head, body, w=random(6, 2, 3, 3), v=random(6) ** 2, **vectors)
    made = fused(model, conv_bn, ["Conv"])
    assert made.graph.nodes[0].attributes["group"] == 2
    assert len(made.graph.initializers) == 2


@pot.rewrite(
    lambda op, x, before, perm, after: op.Reshape(
        op.Transpose(op.Reshape(x, before), perm=perm), after
    )
)
def pointless_transpose(match: Any, tape: Any) -> Any:
    """A Transpose between two Reshapes that moves only axes of one element."""
    shape = match.node("Transpose").inputs[0].static_shape
    if shape is None:
        return match.refuse_dynamic("the shape of what is transposed")
    moved = [axis for axis in match["perm"] if shape[axis] != 1]
    if moved != sorted(moved):
        return match.refuse(f"axes {moved} change places")
    return tape.op("Reshape", match["x"], match["after"])


def test_reshape_transpose_reshape() -> None:
    body = "r = Reshape (x, before) t = Transpose <perm = [0, 2, 1, 3]> (r) y = Reshape (t, after)"
    head = "float[2,12] x) => (float[4,6] y"
    after = {"after": [4, 6]}
    model = model_of(head, body, before=[2, 1, 3, 4], **after)
    fused(model, pointless_transpose, ["Reshape"])
    model = model_of(head, body, before=[2, 2, 3, 2], **after)
    assert "axes [0, 2, 1, 3] change places" in reason(model, pointless_transpose)
    dynamic = model_of(head.replace("2,12", "n,m"), body, before=[2, -1, 3, 2], **after)
    assert "is only known when the model runs; fix the shapes" in reason(
        dynamic, pointless_transpose
    )


def is_matrix(value: Any) -> bool:
    return bool(value.rank == 2)


@pot.rewrite(
    lambda op, x, w, b: op.Add(op.MatMul(x.where(is_matrix, "a matrix"), w.where(is_matrix)), b)
)
def gemm(match: Any, tape: Any) -> Any:
    """MatMul and Add of matrices."""
    return tape.op("Gemm", match["x"], match["w"], match["b"])


def test_products_of_matrices() -> None:
    body = "m = MatMul (x, w) y = Add (b, m)"
    weights = {"w": random(4, 5), "b": random(5)}
    fused(model_of("float[n,4] x) => (float[n,5] y", body, **weights), gemm, ["Gemm"])
    model = model_of("float[n,3,4] x) => (float[n,3,5] y", body, **weights)
    assert reason(model, gemm) == "gemm came close: MatMul 'm': input 0 is not a matrix"


@pot.rewrite(lambda op, x, first, last: op.Cast(op.Cast(x, to=first), to=last))
def cast_cast(match: Any, tape: Any) -> Any:
    """Two Casts are the last one, when the first loses nothing."""
    if (match["x"].dtype, match["first"]) not in (("float16", FLOAT), ("float32", FLOAT)):
        return match.refuse("the first Cast may round")
    return tape.op("Cast", match["x"], to=match["last"])


def test_casts() -> None:
    body = "a = Cast <to = 1> (x) y = Cast <to = 10> (a)"
    fused(model_of("float16[n] x) => (float16[n] y", body), cast_cast, ["Cast"])
    model = model_of("double[n] x) => (float16[n] y", body)
    assert reason(model, cast_cast) == "cast_cast: the first Cast may round"


@pot.rewrite(lambda op, x, alpha: op.Mul(x, op.Sigmoid(op.maybe(op.Mul(x, alpha.constant())))))
def swish(match: Any, tape: Any) -> Any:
    """x * sigmoid(alpha * x) for a runtime that has it."""
    alpha = float(match["alpha"].const.item()) if match["alpha"] else 1.0
    return tape.op("QuickGelu", match["x"], domain="com.microsoft", alpha=alpha)


@pytest.mark.parametrize("scaled", ["a = Mul (x, k) s = Sigmoid (a)", "s = Sigmoid (x)"])
def test_an_operator_of_a_vendor(scaled: str) -> None:
    model = model_of("float[n] x) => (float[n] y", f"{scaled} y = Mul (s, x)", k=1.702)
    made = fused(model, swish, ["QuickGelu"])
    assert made.opset_imports == {"": 20, "com.microsoft": 1}


@pot.rewrite(lambda op, x: op.HardSwish(x))
def my_hard_swish(match: Any, tape: Any) -> Any:
    """One operator for another, which nothing here runs."""
    return tape.op("HSwish", match["x"], domain="vendor.npu", precision="low")


def test_an_operator_that_nothing_here_runs() -> None:
    model = model_of("float[n] x) => (float[n] y", "y = HardSwish (x)")
    made = fused(model, my_hard_swish, ["HSwish"], verify=0)
    assert made.graph.nodes[0].attributes == {"precision": "low"}
    with pytest.raises(pot.PyonnxtoolError, match=r"HSwish|vendor\.npu"):
        pot.edit(model, my_hard_swish, verify=1)


def attention_pattern(op: Any, q: Any, k: Any, v: Any, mask: Any, scale: Any) -> Any:
    product = op.MatMul(q, k)
    divided = op.Div(product, scale.constant()).named("divided")
    scores = op.either(divided, op.Mul(product, scale.constant()), product)
    weights = op.Softmax(op.maybe(op.Add(scores, mask)), axis=-1)
    guarded = op.either(op.Where(op.IsNaN(weights), 0.0, weights), weights)  # of rows of -inf
    return op.MatMul(op.maybe(op.Cast(guarded)), v)


@pot.rewrite(attention_pattern)
def attention(match: Any, tape: Any) -> Any:
    """Scaled dot product attention."""
    if match["q"].rank != 4 or match["v"].rank != 4:
        return match.refuse("its heads are not an axis of their own")
    scale = float(match["scale"].const.item()) if match["scale"] else 1.0
    if any(node.op_type == "Div" for node in match.nodes):
        scale = 1 / scale
    key = tape.op("Transpose", match["k"], perm=[0, 1, 3, 2])
    return tape.op("Attention", match["q"], key, match["v"], match["mask"], scale=scale)


@pytest.mark.parametrize("scaled", ["a = Div (p, root)", "a = Mul (root, p)", "a = Add (p, mask)"])
@pytest.mark.parametrize(
    "guard", ["", "i = IsNaN (s) w = Where (i, zero, s) ", "w = Cast <to=1> (s)"]
)
def test_attention(scaled: str, guard: str) -> None:
    masked = "m = Add (a, mask) s = Softmax <axis = 3> (m) "
    body = f"p = MatMul (q, k) {scaled} {masked} {guard} y = MatMul ({'w' if guard else 's'}, v)"
    head = "float[n,2,5,4] q, float[n,2,4,7] k, float[n,2,7,4] v, float[n,1,5,7] mask"
    if "mask" in scaled:  # no scale at all
        body = body.replace(masked, "s = Softmax <axis = 3> (a) ")
    weights = {"root": 2.0, "zero": 0.0}
    model = model_of(f"{head}) => (float[n,2,5,4] y", body, opset=23, **weights)
    fused(model, attention, ["Transpose", "Attention"])
