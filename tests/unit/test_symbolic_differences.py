"""Differences of torch, as Subs of Slices."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from support.downgraded import run_ort
from support.lowered_op import lowered, refusal


def model_of(node: str, shape: str = "n, 5", dtype: str = "float") -> onnx.ModelProto:
    imports = '<ir_version: 8, opset_import: ["" : 13, "org.pytorch.aten" : 1]>'
    text = f"{dtype}[{shape}]"
    more = f"{dtype}[{shape.rpartition(',')[0]}, 1]" if "," in shape else text
    head = f"g ({text} x, {more} first) => ({dtype}[a, b] y)"
    return onnx.parser.parse_model(f"{imports} {head} {{ y = org.pytorch.aten.diff {node} }}")


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize("axis", [0, -1])
def test_numbers(n: int, axis: int) -> None:
    x = np.arange(20, dtype=np.float32).reshape(4, 5) ** 2
    feeds = {"x": x, "first": x[:, :1]}
    made = lowered(model_of(f"<n = {n}, dim = {axis}> (x)"))
    np.testing.assert_array_equal(run_ort(made, feeds)[0], np.diff(x, n, axis))


def test_what_goes_before_and_after() -> None:
    x = np.arange(20, dtype=np.float32).reshape(4, 5) ** 2
    feeds, first = {"x": x, "first": x[:, :1] - 1}, x[:, :1] - 1
    made = lowered(model_of("<n = 1, dim = 1> (x, first)"))
    np.testing.assert_array_equal(run_ort(made, feeds)[0], np.diff(x, prepend=first))
    made = lowered(model_of('<n = 1, dim = 1> (x, "", first)'))
    np.testing.assert_array_equal(run_ort(made, feeds)[0], np.diff(x, append=first))


def test_bools() -> None:
    x = np.random.default_rng(0).random((4, 5)) < 0.5
    made = lowered(model_of("(x)", dtype="bool"))
    np.testing.assert_array_equal(run_ort(made, {"x": x, "first": x[:, :1]})[0], np.diff(x))


def test_what_is_refused() -> None:
    assert "dim 2 is none of a tensor of rank 2" in refusal(model_of("<dim = 2> (x)"))
    assert "the rank of 'x' is only known when the model runs" in refusal(model_of("(x)", shape=""))
    scalar = model_of("(x)")
    scalar.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.FLOAT, []))
    assert "it has no axis to go along" in refusal(scalar)
