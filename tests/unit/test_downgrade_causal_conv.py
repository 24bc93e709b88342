"""CausalConvWithState below opset 27, held against the reference evaluator; sums are exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from tests.support.downgraded import lowered, run_ort, source


def model_of(
    kernel: int, length: str, past: bool, *, bias: bool = True, told: str = "", dtype: str = "float"
) -> onnx.ModelProto:
    state = f", {dtype}[2,3,{kernel - 1}] p" if past else ""
    operands = f"(x, w, {'b' if bias else ''}, {'p' if past else ''})"
    text = (
        f"g ({dtype}[2,3,{length}] x, {dtype}[3,1,{kernel}] w, {dtype}[3] b{state})"
        f"=> ({dtype}[2,3,{length}] y, {dtype}[2,3,{kernel - 1}] s)"
        f"{{ y, s = CausalConvWithState {told} {operands} }}"
    )
    return onnx.parser.parse_model(source(text, 27))


def fed(kernel: int, length: int, past: bool, dtype: str = "float32") -> dict[str, Any]:
    rng = np.random.default_rng(0)
    shapes = {"x": (2, 3, length), "w": (3, 1, kernel), "b": (3,)}
    if past:
        shapes["p"] = (2, 3, kernel - 1)
    return {name: rng.integers(1, 5, shape).astype(dtype) for name, shape in shapes.items()}


@pytest.mark.parametrize("to", [26, 13, 7])
@pytest.mark.parametrize("kernel", [1, 2, 4])
@pytest.mark.parametrize("length", [1, 2, 5])
@pytest.mark.parametrize("past", [False, True])
@pytest.mark.parametrize("is_open", [False, True])
def test_states_and_paddings(to: int, kernel: int, length: int, past: bool, is_open: bool) -> None:
    model = model_of(kernel, "L" if is_open else str(length), past, bias=length > 1)
    feeds = fed(kernel, length, past)
    expected = ReferenceEvaluator(model).run(None, feeds)
    for ours, theirs in zip(run_ort(lowered(model, to), feeds), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs, strict=True)


@pytest.mark.parametrize("to", [17, 9])
@pytest.mark.parametrize("activation", ["none", "silu", "swish"])
@pytest.mark.parametrize("dtype", ["float", "float16"])
def test_activations(to: int, activation: str, dtype: str) -> None:
    """To 4 ULP of float32, which onnxruntime's Sigmoid is good for; float16 is rounded once."""
    model = model_of(3, "5", True, told=f'<activation = "{activation}">', dtype=dtype)
    feeds = fed(3, 5, True, "float16" if dtype == "float16" else "float32")
    expected = ReferenceEvaluator(model).run(None, feeds)
    for ours, theirs in zip(run_ort(lowered(model, to), feeds), expected, strict=True):
        assert ours.dtype == theirs.dtype
        assert np.all(np.abs(ours - theirs) <= (4 if dtype == "float" else 1) * np.spacing(theirs))


def test_nobody_pads_what_conv_pads() -> None:
    text = (
        "g (float[N,3,L] x, float[3,1,4] w) => (float[N,3,L] y) { y = CausalConvWithState (x, w) }"
    )
    (node,) = lowered(source(text, 27), 17).graph.node
    assert node.op_type == "Conv"
