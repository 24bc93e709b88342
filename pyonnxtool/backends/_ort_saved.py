"""The model that onnxruntime makes of another by its portable optimizations, with its weights."""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnxruntime as ort

from pyonnxtool._core import Model, from_bytes
from pyonnxtool.errors import BackendError

_LEVELS = {
    "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
}
_FATAL_ONLY = 4


def saved_by_onnxruntime(model: Model, level: str) -> Model:
    """As `onnxruntime` saves it at "basic" or "extended". Raises BackendError."""
    settings = ort.SessionOptions()
    settings.graph_optimization_level = _LEVELS[level]
    settings.log_severity_level = _FATAL_ONLY
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimized.onnx"
        settings.optimized_model_filepath = str(path)
        try:
            ort.InferenceSession(
                model.to_bytes(weights="inside"), settings, providers=["CPUExecutionProvider"]
            )
            return from_bytes(path.read_bytes())
        except Exception as error:  # its exceptions have no common base but this
            raise BackendError(f"onnxruntime cannot save the model at {level}: {error}") from error
