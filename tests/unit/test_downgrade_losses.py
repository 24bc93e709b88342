"""Losses, by the function bodies of their schemas, and LinearAttention below their opsets."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from pyonnxtool.errors import Refused
from tests.support.downgraded import check, lowered, run_ort, source

SCALAR = onnx.TensorShapeProto()
"""The shape that texts of models cannot say."""


def losses(op: str, told: str, sizes: str, index: str, weighted: bool) -> str:
    """A model of one loss; sizes are those of the scores, with 4 classes as the second."""
    of_targets = ",".join(one for at, one in enumerate(sizes.split(",")) if at != 1)
    shape = of_targets if "none" in told else ""
    result = f"float[{shape}] y" if shape else "float y"
    operands = "(x, t, w)" if weighted else "(x, t)"
    return source(
        f"g (float[{sizes}] x, {index}[{of_targets}] t, float[4] w) => ({result})"
        f"{{ y = {op} <{told}> {operands} }}",
        22,
    )


@pytest.mark.parametrize("to", [21, 11, 8])
@pytest.mark.parametrize("op", ["NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("ignored", ["", ", ignore_index = 2", ", ignore_index = -7"])
@pytest.mark.parametrize("weighted", [False, True])
def test_losses(to: int, op: str, reduction: str, ignored: str, weighted: bool) -> None:
    """Sums of six elements: some ULP."""
    sizes = ["3,4,2", "N,4", "2,4,D,3"][len(ignored) % 3]
    index = ["int32", "int64"][len(reduction) % 2]
    text = losses(op, f'reduction = "{reduction}"{ignored}', sizes, index, weighted)
    model = onnx.parser.parse_model(text)
    if reduction != "none":
        model.graph.output[0].type.tensor_type.shape.CopyFrom(SCALAR)
    rng = np.random.default_rng(0)
    numbers = [int(one) for one in sizes.replace("N", "3").replace("D", "2").split(",")]
    targets = rng.integers(0, 4, [numbers[0], *numbers[2:]])
    if "-7" in ignored:
        targets.flat[0] = -7
    feeds = {
        "x": rng.uniform(-3, -1, numbers).astype("float32"),
        "t": targets.astype(index),
        "w": rng.uniform(1, 2, 4).astype("float32"),
    }
    check(model, to, feeds, ulp=8)


def test_log_probabilities_are_an_output() -> None:
    text = (
        "g (float[3,4] x, int64[3] t) => (float y, float[3,4] p)"
        "{ y, p = SoftmaxCrossEntropyLoss (x, t) }"
    )
    model = onnx.parser.parse_model(source(text, 13))
    model.graph.output[0].type.tensor_type.shape.CopyFrom(SCALAR)
    rng = np.random.default_rng(0)
    feeds = {"x": rng.standard_normal((3, 4)).astype("float32"), "t": np.array([0, 3, 1])}
    for to in (12, 11, 9):
        check(model, to, feeds, ulp=16)


@pytest.mark.parametrize("to", [26, 13, 8])
@pytest.mark.parametrize("rule", ["linear", "gated", "delta", "gated_delta"])
@pytest.mark.parametrize("length", [1, 4])
@pytest.mark.parametrize("is_open", [False, True])
def test_linear_attention(to: int, rule: str, length: int, is_open: bool) -> None:
    """To 2^-21 of the largest, which is of the order of 1: the delta rule takes differences."""
    places = "T" if is_open else str(length)
    decay = f", float[2,{places},2] g" if "gated" in rule else ""
    beta = f", float[2,{places},2] b" if "delta" in rule else ""
    text = source(
        f"g (float[2,{places},12] q, float[2,{places},6] k, float[2,{places},8] v,"
        f"float[2,2,3,4] p{decay}{beta}) => (float[2,{places},16] y, float[2,2,3,4] s) {{"
        f'y, s = LinearAttention <q_num_heads = 4, kv_num_heads = 2, update_rule = "{rule}">'
        f"(q, k, v, p, {'g' if decay else ''}, {'b' if beta else ''}) }}",
        27,
    )
    model = onnx.parser.parse_model(text)
    rng = np.random.default_rng(0)
    feeds: dict[str, Any] = {}
    for info in model.graph.input:
        sizes = [one.dim_value or length for one in info.type.tensor_type.shape.dim]
        feeds[info.name] = rng.uniform(0.1, 0.5, sizes).astype("float32")
    expected = ReferenceEvaluator(model).run(None, feeds)
    for ours, theirs in zip(run_ort(lowered(model, to), feeds), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2**-21)


def test_many_steps_are_one_scan_along_their_own_axis() -> None:
    text = (
        "g (float[N,T,4] q, float[N,T,4] k, float[N,T,4] v) => (float[N,T,4] y) {"
        'y = LinearAttention <q_num_heads = 2, kv_num_heads = 2, update_rule = "linear"> (q, k, v)}'
    )
    made = lowered(source(text, 27), 17)
    assert "Transpose" not in [node.op_type for node in made.graph.node]
    assert [node.op_type for node in made.graph.node].count("Scan") == 1


def test_heads_without_elements_are_refused() -> None:
    text = (
        "g (float[2,3,0] q, float[2,3,0] k, float[2,3,4] v) => (float[2,3,4] y) {"
        'y = LinearAttention <q_num_heads = 2, kv_num_heads = 2, update_rule = "linear"> (q, k, v)}'
    )
    with pytest.raises(Refused, match="its heads have no elements"):
        lowered(source(text, 27), 17)
