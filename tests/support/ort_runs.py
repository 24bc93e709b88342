"""Runs models on onnxruntime without optimizations: the bench's word on what really differs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from support.graph_builder import Feed

DEMANDED = 1e-5
"""From this difference of a final output, relative to its scale, `fault` is demanded."""
DEMANDED_HALF = 1e-2
"""The same where weights are float16: less than that is what half precision does anyway."""

Outputs = list[NDArray[Any]]


def demanded_difference(model: onnx.ModelProto) -> float:
    """DEMANDED for the precision that `model` computes in."""
    half = any(t.data_type == onnx.TensorProto.FLOAT16 for t in model.graph.initializer)
    return DEMANDED_HALF if half else DEMANDED


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """A CPU session that runs the graph as it is written."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def run(model: onnx.ModelProto, feeds: Sequence[Feed]) -> list[Outputs]:
    """The final outputs for each feed; onnxruntime's own exception when it refuses."""
    running = session(model)
    return [running.run(None, feed) for feed in feeds]


def all_values(model: onnx.ModelProto, feeds: Sequence[Feed]) -> list[tuple[str, NDArray[Any]]]:
    """The tensors that the main graph computes for the first feed; bfloat16 is left out."""
    marked = onnx.ModelProto()
    marked.CopyFrom(model)
    known = {output.name for output in marked.graph.output}
    names = [name for node in marked.graph.node for name in node.output if name]
    marked.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names if n not in known)
    running = session(marked)
    # onnxruntime cannot hand a bfloat16 tensor to numpy.
    order = [out.name for out in running.get_outputs() if out.type != "tensor(bfloat16)"]
    found = zip(order, running.run(order, feeds[0]), strict=True)
    return [(name, data) for name, data in found if isinstance(data, np.ndarray)]


def difference(reference: list[Outputs], candidate: list[Outputs]) -> float | None:
    """Largest difference relative to its output's scale; inf for NaN or Inf on one side only.

    None where the outputs are not comparable: another number, shape or type.
    """
    worst = 0.0
    for ours, theirs in zip(reference, candidate, strict=True):
        if len(ours) != len(theirs):
            return None
        for one, other in zip(ours, theirs, strict=True):
            if one.shape != other.shape or one.dtype != other.dtype:
                return None
            worst = max(worst, _tensor_difference(one, other))
    return worst


def _tensor_difference(one: NDArray[Any], other: NDArray[Any]) -> float:
    if one.dtype.kind not in "fiub":
        return 0.0 if np.array_equal(one, other) else math.inf
    ours, theirs = one.astype(np.float64), other.astype(np.float64)
    finite = np.isfinite(ours) & np.isfinite(theirs)
    if not np.array_equal(ours[~finite], theirs[~finite], equal_nan=True):
        return math.inf
    if not finite.any():
        return 0.0
    scale = float(np.abs(ours[finite]).max()) or 1.0
    return float(np.abs(ours - theirs)[finite].max()) / scale
