"""Programs that rewrite a model into one that computes the same: what deployments run."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import onnx
import onnxruntime

Optimizer = Callable[[onnx.ModelProto], onnx.ModelProto | None]
"""The optimized copy, or None where the program refuses the model."""


def _by_onnxruntime(
    level: onnxruntime.GraphOptimizationLevel, model: onnx.ModelProto
) -> onnx.ModelProto | None:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.log_severity_level = 4
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "optimized.onnx")
        try:
            onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception:  # onnxruntime has many
            return None
        return onnx.load(options.optimized_model_filepath)


_LEVELS = onnxruntime.GraphOptimizationLevel

OPTIMIZERS: dict[str, Optimizer] = {
    "ort_basic": partial(_by_onnxruntime, _LEVELS.ORT_ENABLE_BASIC),
    "ort_extended": partial(_by_onnxruntime, _LEVELS.ORT_ENABLE_EXTENDED),
    "ort_all": partial(_by_onnxruntime, _LEVELS.ORT_ENABLE_ALL),
}


def by_onnxsim(program: str, model: onnx.ModelProto) -> onnx.ModelProto | None:
    """The model that the onnxsim program at `program` writes."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.onnx", Path(folder) / "out.onnx"
        onnx.save(model, source)
        done = subprocess.run([program, source, target], capture_output=True, check=False)
        return onnx.load(target) if done.returncode == 0 and target.exists() else None


def to_float16(model: onnx.ModelProto) -> onnx.ModelProto | None:
    """The model in half precision, its inputs and outputs as they were."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    try:
        return convert_float_to_float16(copy, keep_io_types=True)
    except Exception:  # it raises what it likes
        return None


PRECISIONS: dict[str, Optimizer] = {"float16": to_float16}
"""Rewrites after which only faults larger than rounding in half precision can be asked for."""
