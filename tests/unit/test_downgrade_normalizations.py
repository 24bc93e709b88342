"""Normalizations at lower opsets beside the operators themselves.

Biases are large, so that nothing cancels and units in the last place tell: a normalized element is
of the order of 1, and off by some units of that in float32 arithmetic; a bias of 16 takes 4 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

import pyonnxtool as pot
from tests.support.downgraded import check, lowered, random_feeds, refusal, run_ort, source


def fed(text: str, opset: int, *, seed: int = 0) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """A model and feeds; biases `b` are 16 to 20, variances `v` are 1 to 2."""
    model = onnx.parser.parse_model(source(text, opset))
    feeds = random_feeds(model, seed)
    rng = np.random.default_rng(seed)
    for name, low, high in (("b", 16, 20), ("v", 1, 2), ("s", 0.5, 2)):
        if name in feeds:
            made = rng.uniform(low, high, feeds[name].shape)
            feeds[name] = made.astype(feeds[name].dtype)
    return model, feeds


def ops(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize("to", [16, 11, 8])
@pytest.mark.parametrize("axis", [-3, -1, 0, 1, 2])
@pytest.mark.parametrize("dtype", ["float", "float16", "double"])
def test_layer_normalization(to: int, axis: int, dtype: str) -> None:
    shape = ",".join(["2", "3", "4"][axis:])
    text = (
        f"g ({dtype}[2,N,4] x, {dtype}[{shape}] s, {dtype}[{shape}] b) => ({dtype}[2,N,4] y)"
        f"{{ y = LayerNormalization <axis = {axis}> (x, s, b) }}"
    )
    model, feeds = fed(text, 17)
    check(model, to, feeds, ulp=2)


@pytest.mark.parametrize("outputs", ["y, m, i", "y, m", "y, , i"])
def test_mean_and_deviation_are_outputs(outputs: str) -> None:
    wanted = {name.strip() for name in outputs.split(",")} - {""}
    declared = ", ".join(
        {"y": "float[3,4] y", "m": "float[3,1] m", "i": "float[3,1] i"}[one]
        for one in sorted(wanted, key="ymi".index)
    )
    text = (
        f"g (float[3,4] x, float[4] s, float[4] b) => ({declared})"
        f"{{ {outputs} = LayerNormalization (x, s, b) }}"
    )
    model, feeds = fed(text, 17)
    feeds["x"] += 8  # so that the mean is not near 0
    check(model, 9, feeds, ulp=16)


def test_bfloat16_is_normalized_in_float32() -> None:
    text = (
        "g (float[3,4] x, float[4] s, float[4] b) => (float[3,4] y) {"
        "xh = Cast <to = 16> (x) sh = Cast <to = 16> (s) bh = Cast <to = 16> (b)"
        "yh = LayerNormalization (xh, sh, bh) y = Cast <to = 1> (yh) }"
    )
    model, feeds = fed(text, 17)
    made = lowered(model, 13)
    assert ops(made).count("Cast") == 8
    given = {name: value.astype("float32") for name, value in feeds.items()}
    (found,) = run_ort(made, given)
    x = feeds["x"]
    exact = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True) * feeds["s"] + feeds["b"]
    assert np.abs(found / exact - 1).max() < 2**-7


def test_constants_of_other_dtypes_are_converted_at_once() -> None:
    text = (
        "g (bfloat16[3,2] x) => (bfloat16[3,2] y) <bfloat16[2] s = {1, 2}, bfloat16[2] b = {3, 4}>"
        "{ y = LayerNormalization (x, s, b) }"
    )
    made = lowered(source(text, 17), 16)
    assert ops(made).count("Cast") == 2
    assert {one.data_type for one in made.graph.initializer} == {onnx.TensorProto.FLOAT}


def test_epsilon_is_what_the_attribute_holds() -> None:
    text = "g (double[3,4] x, double[4] s) => (double[3,4] y)"
    text += "{ y = LayerNormalization <epsilon = 0.1> (x, s) }"
    model, feeds = fed(text, 17)
    check(model, 9, feeds, ulp=64)


@pytest.mark.parametrize("to", [22, 9])
@pytest.mark.parametrize("axis", [-1, 0, 1, 2])
@pytest.mark.parametrize("dtype", ["float", "float16", "double"])
def test_rms_normalization(to: int, axis: int, dtype: str) -> None:
    shape = ",".join(["2", "3", "4"][axis:])
    text = (
        f"g ({dtype}[2,3,4] x, {dtype}[{shape}] s) => ({dtype}[2,3,4] y)"
        f"{{ y = RMSNormalization <axis = {axis}> (x, s) }}"
    )
    model, feeds = fed(text, 23)
    check(model, to, feeds, ulp=8)


@pytest.mark.parametrize("to", [20, 9])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("sizes", ["2,4", "2,4,3", "N,4,H,W", "2,4,2,2,2"])
def test_group_normalization_of_channels(to: int, groups: int, sizes: str) -> None:
    text = (
        f"g (float[{sizes}] x, float[4] s, float[4] b) => (float[{sizes}] y)"
        f"{{ y = GroupNormalization <num_groups = {groups}> (x, s, b) }}"
    )
    model, feeds = fed(text, 21)
    check(model, to, feeds, ulp=16)


def test_scales_of_channels_are_no_scales_of_groups() -> None:
    """Both opsets write the node alike."""
    text = (
        "g (float[2,4,3] x, float[{n}] s, float[{n}] b) => (float[2,4,3] y)"
        "{{ y = GroupNormalization <num_groups = 2> (x, s, b) }}"
    )
    for opset, n in ((21, 4), (18, 2)):
        model, feeds = fed(text.format(n=n), opset)
        check(model, 17, feeds, ulp=16)


@pytest.mark.parametrize(("dtype", "ulp"), [("float16", 2), ("double", 2)])
def test_groups_are_normalized_as_stash_type_says(dtype: str, ulp: int) -> None:
    """Of doubles in float32 then, as it is to the letter, and so compared as float32."""
    text = (
        f"g ({dtype}[2,4,3] x, {dtype}[4] s, {dtype}[4] b) => (float[2,4,3] y)"
        "{ z = GroupNormalization <num_groups = 2> (x, s, b) y = Cast <to = 1> (z) }"
    )
    model, feeds = fed(text, 21)
    feeds = {name: value.astype(feeds["x"].dtype) for name, value in feeds.items()}
    made = lowered(model, 17)
    expected, found = run_ort(model, feeds)[0], run_ort(made, feeds)[0]
    step = np.spacing(expected.astype("float16" if dtype == "float16" else "float32"))
    assert np.all(np.abs(expected - found) <= ulp * np.abs(step.astype("float32")))


def test_doubles_of_groups_stay_doubles() -> None:
    text = (
        "g (double[2,4,3] x, double[2] s, double[2] b) => (double[2,4,3] y)"
        "{ y = GroupNormalization <num_groups = 2> (x, s, b) }"
    )
    model, feeds = fed(text, 18)
    check(model, 9, feeds, ulp=16)


BATCH = "{x}[N,3,4] x, {s}[3] s, {s}[3] b, {m}[3] m, {m}[3] v"


@pytest.mark.parametrize("to", [14, 9, 7])
@pytest.mark.parametrize("s", ["float16", "float"])
@pytest.mark.parametrize("m", ["float16", "float"])
def test_batches_of_several_dtypes_are_computed_in_the_widest(to: int, s: str, m: str) -> None:
    text = f"g ({BATCH.format(x='float16', s=s, m=m)}) => (float16[N,3,4] y)"
    text += "{ y = BatchNormalization <training_mode = 0, momentum = 0.5> (x, s, b, m, v) }"
    model, feeds = fed(text, 15)
    made = lowered(model, to)
    (found,) = run_ort(made, feeds)
    wide = {name: value.astype("float64")[..., None] for name, value in feeds.items()}
    x = feeds["x"].astype("float64")
    exact = (x - wide["m"]) / np.sqrt(wide["v"] + 1e-5) * wide["s"] + wide["b"]
    assert found.dtype == np.float16
    assert np.all(np.abs(found - exact) <= np.spacing(exact.astype("float16")) * 1.01)


@pytest.mark.parametrize("to", [13, 9, 7])
@pytest.mark.parametrize("sizes", ["5", "4,3", "2,3,4", "2,3,2,2"])
def test_statistics_of_a_batch(to: int, sizes: str) -> None:
    """The reference knows no training of vectors: that is held against numpy."""
    channels = 1 if sizes == "5" else 3
    parameters = ", ".join(f"float[{channels}] {name}" for name in "sbmv")
    text = (
        f"g (float[{sizes}] x, {parameters})"
        f"=> (float[{sizes}] y, float[{channels}] rm, float[{channels}] rv)"
        "{ y, rm, rv = BatchNormalization <training_mode = 1, momentum = 0.75> (x, s, b, m, v) }"
    )
    model, feeds = fed(text, 15)
    feeds["m"] = np.abs(feeds["m"]) + 1
    feeds["x"] += 4
    y, mean, variance = run_ort(lowered(model, to), feeds)
    wide = {name: value.astype("float64") for name, value in feeds.items()}
    axes = tuple(axis for axis in range(wide["x"].ndim) if axis != 1)
    column = (-1, *[1] * (wide["x"].ndim - 2))
    now, spread = wide["x"].mean(axes).reshape(-1), wide["x"].var(axes).reshape(-1)
    exact = (wide["x"] - now.reshape(column)) / np.sqrt(spread.reshape(column) + 1e-5)
    exact = exact * wide["s"].reshape(column) + wide["b"].reshape(column)
    for ours, theirs in (
        (y, exact),
        (mean, wide["m"] * 0.75 + now * 0.25),
        (variance, wide["v"] * 0.75 + spread * 0.25),
    ):
        np.testing.assert_allclose(ours, theirs, rtol=2**-20)


def test_momentum_of_inference_is_of_no_use() -> None:
    text = "g (float[2,3] x, float[3] s, float[3] b, float[3] m, float[3] v) => (float[2,3] y)"
    text += "{ y = BatchNormalization <momentum = 0.1, training_mode = 0> (x, s, b, m, v) }"
    model, feeds = fed(text, 15)
    made = check(model, 9, feeds)
    assert not made.graph.node[0].attribute


@pytest.mark.parametrize("to", [21, 17, 13, 12, 9])
@pytest.mark.parametrize("axes", ["", "<axes = [0, 2, 3]>", "<axes = [0, 1]>", "<axes = [-1]>"])
def test_mean_variance_normalization(to: int, axes: str) -> None:
    """As the schema defines it, with the function body that the reference runs."""
    text = "g (float[2,3,4,5] x) => (float[2,3,4,5] y)"
    text += f"{{ y = MeanVarianceNormalization {axes} (x) }}"
    model, feeds = fed(text, 22)
    if to > 17 and not axes:
        return  # the checker takes no node without axes: it is as it was given
    made = lowered(model, to)
    x = feeds["x"].astype("float64")
    over = {"": (0, 2, 3), "<axes = [0, 1]>": (0, 1), "<axes = [-1]>": -1}.get(axes, (0, 2, 3))
    exact = (x - x.mean(over, keepdims=True)) / (x.std(over, keepdims=True) + 1e-9)
    np.testing.assert_allclose(run_ort(made, feeds)[0], exact, atol=2**-20)


def test_a_large_mean_leaves_the_variance() -> None:
    text = "g (float[2,3,4,5] x) => (float[2,3,4,5] y)"
    text += "{ y = MeanVarianceNormalization <axes = [-1]> (x) }"
    x = 1000 + np.random.default_rng(5).normal(size=(2, 3, 4, 5))
    feeds = {"x": x.astype(np.float32)}
    made = lowered(source(text, 13), 7)
    x = feeds["x"].astype("float64")
    exact = (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True)
    np.testing.assert_allclose(run_ort(made, feeds)[0], exact, atol=2**-10)


@pytest.mark.parametrize("op", ["InstanceNormalization", "LpNormalization"])
@pytest.mark.parametrize("to", [21, 13, 9, 7])
def test_what_needs_no_adapter_stays(op: str, to: int) -> None:
    operands = "(x, s, b)" if op == "InstanceNormalization" else "(x)"
    text = (
        f"g (float[2,3,4] x, float[3] s, float[3] b) => (float[2,3,4] y) {{ y = {op} {operands} }}"
    )
    model, feeds = fed(text, 22)
    assert ops(check(model, to, feeds)) == [op]


@pytest.mark.parametrize(
    ("node", "opset", "why"),
    [
        ("LayerNormalization <axis = 2> (x, s)", 17, "axis"),
        ("LayerNormalization <stash_type = 7> (x, s)", 17, "stash_type"),
        ("GroupNormalization <num_groups = 0> (x, s, s)", 21, "0 groups"),
        ("GroupNormalization <num_groups = 2> (x, s, s)", 21, "2 groups"),
        ("RMSNormalization <axis = -3> (x, s)", 23, "axis=-3"),
    ],
)
def test_nodes_that_nobody_could_run_are_refused(node: str, opset: int, why: str) -> None:
    text = f"g (float[2,3] x, float[3] s) => (float y) {{ y = {node} }}"
    assert why in refusal(source(text, opset), 13)


@pytest.mark.parametrize(("op", "opset"), [("LayerNormalization", 17), ("RMSNormalization", 23)])
@pytest.mark.parametrize("to", [16, 9])
def test_of_a_rank_that_is_not_known(op: str, opset: int, to: int) -> None:
    text = (
        "g (float[2,3,4] z, float[3,4] s, int64[N] n) => (float y) {"
        f"x = Reshape (z, n) y = {op} <axis = 1> (x, s) }}"
    )
    model, feeds = fed(text, opset)
    model.graph.output[0].type.tensor_type.ClearField("shape")
    feeds["n"] = np.array([2, 3, 4])
    made = pot.to_proto(pot.opset(pot.from_proto(model), to=to).model)
    (expected,), (found,) = run_ort(model, feeds), run_ort(made, feeds)
    np.testing.assert_allclose(found, expected, atol=2**-20)
