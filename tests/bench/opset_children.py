"""The processes that opset_bench.py measures: `WAY MODEL OPSET RESULT TIMING`, and its judge.

Imports come first, so that the time from there to the end is the work alone: read, convert, write;
`convert` is the conversion by itself. `run MODEL INPUTS OUTPUTS` runs a model under onnxruntime
with all optimizations off.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path


def ours(model: Path, opset: int, result: Path, weights: str = "auto") -> float:
    """pyonnxtool, as its Python API, without its check."""
    import pyonnxtool as pot

    given = pot.load(str(model))
    begun = time.perf_counter()
    made = pot.opset(given, to=opset).model
    spent = time.perf_counter() - begun
    made.save(str(result), weights=weights)
    return spent


def ours_linked(model: Path, opset: int, result: Path) -> float:
    """The same; the result points into the original file for its weights."""
    return ours(model, opset, result, weights="link")


def onnx_converter(model: Path, opset: int, result: Path) -> float:
    """onnx.version_converter, as its documentation shows it."""
    import onnx
    from onnx import version_converter

    given = onnx.load(model)
    begun = time.perf_counter()
    made = version_converter.convert_version(given, opset)
    spent = time.perf_counter() - begun
    onnx.save(made, result, save_as_external_data=made.ByteSize() > 2**31)
    return spent


def run(model: Path, inputs: Path, outputs: Path) -> None:
    """Writes all outputs, by their names."""
    import numpy as np
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    given = np.load(inputs)
    feed = {one.name: given[one.name] for one in session.get_inputs() if one.name in given.files}
    names = [one.name for one in session.get_outputs()]
    np.savez(outputs, **dict(zip(names, session.run(names, feed), strict=True)))


WAYS: dict[str, Callable[[Path, int, Path], float]] = {
    "ours": ours,
    "ours-link": ours_linked,
    "onnx": onnx_converter,
}


def _preload(way: str) -> None:
    """What it imports sooner or later, so that it is not counted as its work."""
    if way == "onnx":
        importlib.import_module("onnx.version_converter")
        return
    importlib.import_module("pyonnxtool.conversion")
    sorted(importlib.import_module("pyonnxtool.downgrade.adapters").ADAPTERS)


def main() -> None:
    """One way on one model, or one run."""
    if sys.argv[1] == "run":
        run(*map(Path, sys.argv[2:]))
        return
    way, model, opset, result, timing = sys.argv[1:]
    _preload(way)
    begun = time.perf_counter()
    converting = WAYS[way](Path(model), int(opset), Path(result))
    spent = {"work": time.perf_counter() - begun, "convert": converting}
    Path(timing).write_text(json.dumps(spent))


if __name__ == "__main__":
    main()
