"""The processes that diff_bench.py measures: `WAY MODEL INPUTS TIMING [options]`.

Imports come first, so that the time from there to the end is the work alone.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

LEVELS = (
    onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
)


def _options(level: Any) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.log_severity_level = 4
    return options


def floor(model: Path, inputs: Path) -> None:
    """What no comparison can do without: load and run, both ways; final outputs compared."""
    feed = dict(np.load(inputs))
    kept = []
    for level in LEVELS:
        session = onnxruntime.InferenceSession(
            model, _options(level), providers=["CPUExecutionProvider"]
        )
        kept.append(session.run(None, feed))
        del session
        gc.collect()
    for name, one, other in zip(range(len(kept[0])), *kept, strict=True):
        print(name, np.abs(np.asarray(one) - np.asarray(other)).max())


def script(model: Path, inputs: Path) -> None:
    """The script that everybody writes: mark all, run both, print a few metrics in float32."""
    import onnx

    feed = dict(np.load(inputs))
    marked = onnx.load(model, load_external_data=False)
    known = {output.name for output in marked.graph.output}
    for node in marked.graph.node:
        for name in node.output:
            if name and name not in known:
                marked.graph.output.append(onnx.ValueInfoProto(name=name))
    data = marked.SerializeToString()
    names = [output.name for output in marked.graph.output]
    kept = []
    for level in LEVELS:
        options = _options(level)
        folder = str(model.parent.resolve())
        options.add_session_config_entry(
            "session.model_external_initializers_file_folder_path", folder
        )
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        kept.append(session.run(names, feed))
        del session
        gc.collect()
    for name, one, other in zip(names, *kept, strict=True):
        print(name, _metrics(np.asarray(one), np.asarray(other)))


def _metrics(one: NDArray[Any], other: NDArray[Any]) -> dict[str, float] | bool:
    if one.dtype.kind not in "fiu" or one.size == 0:
        return bool(np.array_equal(one, other))
    distance = np.abs(one - other)
    norms = float(np.linalg.norm(one)) * float(np.linalg.norm(other))
    largest = float(distance.max())
    return {
        "max_abs": largest,
        "max_rel": largest / (float(np.abs(one).max()) + 1e-12),
        "mean_abs": float(distance.mean()),
        "cosine": float(np.vdot(one, other)) / norms if norms else 1.0,
    }


def tool(model: Path, inputs: Path, *options: str) -> None:
    """The command line, in this process."""
    from pyonnxtool.cli import main

    try:
        main(
            ["diff", f"{model}@ort:none", f"{model}@ort:all", "--inputs", str(inputs),
             "--no-progress", *options]
        )  # fmt: skip
    except SystemExit as ending:
        if ending.code not in (0, 1):
            raise


def tool_accumulated(model: Path, inputs: Path, *options: str) -> None:
    """Without introduced errors."""
    tool(model, inputs, "--no-introduced", *options)


WAYS: dict[str, Callable[..., None]] = {
    "floor": floor,
    "script": script,
    "tool": tool_accumulated,
    "tool-introduced": tool,
}


def _preload(way: str) -> None:
    """Imports that the way needs, so that they are not counted as its work."""
    if way == "script":
        import onnx  # noqa: F401
    if way.startswith("tool"):
        import onnxruntime  # noqa: F401

        import pyonnxtool.cli._diff_text
        import pyonnxtool.diffing  # noqa: F401


if __name__ == "__main__":
    chosen, model_path, inputs_path, timing, *rest = sys.argv[1:]
    _preload(chosen)
    started = time.perf_counter()
    WAYS[chosen](Path(model_path), Path(inputs_path), *rest)
    Path(timing).write_text(json.dumps({"work": time.perf_counter() - started}))
