"""Edits every model of a folder: ours beside onnx-graphsurgeon, onnx and polygraphy.

    python tests/bench/surgery_bench.py FOLDER [--models GLOB] [--tasks TASK ...] [--only WAY ...]
        [--repeat 3] [--work DIR] [--json out.json]

FOLDER holds NAME/NAME.onnx with NAME/inputs_0.npz for each model; --work is a folder with room for
two copies of one. Every measurement is a fresh process; the ways are
interleaved, medians are shown. A result is `ok` when onnxruntime gives the outputs of the original,
with all optimizations off and within 1e-4 of the largest number.

    extract  what a value in the middle needs, with the inputs that that takes
    rename   the first input and output
    set-io   the first named size of the inputs, to that of inputs_0.npz
    script   an onnx-graphsurgeon script that scales the first output, and renames all nodes

    ours, ours-external  pot.extract ..., with weights where they are, and as a file of their own
    ours-cli             `pyonnxtool extract`, measured with its start
    graphsurgeon         onnx.load, gs.import_onnx, the edit, gs.export_onnx, onnx.save
    onnx.utils           onnx.utils.extract_model
    onnx                 a loop over the message, with external data left where they are
    onnx.tools           onnx.tools.update_model_dims
    polygraphy           `polygraphy surgeon extract`, with --save-external-data; -no-data with
                         --ignore-external-data

`work` leaves the imports out, `wall` does not; `anon` is the peak of private memory in MB, `disk`
what was written. The last lines are ratios to `ours`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from measured_process import Measured, measured
from model_folder import Row, add_options, alike, medians, models_in, rows_of
from surgery_children import COMMANDS, WAYS

import pyonnxtool as pot
from pyonnxtool.shapes import infer_shapes

CHILDREN = Path(__file__).with_name("surgery_children.py")
TOLERANCE = 1e-4
SCALE = 2.0
"""What the script multiplies the first output by."""


def main() -> int:
    """Measure and judge every model, print a table, write the JSON."""
    options = _options()
    _print_ratios(rows_of(models_in(options.folder), options, _of_model))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tasks", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--only", nargs="+", metavar="WAY")
    add_options(parser, repeat=3)
    return parser.parse_args()


def _of_model(model: Path, options: argparse.Namespace) -> list[Row]:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=options.work) as name:
        local = _copied_into(Path(name), model)
        inputs = model.with_name("inputs_0.npz")
        plan = _plan(local, inputs)
        print(f"\n{model.stem}: {json.dumps(plan)}\n{_HEAD}", flush=True)
        for task in options.tasks:
            trial = _Trial(task, local, inputs, plan, options)
            if trial.prepare():
                rows += trial.rows()
    return rows


def _copied_into(folder: Path, model: Path) -> Path:
    """The model and its external data in another folder: onnx reads no file that has two links."""
    for part in model.parent.glob(f"{model.name}*"):
        shutil.copy(part, folder / part.name)
    return folder / model.name


def _plan(model: Path, inputs: Path) -> dict[str, Any]:
    """What each task is to do."""
    graph = onnx.load(model, load_external_data=False).graph
    fed = np.load(inputs)
    sizes = [
        (size.dim_param, fed[value.name].shape[axis])
        for value in graph.input
        if value.name in fed.files
        for axis, size in enumerate(value.type.tensor_type.shape.dim)
        if size.dim_param.isidentifier()
    ]
    first, last = graph.input[0].name, graph.output[0].name
    return {
        "output": _middle(model),
        "names": {first: f"{first}_renamed", last: f"{last}_renamed"},
        "dims": dict(sizes[:1]),
    }


def _middle(model: Path) -> str:
    """The last value of the first half of the graph that is of floats and has three axes."""
    values = [one for one in infer_shapes(str(model)).values if one.node and one.graph == "main"]
    found = [
        one.value
        for one in values[: len(values) // 2]
        if one.dtype == "float32" and len(one.shape or ()) >= 3
    ]
    return found[-1]


class _Trial:
    """One task on one model."""

    def __init__(
        self,
        task: str,
        model: Path,
        inputs: Path,
        plan: dict[str, Any],
        options: argparse.Namespace,
    ) -> None:
        self._task, self._model, self._inputs = task, model, inputs
        self._plan, self._options = plan, options
        self._folder = model.parent
        self._written = self._folder / "plan.json"
        self._written.write_text(json.dumps(plan))
        names = [*WAYS[task], *COMMANDS.get(task, {})]
        self._ways = [one for one in names if one in (options.only or names)]

    def prepare(self) -> bool:
        """Run the original on what is compared; whether that worked."""
        wanted = [self._plan["output"]] if self._task == "extract" else []
        source = self._model
        if wanted:
            source = self._folder / "probed.onnx"
            pot.outputs(str(self._model), only=wanted).model.save(str(source), force=True)
        ran = self._run(source, self._expected)
        if ran.code:
            print(f"{self._model.stem}: does not run: {ran.log[-200:]}", flush=True)
        return not ran.code

    @property
    def _expected(self) -> Path:
        return self._folder / f"expected_{self._task}.npz"

    def rows(self) -> list[Row]:
        """Every way as often as asked, one after the other."""
        runs: dict[str, list[Row]] = {way: [] for way in self._ways}
        verdicts: dict[str, Row] = {}
        for turn in range(self._options.repeat):
            for way in self._ways:
                if "failed" in verdicts.get(way, {}):
                    continue
                with self._place() as folder:
                    ran, spent = self._once(way, folder)
                    if spent is None:
                        verdicts[way] = {"status": "failed", "failed": ran.log, "wall": ran.wall}
                        print(f"  {way} failed: {ran.log[-300:]}", flush=True)
                        continue
                    if turn == 0:
                        verdicts[way] = self._judged(folder)
                runs[way].append({**asdict(ran), **spent})
        rows = []
        for way in self._ways:
            row = {"model": self._model.stem, "task": self._task, "way": way, **verdicts[way]}
            rows.append(row | medians(runs[way], _SPENT))
            print(_line(rows[-1]), flush=True)
        return rows

    def _place(self) -> _Results:
        return _Results(self._folder)

    def _once(self, way: str, folder: _Results) -> tuple[Measured, Row | None]:
        log = self._folder / "log"
        commands = COMMANDS.get(self._task, {})
        if way in commands:
            line = commands[way](self._model, self._plan, folder.result)
            ran = measured(line, log, self._options.timeout)
            spent = {"work": ran.wall}  # as the start cannot be told apart
        else:
            task = (self._task, way, self._model, self._written, folder.result, folder.timing)
            ran = measured([sys.executable, CHILDREN, *task], log, self._options.timeout)
            spent = json.loads(folder.timing.read_text()) if folder.timing.exists() else {}
        return ran, spent if not ran.code and folder.result.exists() else None

    def _run(self, model: Path, outputs: Path) -> Measured:
        command = [sys.executable, CHILDREN, "run", model, self._inputs, outputs]
        return measured(command, outputs.with_suffix(".log"), self._options.timeout)

    def _judged(self, folder: _Results) -> Row:
        found = self._folder / "found.npz"
        found.unlink(missing_ok=True)
        size = sum(one.stat().st_size for one in folder.files())
        ran = self._run(folder.result, found)
        if ran.code:
            return {"status": "does not load", "error": ran.log, "disk": size / 1e6}
        expected, made = np.load(self._expected), np.load(found)
        pairs = [(expected[place], made[place]) for place in expected.files]
        if self._task == "script":
            pairs[0] = (pairs[0][0] * np.float32(SCALE), pairs[0][1])
        good = set(expected.files) == set(made.files) and all(
            alike(*pair, TOLERANCE) for pair in pairs
        )
        return {"status": "ok" if good else "wrong", "disk": size / 1e6}


class _Results:
    """Where one run writes; taken away afterwards, as results are large.

    It is the model's own folder: entries for external data point nowhere else.
    """

    def __init__(self, folder: Path) -> None:
        self._before = set(folder.iterdir())
        self._folder = folder
        self.result = folder / "result.onnx"
        self.timing = folder / "timing.json"

    def __enter__(self) -> _Results:
        for left in (self.result, self.timing):
            left.unlink(missing_ok=True)
        return self

    def files(self) -> Iterator[Path]:
        """What the run has written."""
        return (one for one in self._folder.iterdir() if self._is_new(one))

    def _is_new(self, path: Path) -> bool:
        return path not in self._before and path not in (self.timing, self._folder / "log")

    def __exit__(self, *_: object) -> None:
        for one in list(self.files()):
            if one.is_dir():
                shutil.rmtree(one)
            elif one.suffix != ".npz" or one.stem == "found":
                one.unlink()


_SPENT = ("wall", "work", "rss", "anon")
_HEAD = (
    f"  {'task':8} {'way':18} {'status':14} {'wall s':>7} {'work s':>7} {'rss MB':>7} "
    f"{'anon':>6} {'disk MB':>8}"
)


def _line(row: Row) -> str:
    formats = {"wall": "7.2f", "work": "7.3f", "rss": "7.0f", "anon": "6.0f", "disk": "8.1f"}
    spent = [
        format(row[key], shown) if key in row else " " * int(shown[0])
        for key, shown in formats.items()
    ]
    if _is_command(row) and len(spent) > 1:
        spent[1] = " " * 7
    return " ".join([f"  {row['task']:8} {row['way']:18} {row['status']:14}", *spent])


def _print_ratios(rows: list[Row]) -> None:
    """How many times the time and the memory of ours each other way takes."""
    for row in rows:
        ours = next(
            one
            for one in rows
            if (one["model"], one["task"], one["way"]) == (row["model"], row["task"], "ours")
        )
        if row is ours or "anon" not in row or "anon" not in ours:
            continue
        keys = ("wall", "anon") if _is_command(row) else ("wall", "work", "anon")
        told = ", ".join(f"{key} {row[key] / ours[key]:.1f}" for key in keys)
        print(f"{row['model']} {row['task']}: {row['way']} / ours: {told}")


def _is_command(row: Row) -> bool:
    return row["way"] in COMMANDS.get(row["task"], {})


if __name__ == "__main__":
    raise SystemExit(main())
