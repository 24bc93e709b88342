"""Fixes the sizes of every model of a folder: ours beside onnxsim, onnxslim and polygraphy.

    python tests/bench/specialize_bench.py FOLDER [--only ours onnxsim ...] [--repeat 3]
        [--batch-only] [--models GLOB] [--json out.json]

FOLDER holds NAME/NAME.onnx with NAME/inputs_0.npz (and more of them) for each model; all dynamic
inputs are bound to the sizes of inputs_0. With --batch-only only the batch is bound: the named dim
that leads every input with a dynamic leading dim; results are then also run with the sizes of the
other inputs files, at the bound batch.

Every measurement is a fresh process; the ways are interleaved, medians are shown. A result is `ok`
when it gives the outputs of the unspecialized model under onnxruntime with all optimizations off.

    ours, ours-link  pot.specialize, saved with weights="auto" and weights="link"
    onnxsim          simplify, from file to file (--batch-only: behind `fixed`)
    onnxslim         slim, as its command line
    polygraphy       polygraphy surgeon sanitize --fold-constants --override-input-shapes
    fixed            onnxruntime.tools.make_dynamic_shape_fixed --dim_param (--batch-only)

`static-` counts values of the main graph without a fixed shape, by onnx's inference with data
propagation over what the file declares; `sizes` counts nodes that compute from sizes alone; `fused`
is the node count with the peers' fusions into Conv, Gemm and MatMul set aside (see
specialize_judge.py); `work` leaves the imports out.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
from measured_process import Measured, measured
from model_folder import Row, add_options, link_into, medians, models_in, rows_of

WAYS = ("ours", "ours-link", "onnxsim", "onnxslim", "polygraphy")
BATCH_WAYS = ("ours", "onnxsim", "fixed")
CHILDREN = Path(__file__).with_name("specialize_children.py")
JUDGE = Path(__file__).with_name("specialize_judge.py")


def main() -> int:
    """Measure and judge every model, print a table, write the JSON."""
    options = _options()
    _print_summary(rows_of(models_in(options.folder), options, _of_model))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", choices=sorted({*WAYS, *BATCH_WAYS}))
    add_options(parser, repeat=3)
    parser.add_argument("--batch-only", action="store_true")
    return parser.parse_args()


def _of_model(model: Path, options: argparse.Namespace) -> list[Row]:
    sizes = _sizes(model, options.batch_only)
    if sizes is None:
        return []
    with tempfile.TemporaryDirectory(dir=options.work) as name:
        folder = Path(name)
        local = link_into(folder, model)
        asked = folder / "sizes.json"
        asked.write_text(json.dumps(sizes))
        inputs = _inputs(model, sizes, folder)
        command = [sys.executable, JUDGE, "reference", local, folder / "reference", *inputs]
        ran = measured(command, folder / "log", options.timeout)
        if ran.code:
            print(f"{model.stem}: does not run: {ran.log[-200:]}", flush=True)
            return []
        original = json.loads((folder / "reference.json").read_text())
        row = {"model": model.stem, "way": "original", "status": "-", **original}
        print(f"\n{model.stem}\n{_HEAD}\n{_line(row)}", flush=True)
        ways = options.only or (BATCH_WAYS if options.batch_only else WAYS)
        return [row, *_rows(local, asked, inputs, ways, options)]


def _sizes(model: Path, batch_only: bool) -> Row | None:
    """What to bind; None when there is nothing to."""
    proto = onnx.load(model, load_external_data=False)
    given = np.load(model.with_name("inputs_0.npz"))
    shapes: dict[str, list[int]] = {}
    leading = []
    for info in proto.graph.input:
        dims = info.type.tensor_type.shape.dim
        if info.name not in given.files or all(dim.HasField("dim_value") for dim in dims):
            continue
        shapes[info.name] = list(given[info.name].shape)
        if not dims[0].HasField("dim_value"):
            leading.append((dims[0].dim_param, shapes[info.name][0]))
    if not batch_only:
        return {"shapes": shapes, "batch": None}
    if not leading or len(set(leading)) > 1 or not leading[0][0]:
        return None
    return {"shapes": shapes, "batch": leading[0], "symbol": leading[0][0]}


def _inputs(model: Path, sizes: Row, folder: Path) -> list[Path]:
    """Files of inputs that the specialized model takes."""
    files = sorted(model.parent.glob("inputs_?.npz"))
    if not sizes["batch"]:
        return files[:1]
    symbol, size = sizes["batch"]
    proto = onnx.load(model, load_external_data=False)
    made = []
    for path in files:
        feed = dict(np.load(path))
        for info in proto.graph.input:
            for axis, dim in enumerate(info.type.tensor_type.shape.dim):
                if dim.dim_param == symbol and info.name in feed:
                    data = feed[info.name]
                    feed[info.name] = data.take(np.arange(size) % data.shape[axis], axis)
        made.append(folder / path.name)
        np.savez(made[-1], **feed)
    return made


def _rows(
    model: Path, asked: Path, inputs: list[Path], ways: list[str], options: argparse.Namespace
) -> list[Row]:
    runs: dict[str, list[Row]] = {way: [] for way in ways}
    verdicts: dict[str, Row] = {}
    for turn in range(options.repeat):
        for way in ways:
            if verdicts.get(way, {}).get("failed"):
                continue
            ran, spent = _once(way, model, asked, options.timeout)
            if spent is None:
                verdicts[way] = {"status": _failure(ran), "failed": True, "error": ran.log}
                continue
            if turn == 0:
                verdicts[way] = _judged(model.with_name("result.onnx"), inputs, options.timeout)
            runs[way].append({**asdict(ran), **spent})
    rows = []
    for way in ways:
        row = {"model": model.stem, "way": way, **verdicts[way], **medians(runs[way], _SPENT)}
        rows.append({**row, "runs": runs[way]})
        print(_line(row), flush=True)
    return rows


def _once(way: str, model: Path, asked: Path, timeout: float) -> tuple[Measured, Row | None]:
    folder = model.parent
    result, timing = folder / "result.onnx", folder / "timing.json"
    for left in [*folder.glob("result*"), *folder.glob("fixed*"), timing]:
        left.unlink(missing_ok=True)
    command = [sys.executable, CHILDREN, way, model, asked, result, timing]
    ran = measured(command, folder / "log", timeout)
    done = not ran.code and timing.exists() and result.exists()
    return ran, json.loads(timing.read_text()) if done else None


def _failure(ran: Measured) -> str:
    if ran.code == -9:
        return "timed out or killed"
    return f"crashed ({ran.code})" if ran.code < 0 else "error"


def _judged(result: Path, inputs: list[Path], timeout: float) -> Row:
    verdict = result.with_name("verdict.json")
    verdict.unlink(missing_ok=True)
    out = result.with_name("reference")
    ran = measured(
        [sys.executable, JUDGE, "judge", result, verdict, out, *inputs],
        result.with_name("log"),
        timeout,
    )
    if not verdict.exists():
        return {"status": f"onnxruntime {_failure(ran)}", "error": ran.log}
    found: Row = json.loads(verdict.read_text())
    found["bytes"] = sum(one.stat().st_size for one in result.parent.glob("result.onnx*"))
    return found


_SPENT = ("wall", "cpu", "work", "work_cpu", "rss", "anon", "file")

_HEAD = (
    f"  {'way':10} {'status':20} {'nodes':>5} {'fused':>5} {'static-':>7} {'ops':>4} {'sizes':>5} "
    f"{'wall s':>7} {'cpu s':>7} {'work s':>7} {'rss MB':>6} {'anon':>5} {'file':>5} {'MB':>6}"
)


def _line(row: Row) -> str:
    declared = row.get("not_static", {}).get("declared")
    ops = sum(row["dynamic_ops"].values()) if "dynamic_ops" in row else None
    counts = [row.get("nodes"), row.get("fused"), declared, ops, row.get("size_nodes")]
    cells = [
        f"{'-' if count is None else count:>{width}}"
        for count, width in zip(counts, (5, 5, 7, 4, 5), strict=True)
    ]
    times = [f"{row[key]:7.2f}" if key in row else f"{'':7}" for key in ("wall", "cpu", "work")]
    memory = [
        f"{row[key]:{width}.0f}" if key in row else " " * width
        for key, width in (("rss", 6), ("anon", 5), ("file", 5))
    ]
    size = f"{row['bytes'] / 1e6:6.1f}" if "bytes" in row else ""
    head = f"  {row['way']:10} {row['status'][:20]:20}"
    return " ".join([head, *cells, *times, *memory, size])


def _print_summary(rows: list[Row]) -> None:
    """One line a way: how many results are right, medians, and sums over the models of `ok`."""
    print(f"\n{'way':10} {'ok':>7} {'work s':>7} {'wall s':>7} {'rss MB':>7}  static-  ops  sizes")
    for way in dict.fromkeys(row["way"] for row in rows):
        mine = [row for row in rows if row["way"] == way]
        good = [row for row in mine if row["status"] in ("ok", "-")]
        middle = medians([row for row in mine if "wall" in row], _SPENT)
        times = [f"{middle[k]:7.2f}" if middle else f"{'':7}" for k in ("work", "wall", "rss")]
        static = sum((row.get("not_static") or {}).get("declared") or 0 for row in good)
        ops = sum(sum(row["dynamic_ops"].values()) for row in good)
        sizes = sum(row["size_nodes"] for row in good)
        share = f"{len(good)}/{len(mine)}"
        print(f"{way:10} {share:>7} {' '.join(times)}  {static:7} {ops:4} {sizes:6}")


if __name__ == "__main__":
    raise SystemExit(main())
