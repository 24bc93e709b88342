"""Transposes of every model of a folder: ours beside the peers that remove some.

    python tests/bench/layout_bench.py [FOLDER] [--zoo] [--only ours ort-basic ...] [--repeat 3]
        [--models GLOB] [--json out.json]

FOLDER holds NAME/NAME.onnx with NAME/inputs_0.npz for each model; --zoo adds the NHWC networks of
tests/support/zoo, large enough to be timed. Ways whose package is not installed are left out
(onnxsim, onnxslim, onnxoptimizer; tf2onnx wants tensorflow).

    ours           pot.layout(to="nchw")
    ours-nhwc      pot.layout(to="nhwc"): channels-last functions; not run unless asked for
    ort-basic, ort-extended, ort-all    what onnxruntime writes at that optimization level
    onnxsim, onnxslim, onnxoptimizer    as they come
    tf2onnx        its optimizers, as its converter runs them

`moved` are the bytes that Transposes move in one inference on inputs_0, by onnxruntime's profile of
the result as it is written; `reorder` those of its own blocked layout. `off` and `on` are the time
of one inference beside the original's, with optimizations off and on (below 1 is faster); a result
of onnxruntime itself is optimized already, so its `off` says little. `work` leaves imports out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
from layout_children import PRELOADED, WAYS
from measured_process import measured
from model_folder import Row, add_options, link_into, models_in, rows_of

sys.path.insert(0, str(Path(__file__).parent.parent))

from support.zoo.channels_last import NHWC_ZOO

CHILDREN = Path(__file__).with_name("layout_children.py")
JUDGE = Path(__file__).with_name("layout_judge.py")
ZOO_SIDE, ZOO_WIDTH = 96, 24


def main() -> int:
    """Measure and judge every model, print tables, write the JSON."""
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.work) as name:
        models = models_in(options.folder) if options.folder else []
        models += _zoo(Path(name)) if options.zoo else []
        _print_summary(rows_of(models, options, _of_model))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--zoo", action="store_true")
    parser.add_argument("--only", nargs="+", choices=list(WAYS))
    add_options(parser, repeat=1)
    return parser.parse_args()


def _zoo(folder: Path) -> list[Path]:
    made = []
    for name, build in NHWC_ZOO.items():
        case = build(side=ZOO_SIDE if name not in ("attention",) else 32, width=ZOO_WIDTH)
        made.append(folder / case.name / f"{case.name}.onnx")
        made[-1].parent.mkdir()
        onnx.save(case.model, made[-1])
        np.savez(made[-1].with_name("inputs_0.npz"), **case.feeds[0])
    return made


def _ways(options: argparse.Namespace) -> list[str]:
    if options.only:
        return list(options.only)
    return [
        way
        for way, modules in PRELOADED.items()
        if way != "ours-nhwc" and importlib.util.find_spec(modules[-1].partition(".")[0])
    ]


def _of_model(model: Path, options: argparse.Namespace) -> list[Row]:
    inputs = model.with_name("inputs_0.npz")
    with tempfile.TemporaryDirectory(dir=options.work) as name:
        folder = Path(name)
        local = link_into(folder, model)
        local = folder / model.name
        row = {"model": model.stem, "way": "original", **_judged(local, local, inputs, options)}
        print(f"\n{model.stem}\n{_HEAD}\n{_line(row)}", flush=True)
        rows = [row]
        for way in _ways(options):
            rows.append({"model": model.stem, "way": way, **_way(way, local, inputs, options)})
            print(_line(rows[-1]), flush=True)
    return rows


def _way(way: str, model: Path, inputs: Path, options: argparse.Namespace) -> Row:
    result, timing = model.with_name("result.onnx"), model.with_name("timing.json")
    runs: list[Row] = []
    for _ in range(options.repeat):
        for left in [*model.parent.glob("result*"), timing]:
            left.unlink(missing_ok=True)
        command = [sys.executable, CHILDREN, way, model, result, timing]
        ran = measured(command, model.with_name("log"), options.timeout)
        if ran.code or not timing.exists() or not result.exists():
            return {"status": f"failed ({ran.code})", "error": ran.log}
        runs.append({**asdict(ran), **json.loads(timing.read_text())})
    work = {key: statistics.median(run[key] for run in runs) for key in ("work", "wall", "rss")}
    return {**_judged(model, result, inputs, options), **work}


def _judged(model: Path, result: Path, inputs: Path, options: argparse.Namespace) -> Row:
    verdict = model.with_name("verdict.json")
    verdict.unlink(missing_ok=True)
    command = [sys.executable, JUDGE, model, result, inputs, verdict]
    ran = measured(command, model.with_name("log"), options.timeout)
    if not verdict.exists():
        return {"status": "does not run", "error": ran.log}
    found: Row = json.loads(verdict.read_text())
    return found


_HEAD = (
    f"  {'way':13} {'status':12} {'nodes':>5} {'transposes':>10} {'moved kB':>9} {'reorder':>8} "
    f"{'off':>5} {'on':>5} {'work s':>7}"
)


def _line(row: Row) -> str:
    head = f"  {row['way']:13} {row['status'][:12]:12}"
    if "moved" not in row:
        return head
    off, on = (row[f"time_{name}"] / row[f"original_{name}"] for name in ("off", "on"))
    counts = f"{row['nodes']:5} {row['transposes']:10} {row['moved'] / 1e3:9.1f}"
    work = f"{row['work']:7.3f}" if "work" in row else ""
    return f"{head} {counts} {row['reorders'] / 1e3:8.1f} {off:5.2f} {on:5.2f} {work}"


def _print_summary(rows: list[Row]) -> None:
    """One line a way: how many are right, what all of those move beside the original."""
    before = {row["model"]: row for row in rows if row["way"] == "original" and "moved" in row}
    print(f"\n{'way':13} {'ok':>7} {'moved MB':>9} {'of MB':>9} {'off':>5} {'on':>5} {'work s':>7}")
    for way in dict.fromkeys(row["way"] for row in rows):
        mine = [row for row in rows if row["way"] == way]
        good = [row for row in mine if row["status"] == "ok" and row["model"] in before]
        if not good:
            continue
        after = sum(row["moved"] for row in good) / 1e6
        whole = sum(before[row["model"]]["moved"] for row in good) / 1e6
        ratios = [
            statistics.median(row[f"time_{name}"] / row[f"original_{name}"] for row in good)
            for name in ("off", "on")
        ]
        work = statistics.median(row.get("work", 0.0) for row in good)
        share = f"{len(good)}/{len(mine)}"
        times = " ".join(f"{ratio:5.2f}" for ratio in ratios)
        print(f"{way:13} {share:>7} {after:9.2f} {whole:9.2f} {times} {work:7.3f}")


if __name__ == "__main__":
    raise SystemExit(main())
