"""Lets onnxruntime optimize every model of a folder, and lowers what it wrote to pure ai.onnx.

    python tests/bench/lower_bench.py FOLDER [--levels basic extended all] [--models GLOB]
        [--to N] [--repeat 1] [--json out.json]

FOLDER holds NAME/NAME.onnx with NAME/inputs_0.npz for each model. The lowered file is `ok` when it
imports no domain but ai.onnx, loads in onnxruntime with all optimizations off and gives the outputs
of the model that was optimized, or those of the optimized file, within the tolerance of their
largest number (1e-4 for floats, equal otherwise). `off` is the difference from the model, `apart`
that from the optimized file, of the worst output; `own` is how far the optimized file itself is
off, which for quantized models and float16 can be more. The seconds are those of pot.lower without
its check. With `--to N` the lowered file is of that opset.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from measured_process import measured
from model_folder import Row, add_options, link_into, models_in, rows_of
from opset_children import run as run_model

import pyonnxtool as pot

LEVELS = ("basic", "extended", "all")
TOLERANCE = 1e-4


def main() -> int:
    """As a child (`WAY ...`) do one thing; otherwise measure every model and print a table."""
    if len(sys.argv) > 1 and sys.argv[1] in CHILDREN:
        CHILDREN[sys.argv[1]](*sys.argv[2:])
        return 0
    options = _options()
    rows = rows_of(models_in(options.folder), options, _of_model)
    for level in options.levels:
        mine = [row for row in rows if row["level"] == level]
        good = sum(row["status"] == "ok" for row in mine)
        print(f"{level:9} {good}/{len(mine)} ok")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--levels", nargs="+", choices=LEVELS, default=list(LEVELS))
    parser.add_argument("--to", type=int, default=0, help="opset of the lowered file")
    add_options(parser, repeat=1)
    return parser.parse_args()


def optimize(model: str, level: str, result: str) -> None:
    """Writes the file that onnxruntime runs at this level."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = getattr(
        ort.GraphOptimizationLevel, f"ORT_ENABLE_{level.upper()}"
    )
    options.optimized_model_filepath = result
    options.log_severity_level = 4
    ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def lower(model: str, result: str, timing: str, to: str) -> None:
    """pot.lower, as its Python API, without its check."""
    import time

    given = pot.load(model)
    begun = time.perf_counter()
    made = pot.lower(given, to=int(to) or None).model
    Path(timing).write_text(json.dumps(time.perf_counter() - begun))
    made.save(result)


def run(model: str, inputs: str, outputs: str) -> None:
    """Writes all outputs, by their names."""
    run_model(Path(model), Path(inputs), Path(outputs))


CHILDREN = {"optimize": optimize, "lower": lower, "run": run}


def _of_model(model: Path, options: argparse.Namespace) -> list[Row]:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=options.work) as name:
        folder = Path(name)
        local = link_into(folder, model)
        inputs = model.with_name("inputs_0.npz")
        expected = _outputs(local, inputs, folder, options)
        if isinstance(expected, str):
            print(f"{model.stem}: does not run: {expected[-200:]}", flush=True)
            return []
        print(f"\n{model.stem}", flush=True)
        for level in options.levels:
            row = {"model": model.stem, "level": level}
            row |= _judged(local, level, inputs, expected, options)
            rows.append(row)
            print(_line(row), flush=True)
    return rows


def _judged(
    local: Path, level: str, inputs: Path, expected: dict[str, Any], options: argparse.Namespace
) -> Row:
    folder = local.parent
    optimized, plain = folder / f"{level}.onnx", folder / f"{level}_plain.onnx"
    ran = _child("optimize", local, level, optimized, options=options)
    if ran is not None:
        return {"status": "not optimized", "error": ran}
    row: Row = {"custom": _custom(optimized), "before": len(pot.load(optimized).graph.nodes)}
    own = _outputs(optimized, inputs, folder, options)
    if not isinstance(own, str):
        row["own"] = _off(expected, own)
    timing = folder / "timing.json"
    refused = _child("lower", optimized, plain, timing, options.to, options=options)
    if refused is not None:
        return row | {"status": "refused" if "Refused" in refused else "error", "error": refused}
    made = pot.load(plain)
    row |= {"nodes": len(made.graph.nodes), "seconds": json.loads(timing.read_text())}
    if list(made.opset_imports) != [""]:
        return row | {"status": "other domains", "error": str(made.opset_imports)}
    found = _outputs(plain, inputs, folder, options)
    if isinstance(found, str):
        return row | {"status": "does not load", "error": found}
    row["off"] = _off(expected, found)
    row["apart"] = row["off"] if isinstance(own, str) else _off(own, found)
    good = min(row["off"], row["apart"]) <= TOLERANCE
    return row | {"status": "ok" if good else "wrong"}


def _child(what: str, *arguments: Any, options: argparse.Namespace) -> str | None:
    """What it said when it failed."""
    log = Path(arguments[0]).with_name("log")
    ran = measured([sys.executable, Path(__file__), what, *arguments], log, options.timeout)
    return ran.log if ran.code else None


def _outputs(
    model: Path, inputs: Path, folder: Path, options: argparse.Namespace
) -> dict[str, Any] | str:
    found = folder / "found.npz"
    found.unlink(missing_ok=True)
    failed = _child("run", model, inputs, found, options=options)
    return dict(np.load(found)) if failed is None else failed


def _custom(path: Path) -> dict[str, int]:
    proto = onnx.load(path, load_external_data=False)
    return dict(Counter(f"{n.domain}::{n.op_type}" for n in proto.graph.node if n.domain))


def _off(expected: dict[str, Any], found: dict[str, Any]) -> float:
    """Largest difference, of the largest number of its output; infinite where nothing fits."""
    worst = 0.0
    for name, ours in expected.items():
        theirs = found.get(name)
        if theirs is None or ours.shape != theirs.shape or ours.dtype != theirs.dtype:
            return float("inf")
        if ours.dtype.kind != "f":
            worst = max(worst, 0.0 if np.array_equal(ours, theirs) else float("inf"))
        else:
            worst = max(worst, _apart(ours.astype(np.float64), theirs.astype(np.float64)))
    return worst


def _apart(ours: Any, theirs: Any) -> float:
    finite = np.isfinite(ours)
    if not np.array_equal(ours[~finite], theirs[~finite], equal_nan=True):
        return float("inf")
    largest = np.abs(ours[finite]).max(initial=0.0)
    apart = np.abs(ours[finite] - theirs[finite]).max(initial=0.0)
    return float(apart / largest) if largest else float(apart > 0)


def _line(row: Row) -> str:
    custom = sum(row.get("custom", {}).values())
    told = (
        f"  {row['level']:9} {row['status']:14} {custom:>4} custom of {row.get('before', '-'):>5}"
    )
    if "off" in row:
        told += f" -> {row['nodes']:>5} nodes, off {row['off']:.1e}, apart {row['apart']:.1e}"
        told += f", {row['seconds']:.2f} s"
    if "own" in row:
        told += f", own {row['own']:.1e}"
    return told + (f"\n    {row['error'].strip()[-300:]}" if "error" in row else "")


if __name__ == "__main__":
    raise SystemExit(main())
