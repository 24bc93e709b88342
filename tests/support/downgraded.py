"""Checks of a downgrade: what it wrote is valid below, and both models give the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx.reference import ReferenceEvaluator

import pyonnxtool as pot
from pyonnxtool.errors import Refused
from pyonnxtool.op_schemas import newest_opset

RUNS_IR_UP_TO = 13
"""IR version that onnxruntime 1.31 takes; opsets are the same in any."""

Feeds = Mapping[str, Any]


def lowered(model: onnx.ModelProto | str, to: int) -> onnx.ModelProto:
    """The model at `to`, valid for the onnx checker. Raises Refused."""
    if isinstance(model, str):
        model = onnx.parser.parse_model(model)
    made = pot.to_proto(pot.opset(pot.from_proto(model), to=to).model)
    onnx.checker.check_model(made, full_check=True)
    return made


def refusal(model: onnx.ModelProto | str, to: int) -> str:
    """The text of the refusal; fails when it is not refused."""
    try:
        lowered(model, to)
    except Refused as error:
        return str(error)
    raise AssertionError("it was not refused")


def check(
    model: onnx.ModelProto | str,
    to: int,
    feeds: Feeds | None = None,
    *,
    ulp: int = 0,
    of: str = "each",
) -> onnx.ModelProto:
    """Take the model to `to` and run both on the same feeds (random ones unless given).

    Floats may differ by `ulp` units in the last place of the larger of the two; 0 is bit for bit.
    `of` "largest": of the largest of all, which is what sums of large numbers are off by.
    """
    if isinstance(model, str):
        model = onnx.parser.parse_model(model)
    made = lowered(model, to)
    given = random_feeds(model) if feeds is None else feeds
    expected, found = run_both(model, made, given)
    for info, ours, theirs in zip(model.graph.output, expected, found, strict=True):
        assert_same(info.name, ours, theirs, ulp, of)
    return made


def run_both(
    model: onnx.ModelProto, made: onnx.ModelProto, feeds: Feeds
) -> tuple[Sequence[Any], Sequence[Any]]:
    """Outputs of both under onnxruntime, or under the reference where it runs not both."""
    try:
        return run_ort(model, feeds), run_ort(made, feeds)
    except Exception:
        return ReferenceEvaluator(model).run(None, feeds), ReferenceEvaluator(made).run(None, feeds)


def run_ort(model: onnx.ModelProto, feeds: Feeds) -> Sequence[Any]:
    """Outputs under onnxruntime without optimizations."""
    capped = onnx.ModelProto()
    capped.CopyFrom(model)
    capped.ir_version = min(model.ir_version, RUNS_IR_UP_TO)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = ort.InferenceSession(
        capped.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    found: Sequence[Any] = session.run(None, dict(feeds))
    return found


def evaluated(model: onnx.ModelProto, feeds: Feeds) -> Sequence[Any]:
    """Outputs under the reference, where overflows and NaN are wanted."""
    with np.errstate(all="ignore"):
        found: Sequence[Any] = ReferenceEvaluator(model).run(None, dict(feeds))
    return found


def random_feeds(model: onnx.ModelProto, seed: int = 0, size: int = 3) -> dict[str, Any]:
    """Normal floats, small integers, fair bools; named sizes are `size`."""
    rng = np.random.default_rng(seed)
    weights = {tensor.name for tensor in model.graph.initializer}
    feeds = {}
    for info in model.graph.input:
        if info.name in weights:
            continue
        tensor = info.type.tensor_type
        shape = [dim.dim_value if dim.HasField("dim_value") else size for dim in tensor.shape.dim]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        feeds[info.name] = np.asarray(_random(rng, shape, dtype))
    return feeds


def _random(rng: np.random.Generator, shape: Sequence[int], dtype: np.dtype[Any]) -> Any:
    if dtype == np.bool_:
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        return rng.integers(0 if dtype.kind == "u" else -9, 10, shape).astype(dtype)
    if dtype.kind == "O":
        return np.array(["a", "b", "c"], object)[rng.integers(0, 3, shape)]
    return rng.standard_normal(shape).astype(dtype)


def assert_same(name: str, ours: Any, theirs: Any, ulp: int, of: str = "each") -> None:
    """Equal types and shapes; equal values but for `ulp` units in the last place of floats."""
    if isinstance(ours, list):
        assert len(ours) == len(theirs), name
        for one, other in zip(ours, theirs, strict=True):
            assert_same(name, one, other, ulp, of)
        return
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.dtype == theirs.dtype, f"{name}: {ours.dtype} became {theirs.dtype}"
    assert ours.shape == theirs.shape, f"{name}: {ours.shape} became {theirs.shape}"
    if ulp and ours.dtype.kind == "f":
        step = np.spacing(np.maximum(np.abs(ours), np.abs(theirs)))
        if of == "largest" and step.size:
            step = np.nanmax(step)
        with np.errstate(invalid="ignore"):
            apart = np.abs(ours.astype(np.float64) - theirs) / step
        same = (ours == theirs) | (apart <= ulp) | (np.isnan(ours) & np.isnan(theirs))
    else:
        np.testing.assert_array_equal(ours, theirs, err_msg=name)
        return
    assert np.all(same), f"{name}: {np.nanmax(apart)} ULP"


def source(text: str, opset: int | None = None) -> str:
    """The text of a model of one graph: `g (float[2] x) => (float[2] y) { y = Relu(x) }`."""
    version = newest_opset() if opset is None else opset
    ir_version = max(row[1] for row in onnx.helper.VERSION_TABLE if row[2] <= version)
    return f'<ir_version: {ir_version}, opset_import: ["" : {version}]>\n{text}'
