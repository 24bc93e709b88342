"""Takes every model of a folder to older opsets: ours beside onnx.version_converter.

    python tests/bench/opset_bench.py FOLDER [--to 17 13 11 9] [--models GLOB] [--repeat 3]
        [--only ours ours-link onnx] [--json out.json]

FOLDER holds NAME/NAME.onnx with NAME/inputs_0.npz for each model. Every measurement is a fresh
process; the ways are interleaved, medians are shown. A result is `ok` when it loads in onnxruntime
with all optimizations off and gives the outputs of the original within the tolerance of the
original's largest number (1e-4 for floats, equal otherwise); `refused` when the way says that it
cannot; `wrong`, or `does not load`, when it wrote something else.

    ours, ours-link  pot.opset, saved with weights="auto" and weights="link"
    onnx             onnx.load, onnx.version_converter.convert_version, onnx.save

`convert` is the conversion alone, `work` leaves only the imports out; of what fails there is only
`wall`, the time until it did. The last lines are ratios, onnx to ours, over the models for which
both have a time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
from measured_process import Measured, measured
from model_folder import Row, add_options, alike, link_into, medians, models_in, rows_of
from opset_children import WAYS

CHILDREN = Path(__file__).with_name("opset_children.py")
TOLERANCE = 1e-4


def main() -> int:
    """Measure and judge every model, print a table, write the JSON."""
    options = _options()
    _print_summary(rows_of(models_in(options.folder), options, _of_model))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--to", nargs="+", type=int, default=[17, 13, 11, 9])
    parser.add_argument("--only", nargs="+", choices=sorted(WAYS), default=list(WAYS))
    add_options(parser, repeat=3)
    return parser.parse_args()


def _of_model(model: Path, options: argparse.Namespace) -> list[Row]:
    proto = onnx.load(model, load_external_data=False)
    before = next((one.version for one in proto.opset_import if not one.domain), 0)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=options.work) as name:
        folder = Path(name)
        local = link_into(folder, model)
        expected = folder / "expected.npz"
        ran = _run(local, model.with_name("inputs_0.npz"), expected, options.timeout)
        if ran.code:
            print(f"{model.stem}: does not run: {ran.log[-200:]}", flush=True)
            return []
        print(f"\n{model.stem}: {len(proto.graph.node)} nodes of opset {before}\n{_HEAD}")
        for opset in options.to:
            if opset < before:
                rows += _rows(local, model, opset, expected, options)
    return rows


def _rows(
    local: Path, model: Path, opset: int, expected: Path, options: argparse.Namespace
) -> list[Row]:
    runs: dict[str, list[Row]] = {way: [] for way in options.only}
    verdicts: dict[str, Row] = {}
    for turn in range(options.repeat):
        for way in options.only:
            if "failed" in verdicts.get(way, {}):
                continue
            ran, spent = _once(way, local, opset, options.timeout)
            if spent is None:
                verdicts[way] = {"status": _failure(ran), "failed": ran.log, "wall": ran.wall}
                continue
            if turn == 0:
                inputs = model.with_name("inputs_0.npz")
                verdicts[way] = _judged(local, inputs, expected, options.timeout)
            runs[way].append({**asdict(ran), **spent})
    rows = []
    for way in options.only:
        row = {"model": model.stem, "to": opset, "way": way, **verdicts[way]}
        rows.append(row | medians(runs[way], _SPENT))
        print(_line(rows[-1]), flush=True)
    return rows


def _once(way: str, model: Path, opset: int, timeout: float) -> tuple[Measured, Row | None]:
    folder = model.parent
    result, timing = folder / "result.onnx", folder / "timing.json"
    for left in [*folder.glob("result*"), timing]:
        left.unlink(missing_ok=True)
    command = [sys.executable, CHILDREN, way, model, opset, result, timing]
    ran = measured(command, folder / "log", timeout)
    done = not ran.code and timing.exists() and result.exists()
    return ran, json.loads(timing.read_text()) if done else None


def _failure(ran: Measured) -> str:
    if ran.code == -9:
        return "timed out"
    if ran.code < 0:
        return f"crashed ({ran.code})"
    refusals = ("Refused", "ConvertError", "Unsupported", "No Adapter", "No Previous Version")
    return "refused" if any(word in ran.log for word in refusals) else "error"


def _run(model: Path, inputs: Path, outputs: Path, timeout: float) -> Measured:
    command = [sys.executable, CHILDREN, "run", model, inputs, outputs]
    return measured(command, outputs.with_suffix(".log"), timeout)


def _judged(local: Path, inputs: Path, expected: Path, timeout: float) -> Row:
    result, found = local.with_name("result.onnx"), local.with_name("found.npz")
    found.unlink(missing_ok=True)
    ran = _run(result, inputs, found, timeout)
    if ran.code:
        return {"status": "does not load", "error": ran.log}
    size = sum(one.stat().st_size for one in result.parent.glob("result.onnx*"))
    nodes = len(onnx.load(result, load_external_data=False).graph.node)
    ours, theirs = np.load(expected), np.load(found)
    good = set(ours.files) == set(theirs.files)
    good = good and all(alike(ours[name], theirs[name], TOLERANCE) for name in ours.files)
    return {"status": "ok" if good else "wrong", "nodes": nodes, "bytes": size}


_SPENT = ("wall", "work", "convert", "rss", "anon")

_HEAD = (
    f"  {'to':>3} {'way':10} {'status':14} {'nodes':>6} {'wall s':>7} {'work s':>7} "
    f"{'convert':>8} {'rss MB':>7} {'anon':>6} {'MB':>7}"
)


def _line(row: Row) -> str:
    formats = {"wall": "7.2f", "work": "7.2f", "convert": "8.3f", "rss": "7.0f", "anon": "6.0f"}
    spent = [
        format(row[key], shown) if key in row else " " * int(shown[0])
        for key, shown in formats.items()
    ]
    size = f"{row['bytes'] / 1e6:7.1f}" if "bytes" in row else ""
    head = f"  {row['to']:>3} {row['way']:10} {row['status']:14} {row.get('nodes', '-'):>6}"
    return " ".join([head, *spent, size])


def _print_summary(rows: list[Row]) -> None:
    """How many results are right, and how many times the time of ours onnx takes."""
    print(f"\n{'to':>3} {'way':10} {'ok':>7}  refused  wrong or not loaded")
    for opset in dict.fromkeys(row["to"] for row in rows):
        for way in dict.fromkeys(row["way"] for row in rows):
            mine = [row for row in rows if row["way"] == way and row["to"] == opset]
            good = sum(row["status"] == "ok" for row in mine)
            bad = sum(row["status"] in ("wrong", "does not load") for row in mine)
            share = f"{good}/{len(mine)}"
            print(f"{opset:>3} {way:10} {share:>7}  {len(mine) - good - bad:7}  {bad:19}")
    for key in ("convert", "work", "anon", "wall"):
        pairs = [
            other[key] / row[key]
            for row in rows
            for other in rows
            if (row["way"], other["way"]) == ("ours", "onnx")
            and (row["model"], row["to"]) == (other["model"], other["to"])
            and key in row
            and key in other
        ]
        if pairs:
            middle = statistics.median(pairs)
            print(
                f"onnx / ours, {key}: median {middle:.1f} of {len(pairs)}, least {min(pairs):.1f}"
            )


if __name__ == "__main__":
    raise SystemExit(main())
