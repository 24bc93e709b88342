"""Operators that draw numbers: what is drawn differs, how often it comes does not."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from support.downgraded import lowered, run_ort, source


@pytest.mark.parametrize("dtype", ["float", "double"])
@pytest.mark.parametrize("to", [14, 9])
@pytest.mark.parametrize("probability", [0.0, 0.1, 0.8, 1.0])
def test_bernoulli_keeps_its_probability(probability: float, to: int, dtype: str) -> None:
    """Of 20,000 draws within five standard deviations of what is expected; one and zero exactly."""
    text = f"g ({dtype}[20000] x) => (int32[20000] y) {{ y = Bernoulli<dtype=6, seed=1.5>(x) }}"
    x = np.full(20000, probability, {"float": np.float32, "double": np.float64}[dtype])
    (found,) = run_ort(lowered(source(text, 15), to), {"x": x})
    spread = 5 * np.sqrt(probability * (1 - probability) / 20000)
    assert abs(found.mean() - probability) <= spread


def test_bernoulli_gives_the_type_of_narrow_probabilities() -> None:
    """Which are cast to a wider one in front of it."""
    text = "g (bfloat16[2] x) => (bfloat16[2] y) { y = Bernoulli(x) }"
    lowered(source(text, 22), 18)


def test_attributes_of_what_draws_are_kept() -> None:
    text = "g () => (float[3] y) { y = RandomNormal<shape=[3], mean=2.0, scale=0.5, seed=3.0>() }"
    (node,) = lowered(source(text, 22), 9).graph.node
    values = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    assert values == {"shape": [3], "mean": 2.0, "scale": 0.5, "seed": 3.0}


@pytest.mark.parametrize(
    "call",
    ["RandomNormal<shape=[2,3], dtype=16>()", "RandomUniform<shape=[2,3], dtype=16>()",
     "RandomUniformLike<dtype=16>(x)", "RandomNormalLike<dtype=16>(x)", "EyeLike<dtype=16>(x)"],
)  # fmt: skip
def test_types_that_are_drawn_in_others(call: str) -> None:
    text = f"g (float[2,3] x) => (bfloat16[2,3] y) {{ y = {call} }}"
    node, cast = lowered(source(text, 22), 17).graph.node
    (dtype,) = (one.i for one in node.attribute if one.name == "dtype")
    assert (dtype, cast.op_type) == (onnx.TensorProto.FLOAT, "Cast")
