"""The processes that layout_bench.py measures: `WAY MODEL RESULT TIMING`.

Imports come first, so that the time from there to the end is the work alone: read, rewrite, write.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from specialize_children import peak


def ours(model: Path, result: Path, to: str = "nchw") -> None:
    """pyonnxtool, as its Python API."""
    import pyonnxtool as pot

    pot.layout(str(model), to=to).model.save(str(result))


def onnxruntime(model: Path, result: Path, level: str) -> None:
    """What onnxruntime's own optimizer writes at this level."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.optimized_model_filepath = str(result)
    options.log_severity_level = 4
    onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def onnxsim(model: Path, result: Path) -> None:
    """From file to file in its C++ core."""
    import onnxsim

    onnxsim.simplify(str(model), output_path=str(result))


def onnxslim(model: Path, result: Path) -> None:
    """As its command does it."""
    import onnxslim

    onnxslim.slim(str(model), str(result))


def onnxoptimizer(model: Path, result: Path) -> None:
    """Its default passes, to their fixpoint."""
    import onnx
    import onnxoptimizer

    proto = onnx.load(model)
    passes = onnxoptimizer.get_fuse_and_elimination_passes()
    onnx.save(onnxoptimizer.optimize(proto, passes, fixed_point=True), result)


def tf2onnx(model: Path, result: Path) -> None:
    """All of its optimizers, as its converter runs them."""
    import onnx
    from tf2onnx import optimizer
    from tf2onnx.graph import GraphUtil

    graph = GraphUtil.create_graph_from_onnx_model(onnx.load(model))
    onnx.save(optimizer.optimize_graph(graph).make_model("optimized"), result)


PRELOADED = {
    "ours": ("pyonnxtool.relayout",),
    "ours-nhwc": ("pyonnxtool.relayout",),
    "ort-basic": ("onnxruntime",),
    "ort-extended": ("onnxruntime",),
    "ort-all": ("onnxruntime",),
    "onnxsim": ("onnxsim",),
    "onnxslim": ("onnxslim.core", "onnxslim.utils"),
    "onnxoptimizer": ("onnx", "onnxoptimizer"),
    "tf2onnx": ("onnx", "tf2onnx.optimizer", "tf2onnx.graph"),
}
"""What a way imports sooner or later, so that it is not counted as its work."""

WAYS: dict[str, Callable[[Path, Path], None]] = {
    "ours": ours,
    "ours-nhwc": partial(ours, to="nhwc"),
    "ort-basic": partial(onnxruntime, level="ORT_ENABLE_BASIC"),
    "ort-extended": partial(onnxruntime, level="ORT_ENABLE_EXTENDED"),
    "ort-all": partial(onnxruntime, level="ORT_ENABLE_ALL"),
    "onnxsim": onnxsim,
    "onnxslim": onnxslim,
    "onnxoptimizer": onnxoptimizer,
    "tf2onnx": tf2onnx,
}


def main() -> None:
    """One way on one model."""
    way, model, result, timing = sys.argv[1:]
    for module in PRELOADED[way]:
        importlib.import_module(module)
    wall, cpu = time.perf_counter(), time.process_time()
    WAYS[way](Path(model), Path(result))
    spent = {"work": time.perf_counter() - wall, "work_cpu": time.process_time() - cpu}
    Path(timing).write_text(json.dumps({**spent, "rss": peak()}))


if __name__ == "__main__":
    main()
