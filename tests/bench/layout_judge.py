"""What layout_bench.py wants to know of a result: `ORIGINAL RESULT INPUTS.npz VERDICT.json`.

Outputs beside the original's, what its Transposes move in one inference (onnxruntime's profile of
the graph as it is written), and how long both take with optimizations off and on, interleaved.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

sys.path.insert(0, str(Path(__file__).parent.parent))

from support.ort_runs import difference

FULL, HALF, QUANTIZED = 1e-5, 1e-2, 5e-2
"""How far outputs may be apart, relative to their scale: one step of an 8-bit scale is more."""
SECONDS, FEWEST = 1.5, 5
LEVELS = {"off": "ORT_DISABLE_ALL", "on": "ORT_ENABLE_ALL"}
Feed = dict[str, Any]


def session(model: Path, level: str, profile: Path | None = None) -> Any:
    """A CPU session at an optimization level."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.log_severity_level = 4
    if profile:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile)
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def moved(model: Path, feed: Feed, folder: Path) -> dict[str, int]:
    """Transposes that one inference runs and whose elements change place, and their bytes."""
    perms = {node.name: _perm(node) for node in _nodes(onnx.load(model).graph) if node.name}
    running = session(model, "ORT_DISABLE_ALL", folder / "profile")
    running.run(None, feed)
    profile = Path(running.end_profiling())
    events = json.loads(profile.read_text())
    profile.unlink()
    found = {"transposes": 0, "moved": 0, "reorders": 0}
    for event in events:
        if event.get("cat") != "Node" or not event["name"].endswith("_kernel_time"):
            continue
        size = int(event["args"].get("output_size", 0))
        if event["args"]["op_name"] in ("ReorderInput", "ReorderOutput"):
            found["reorders"] += size
        if event["args"]["op_name"] != "Transpose":
            continue
        shape = next(iter(event["args"]["input_type_shape"][0].values()))
        perm = perms.get(event["name"].removesuffix("_kernel_time"))
        order = [axis for axis in perm or range(len(shape))[::-1] if shape[axis] != 1]
        if order != sorted(order):
            found["transposes"] += 1
            found["moved"] += size
    return found


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g)


def _perm(node: onnx.NodeProto) -> list[int] | None:
    return next((list(a.ints) for a in node.attribute if a.name == "perm"), None)


def times(original: Path, result: Path, feed: Feed) -> dict[str, float]:
    """Seconds of one inference, medians; the two take turns."""
    spent = {}
    for name, level in LEVELS.items():
        both = [session(model, level) for model in (original, result)]
        samples: list[list[float]] = [[], []]
        for running in both:
            running.run(None, feed)
        began = time.perf_counter()
        while time.perf_counter() - began < SECONDS or len(samples[0]) < FEWEST:
            for running, into in zip(both, samples, strict=True):
                start = time.perf_counter()
                running.run(None, feed)
                into.append(time.perf_counter() - start)
        spent[f"original_{name}"], spent[f"time_{name}"] = map(statistics.median, samples)
    return spent


def limit(model: Path) -> float:
    """What rounding may do in a model of these types."""
    proto = onnx.load(model, load_external_data=False)
    ops = {node.op_type for node in _nodes(proto.graph)}
    if any(op.startswith(("QLinear", "QuantizeLinear", "DynamicQuant")) for op in ops):
        return QUANTIZED
    half = any(t.data_type == onnx.TensorProto.FLOAT16 for t in proto.graph.initializer)
    return HALF if half else FULL


def main() -> None:
    """See the module."""
    original, result, inputs, verdict = map(Path, sys.argv[1:])
    feed = dict(np.load(inputs))
    expected = session(original, "ORT_DISABLE_ALL").run(None, feed)
    found = session(result, "ORT_DISABLE_ALL").run(None, feed)
    apart = difference([expected], [found])
    good = apart is not None and apart <= limit(original)
    status = "ok" if good else "other shapes" if apart is None else f"off by {apart:.1e}"
    said: dict[str, Any] = {"status": status, "apart": apart}
    said |= moved(result, feed, verdict.parent) | times(original, result, feed)
    said["nodes"] = len(list(_nodes(onnx.load(result, load_external_data=False).graph)))
    verdict.write_text(json.dumps(said))


if __name__ == "__main__":
    main()
