"""Places where a model is easily stamped with an opset in which it means something else.

onnxruntime is the judge: the reference evaluator takes nodes of any opset for what they are today.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from support.downgraded import lowered, random_feeds, refusal, run_ort, source

TRAPS = {
    "softmax was coerced to 2-D": (
        13,
        12,
        "g (float[2,3,4] x) => (float[2,3,4] y) { y = Softmax <axis = 1> (x) }",
    ),
    "and its default axis was 1": (
        13,
        12,
        "g (float[2,3,4] x) => (float[2,3,4] y) { y = LogSoftmax (x) }",
    ),
    "hardmax too": (
        13,
        11,
        "g (float[2,3,4] x) => (float[2,3,4] y) { y = Hardmax <axis = 0> (x) }",
    ),
    "no axes and no operation": (
        18,
        17,
        "g (float[2,3] x) => (float[2,3] y) { y = ReduceMax <noop_with_empty_axes = 1> (x) }",
    ),
    "the same of a sum": (
        13,
        12,
        "g (float[2,3] x) => (float[2,3] y) { y = ReduceSum <noop_with_empty_axes = 1> (x) }",
    ),
    "windows with holes": (
        19,
        18,
        "g (float[1,1,7,7] x) => (float[1,1,?,?] y) "
        "{ y = AveragePool <kernel_shape = [2, 2], dilations = [2, 2]> (x) }",
    ),
    "axes counted from the back": (
        11,
        10,
        "g (float[2,3,4] x) => (float[2,3,1] y) { y = ReduceSum <axes = [-1]> (x) }",
    ),
    "indices counted from the back": (
        11,
        10,
        "g (float[4,2] x) => (float[2,2] y) <int64[2] i = {-1, 0}> { y = Gather (x, i) }",
    ),
    "the larger half of a padding": (
        11,
        10,
        "g (float[1,1,4,4] x) => (float[1,1,?,?] y) <float[1,1,2,2] w = {1, 2, 3, 4}> "
        '{ y = ConvTranspose <auto_pad = "SAME_UPPER", strides = [2, 2]> (x, w) }',
    ),
    "half a pixel": (
        16,
        15,
        "g (float[1,1,4,4] x) => (float[1,1,2,2] y) <float[1,4] r = {0, 0, 3, 3}, int64[1] b = {0}>"
        " { y = RoiAlign <output_height = 2, output_width = 2> (x, r, b) }",
    ),
    "a maximum of what is broadcast": (
        8,
        7,
        "g (float[2,3] x) => (float[2,3] y) <float[3] w = {0, 1, -1}> { y = Max (x, w) }",
    ),
    "parts that are not equal": (
        18,
        17,
        "g (float[7,2] x) => (float[?,2] y, float[?,2] z, float[?,2] w) "
        "{ y, z, w = Split <num_outputs = 3> (x) }",
    ),
    "the last of equal ones": (
        12,
        11,
        "g (float[2,3] x) => (int64[2,1] y) { r = Round (x)  y = ArgMax "
        "<axis = 1, select_last_index = 1> (r) }",
    ),
    "a torus": (
        19,
        18,
        'g (float[4] x) => (float[8] y) <int64[2] p = {2, 2}> { y = Pad <mode = "wrap"> (x, p) }',
    ),
}

LENIENT = {
    "axes counted from the back",
    "indices counted from the back",
    "the larger half of a padding",
    "a torus",
}
"""Where onnxruntime, unlike the schema's text, takes an old node for what it is today."""


@pytest.mark.parametrize("name", TRAPS)
def test_it_means_the_same(name: str) -> None:
    before, to, text = TRAPS[name]
    model = onnx.parser.parse_model(source(text, before))
    feeds = random_feeds(model)
    made = lowered(model, to)
    for ours, theirs in zip(run_ort(model, feeds), run_ort(made, feeds), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", sorted(TRAPS.keys() - LENIENT))
def test_stamped_it_would_not(name: str) -> None:
    """A trap that catches nobody proves nothing."""
    before, to, text = TRAPS[name]
    model = onnx.parser.parse_model(source(text, before))
    feeds = random_feeds(model)
    expected = run_ort(model, feeds)
    model.opset_import[0].version = to
    try:
        found: Any = run_ort(model, feeds)
    except Exception:
        return
    assert not all(
        ours.shape == theirs.shape and np.allclose(ours, theirs)
        for ours, theirs in zip(expected, found, strict=True)
    )


def test_float8_that_does_not_saturate() -> None:
    text = "g (float[2] x) => (float8e4m3fn[2] y) { y = Cast <to = 17, saturate = 0> (x) }"
    assert lowered(source(text, 20), 19)
    assert "float8e4m3fn" in refusal(source(text, 20), 18)
