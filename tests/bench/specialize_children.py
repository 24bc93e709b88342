"""The processes that specialize_bench.py measures: `WAY MODEL SIZES RESULT TIMING`.

SIZES is JSON: {"shapes": {input: [..]}, "batch": [name, size] or null}. Imports come first, so that
the time from there to the end is the work alone: read, specialize, write.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Sizes = dict[str, Any]


def ours(model: Path, sizes: Sizes, result: Path, weights: str = "auto") -> None:
    """pyonnxtool, as its Python API."""
    import pyonnxtool as pot

    asked: dict[str, Any] = {"shapes": sizes["shapes"]}
    if sizes["batch"]:
        name, size = sizes["batch"]
        asked = {"dims": {name: size}}
    pot.specialize(str(model), **asked).model.save(str(result), weights=weights)


def ours_linked(model: Path, sizes: Sizes, result: Path) -> None:
    """The same; the result points into the original file for its weights."""
    ours(model, sizes, result, weights="link")


def onnxsim(model: Path, sizes: Sizes, result: Path) -> None:
    """Its fastest way: from file to file in its C++ core."""
    import onnxsim

    if sizes["batch"]:
        model = _fixed(model, sizes, result.with_name("fixed.onnx"))
    shapes = None if sizes["batch"] else sizes["shapes"]
    onnxsim.simplify(
        str(model),
        overwrite_input_shapes=shapes,
        test_input_shapes=shapes,
        output_path=str(result),
        external_data_threshold="1.9GB",
    )


def onnxslim(model: Path, sizes: Sizes, result: Path) -> None:
    """As its command does it."""
    import onnxslim

    shapes = [f"{name}:{_joined(shape)}" for name, shape in sizes["shapes"].items()]
    large = model.stat().st_size > 2**31
    onnxslim.slim(str(model), str(result), input_shapes=shapes, save_as_external_data=large)


def polygraphy(model: Path, sizes: Sizes, result: Path) -> None:
    """Its command line, in this process."""
    from polygraphy.tools import main

    shapes = [f"{name}:[{_joined(shape)}]" for name, shape in sizes["shapes"].items()]
    large = ["--save-external-data"] if model.stat().st_size > 2**31 else []
    sys.argv = ["polygraphy", "surgeon", "sanitize", str(model), "--fold-constants", "--silent"]
    sys.argv += ["--override-input-shapes", *shapes] if shapes else []
    sys.argv += ["-o", str(result), *large]
    ending = main()
    if ending:
        raise SystemExit(ending)


def fixed(model: Path, sizes: Sizes, result: Path) -> None:
    """onnxruntime.tools.make_dynamic_shape_fixed --dim_param."""
    _fixed(model, sizes, result)


def _fixed(model: Path, sizes: Sizes, result: Path) -> Path:
    import onnx
    from onnxruntime.tools.onnx_model_utils import fix_output_shapes, make_dim_param_fixed

    proto = onnx.load(model)
    make_dim_param_fixed(proto.graph, *sizes["batch"])
    large = proto.ByteSize() > 2**31
    if not large:
        fix_output_shapes(proto)
    onnx.save(proto, result, save_as_external_data=large)
    return result


def _joined(shape: list[int]) -> str:
    return ",".join(map(str, shape))


PRELOADED: dict[str, tuple[str, ...]] = {
    "ours": ("pyonnxtool.specialization",),
    "ours-link": ("pyonnxtool.specialization",),
    "onnxsim": ("onnxsim",),
    "onnxslim": ("onnxslim.core", "onnxslim.utils"),
    "polygraphy": ("polygraphy.tools.surgeon", "onnx_graphsurgeon", "onnxruntime"),
    "fixed": ("onnxruntime.tools.onnx_model_utils",),
}
"""What a way imports sooner or later, so that it is not counted as its work."""


WAYS: dict[str, Callable[[Path, Sizes, Path], None]] = {
    "ours": ours,
    "ours-link": ours_linked,
    "onnxsim": onnxsim,
    "onnxslim": onnxslim,
    "polygraphy": polygraphy,
    "fixed": fixed,
}


def main() -> None:
    """One way on one model."""
    way, model, sizes, result, timing = sys.argv[1:]
    asked = json.loads(Path(sizes).read_text())
    for module in PRELOADED[way]:
        importlib.import_module(module)
    wall, cpu = time.perf_counter(), time.process_time()
    WAYS[way](Path(model), asked, Path(result))
    spent = {"work": time.perf_counter() - wall, "work_cpu": time.process_time() - cpu}
    Path(timing).write_text(json.dumps({**spent, "rss": peak()}))


def peak() -> float:
    """MB of resident memory at most so far."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()
