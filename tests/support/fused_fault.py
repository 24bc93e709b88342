"""A runtime with a bug that is only there where it fuses: watching a value hides it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import onnx
import onnxruntime as ort

from pyonnxtool import Model, from_proto
from pyonnxtool.backends import BACKENDS, RunOptions, Session
from pyonnxtool.backends.onnxruntime import OnnxRuntime

Damage = Callable[[onnx.ModelProto], None]
"""Changes an optimized model in place."""

LEVELS = {
    "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


class FusedFault(OnnxRuntime):
    """onnxruntime, but what it optimized is damaged before it is run."""

    def __init__(self, name: str, damage: Damage) -> None:
        self.name = name
        self.aliases = ()
        self._damage = damage

    def open(self, model: Model, options: RunOptions) -> Session:
        """Without optimizations nothing is damaged."""
        if options.level == "none":
            return super().open(model, options)
        optimized = written_by_onnxruntime(model, options)
        self._damage(optimized)
        return super().open(from_proto(optimized), replace(options, level="none"))


def written_by_onnxruntime(model: Model, options: RunOptions) -> onnx.ModelProto:
    """The optimized model, as onnxruntime saves it."""
    settings = ort.SessionOptions()
    settings.graph_optimization_level = LEVELS[options.level]
    settings.log_severity_level = 4
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimized.onnx"
        settings.optimized_model_filepath = str(path)
        ort.InferenceSession(
            model.to_bytes(),
            settings,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=list(options.disabled_optimizers) or None,
        )
        return onnx.load(str(path))


def backend(name: str, damage: Damage) -> AbstractContextManager[str]:
    """The runtime with this bug, registered under `name` for a while."""
    return registered(FusedFault(name, damage))


@contextmanager
def registered(runtime: OnnxRuntime) -> Iterator[str]:
    """A backend that can be named for a while."""
    BACKENDS.add(runtime.name)(runtime)
    try:
        yield runtime.name
    finally:
        del BACKENDS._entries[runtime.name]
        BACKENDS._keys.remove(runtime.name)


def rough_gelu(model: onnx.ModelProto) -> None:
    """A fused Gelu is computed by the approximation that is off by up to 5e-4."""
    for node in model.graph.node:
        if node.op_type == "Gelu":
            node.op_type, node.domain = "FastGelu", "com.microsoft"


def wrong_scale(model: onnx.ModelProto) -> None:
    """A matrix product that took in a factor has another one."""
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "FusedMatMul" and attribute.name == "alpha":
                attribute.f *= 1.25


def both_or_none(model: onnx.ModelProto) -> None:
    """The scale is only wrong where a Gelu is fused as well."""
    if any(node.op_type == "Gelu" for node in model.graph.node):
        wrong_scale(model)
