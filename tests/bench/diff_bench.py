"""Times `pyonnxtool diff M@ort:none M@ort:all` beside the ways that people have without it.

    python tests/bench/diff_bench.py MODEL.onnx ... [--repeat 3] [--json out.json]
        [--polygraphy PATH] [--only floor script tool tool-introduced polygraphy]

Inputs: `--inputs FILE.npz`, or `inputs_0.npz` beside the model. Every measurement is a fresh
process; repeats of the ways are interleaved; medians are printed, and their ratio to the floor.

    floor            two bare onnxruntime sessions (no / all optimizations), one run each
    script           every value marked as an output, two sessions, four numpy metrics each
    tool             pyonnxtool diff --no-introduced
    tool-introduced  pyonnxtool diff
    polygraphy       polygraphy run --onnxrt --onnx-outputs mark all, saved, run again and compared

`wall` is the whole process, `work` leaves out the imports (not known for polygraphy), `rss` is the
peak of resident memory with mapped files (what other sessions share counts too), `anon` the peak
of private memory alone, sampled.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from measured_process import measured

WAYS = ("floor", "script", "tool", "tool-introduced", "polygraphy")
CHILDREN = Path(__file__).with_name("diff_bench_children.py")


@dataclass(frozen=True)
class Measurement:
    """Seconds and MB of one way on one model; `work` is None where it is not known."""

    wall: float
    work: float | None
    rss: float
    anon: float

    def __add__(self, other: Measurement) -> Measurement:
        """One process after the other."""
        known = self.work is not None and other.work is not None
        work = self.work + other.work if known else None
        rss, anon = max(self.rss, other.rss), max(self.anon, other.anon)
        return Measurement(self.wall + other.wall, work, rss, anon)


class ProcessError(Exception):
    """A process ended with an error or took too long."""


def main() -> int:
    """Measure, print a table per model, write the JSON."""
    options = _options()
    results = []
    for model in options.models:
        inputs = options.inputs or model.with_name("inputs_0.npz")
        print(f"\n{model.stem}", flush=True)
        runs = _measure(model, inputs, options)
        _print_table(runs)
        results += [
            {"model": model.stem, "way": way, "runs": [asdict(run) for run in done]}
            for way, done in runs.items()
        ]
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--inputs", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--polygraphy", default=shutil.which("polygraphy"), metavar="PATH")
    parser.add_argument("--only", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--tool-options", default="", help="more options for pyonnxtool diff")
    parser.add_argument("--timeout", type=float, default=900.0, help="seconds per process")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _measure(
    model: Path, inputs: Path, options: argparse.Namespace
) -> dict[str, list[Measurement]]:
    ways = [way for way in options.only if way != "polygraphy" or options.polygraphy]
    runs: dict[str, list[Measurement]] = {}
    for _ in range(options.repeat):
        for way in list(ways):
            try:
                with tempfile.TemporaryDirectory() as folder:
                    done = _once(way, model, inputs, Path(folder), options)
                runs.setdefault(way, []).append(done)
            except ProcessError as failure:
                print(f"  {way} failed: {failure}", flush=True)
                ways.remove(way)
    return runs


def _once(
    way: str, model: Path, inputs: Path, folder: Path, options: argparse.Namespace
) -> Measurement:
    if way == "polygraphy":
        return _polygraphy(model, inputs, folder, options)
    timing = folder / "timing.json"
    command = [sys.executable, CHILDREN, way, model, inputs, timing]
    return _process(command + options.tool_options.split(), timing, folder, options.timeout)


def _polygraphy(
    model: Path, inputs: Path, folder: Path, options: argparse.Namespace
) -> Measurement:
    loader, saved = folder / "loader.py", folder / "outputs.json"
    loader.write_text(
        f"import numpy as np\n\ndef load_data():\n    yield dict(np.load({str(inputs)!r}))\n"
    )
    # fmt: off
    run = [options.polygraphy, "run", model, "--onnxrt", "--onnx-outputs", "mark", "all",
           "--data-loader-script", loader]
    # fmt: on
    first = _process([*run, "--save-outputs", saved], None, folder, options.timeout)
    second = [*run, "--load-outputs", saved]
    return first + _process(second, None, folder, options.timeout, may_differ=True)


def _process(
    command: Sequence[object],
    timing: Path | None,
    folder: Path,
    timeout: float,
    may_differ: bool = False,
) -> Measurement:
    run = measured(command, folder / "log.txt", timeout)
    if run.code not in ((0, 1) if may_differ or timing else (0,)):
        raise ProcessError(f"exit code {run.code} after {run.wall:.1f} s: {run.log[-600:]}")
    if timing is not None and not timing.exists():
        raise ProcessError(run.log[-600:])
    work = json.loads(timing.read_text())["work"] if timing else None
    return Measurement(run.wall, work, run.rss, run.anon)


def _print_table(runs: dict[str, list[Measurement]]) -> None:
    head = f"{'way':16} {'wall s':>8} {'work s':>8} {'rss MB':>8} {'anon MB':>8}"
    print(f"  {head}   wall  work   rss  anon  (of the floor)")
    floor = _median(runs["floor"]) if "floor" in runs else None
    for way, done in runs.items():
        middle = _median(done)
        work = f"{middle.work:8.2f}" if middle.work is not None else f"{'-':>8}"
        line = f"{way:16} {middle.wall:8.2f} {work} {middle.rss:8.0f} {middle.anon:8.0f}"
        print(f"  {line}   {_ratios(middle, floor)}", flush=True)


def _ratios(middle: Measurement, floor: Measurement | None) -> str:
    if floor is None:
        return ""
    work = f"{middle.work / floor.work:5.2f}" if middle.work and floor.work else f"{'-':>5}"
    rss, anon = middle.rss / floor.rss, middle.anon / floor.anon
    return f"{middle.wall / floor.wall:4.2f} {work} {rss:5.2f} {anon:5.2f}"


def _median(runs: list[Measurement]) -> Measurement:
    works = [run.work for run in runs if run.work is not None]
    return Measurement(
        statistics.median(run.wall for run in runs),
        statistics.median(works) if works else None,
        statistics.median(run.rss for run in runs),
        statistics.median(run.anon for run in runs),
    )


if __name__ == "__main__":
    raise SystemExit(main())
