"""Judges `bisect` on planted faults, disguises and controls; prints how many it names exactly.

python tests/bench/fault_bench.py                            # the zoo, all faults, all controls
python tests/bench/fault_bench.py --only 'resnet*/epsilon*'  # one corner, failures explained
python tests/bench/fault_bench.py --bed DIR --only 'bert*'   # models DIR/NAME/NAME.onnx
python tests/bench/fault_bench.py --json out.json --save DIR # failing pairs as files too
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import onnx

sys.path.insert(0, str(Path(__file__).parent.parent))

from support.disguise import DISGUISES
from support.graph_builder import Case
from support.ort_runs import DEMANDED, difference, run
from support.trials import (
    ALL_KINDS,
    GOOD,
    OUTCOMES,
    Trial,
    control_trials,
    drift_trials,
    exporter_trials,
    judge,
    optimized_trials,
    planted_trials,
    rewritten_trials,
)
from support.zoo import ZOO


def main() -> int:
    """Run the chosen trials; 0 when all went well."""
    options = _options()
    results = []
    for trial in _trials(options):
        if not fnmatch(trial.name, options.only):
            continue
        result = _run(trial, options.level)
        results.append(result)
        if result["outcome"] not in GOOD:
            _explain(trial, result, options.save)
    for key in ("kind", "disguise", "model"):
        _print_table(key, results)
    _print_total(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    return int(any(result["outcome"] not in GOOD for result in results))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="*", metavar="GLOB", help="MODEL/KIND/DISGUISE")
    parser.add_argument("--bed", type=Path, help="plant in DIR/NAME/NAME.onnx instead of the zoo")
    parser.add_argument("--seed", type=int, default=0, help="plants elsewhere")
    parser.add_argument("--level", help="onnxruntime's, where the tool's default is not meant")
    parser.add_argument("--exports", action="store_true", help="NAME_x of --bed against NAME_y")
    parser.add_argument("--all-disguises", action="store_true", help="each fault in each disguise")
    parser.add_argument("--no-controls", action="store_true")
    parser.add_argument("--onnxsim", default=shutil.which("onnxsim"), help="the onnxsim program")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--save", type=Path, help="write failing pairs and their inputs here")
    return parser.parse_args()


def _trials(options: argparse.Namespace) -> Iterator[Trial]:
    wanted, _, rest = options.only.partition("/")
    pattern = rest.rpartition("/")[0] or rest or "*"
    kinds = [kind for kind in ALL_KINDS if fnmatch(kind, pattern)]
    if options.exports:
        yield from _exports(options, wanted)
        return
    for case in _bed(options.bed, wanted) if options.bed else _zoo(wanted):
        looks = tuple(DISGUISES) if options.all_disguises else ()
        if options.bed and not looks:
            looks = ("none", "all_renamed")
        attempts = 3 if options.bed else 12
        yield from planted_trials(case, kinds, looks, attempts, options.seed)
        if not options.bed:
            yield from rewritten_trials(case, seed=options.seed)
        if not options.no_controls:
            with tempfile.TemporaryDirectory() as folder:
                yield from optimized_trials(case, Path(folder))
                yield from _simplified(case, options.onnxsim, Path(folder))
            if not options.bed:
                yield from control_trials(case)
    if not options.no_controls and not options.bed:
        yield from drift_trials()


def _zoo(wanted: str) -> Iterator[Case]:
    for name, make in ZOO.items():
        if fnmatch(name, wanted):
            yield make()


def _bed(folder: Path, wanted: str) -> Iterator[Case]:
    for path in sorted(folder.glob("*/*.onnx")):
        if not fnmatch(path.stem, wanted) or path.stem != path.parent.name:
            continue
        if path.with_name(path.name + ".data").exists():
            print(f"{path.stem}: weights outside the model, left out")
            continue
        case = Case(path.stem, onnx.load(path), (dict(np.load(path.parent / "inputs_0.npz")),))
        try:
            run(case.model, case.feeds)
        except Exception as error:
            print(f"{path.stem}: left out, onnxruntime says {str(error)[:120]}")
            continue
        yield case


def _exports(options: argparse.Namespace, wanted: str) -> Iterator[Trial]:
    """Models that differ in the last part of their name and take the same inputs."""
    earlier: dict[str, Case] = {}
    for case in _bed(options.bed, wanted):
        other = earlier.setdefault(case.name.rpartition("_")[0], case)
        try:
            alike = other is not case and difference(
                run(other.model, other.feeds), run(case.model, other.feeds)
            )
        except Exception:  # onnxruntime has many; another input name is no export of the same
            continue
        if alike is not False and alike is not None and alike < DEMANDED:
            yield from exporter_trials(other, case, ALL_KINDS, options.seed)


def _simplified(case: Case, onnxsim: str | None, folder: Path) -> Iterator[Trial]:
    if onnxsim is None:
        return
    source, target = folder / "in.onnx", folder / "simplified.onnx"
    onnx.save(case.model, source)
    done = subprocess.run([onnxsim, source, target], capture_output=True, check=False)
    if done.returncode or not target.exists():
        print(f"{case.name}: onnxsim failed")
        return
    model = onnx.load(target)
    effect = difference(run(case.model, case.feeds), run(model, case.feeds))
    yield Trial(
        case.name, "onnxsim", "none", case.model, model, case.feeds, "no fault", effect or 0.0
    )


def _run(trial: Trial, level: str | None) -> dict[str, Any]:
    from pyonnxtool.bisection import bisect

    started = time.perf_counter()
    result: dict[str, Any] = {
        "trial": trial.name, "model": trial.model, "kind": trial.kind, "disguise": trial.disguise,
        "fault": trial.description, "effect": str(trial.effect),
        "culprits": [sorted(names) for names in trial.culprits],
    }  # fmt: skip
    try:
        pair = (trial.reference, trial.candidate)
        if level:
            pair = tuple((model, f"ort:{level}") for model in pair)
        report = bisect(*pair, inputs=list(trial.feeds))
    except Exception:
        return result | {"outcome": "error", "said": traceback.format_exc(limit=-3)}
    named = [
        {"node": item.node, "reference_node": item.reference_node, "op": item.op_type,
         "outputs": list(item.outputs), "region": list(item.region), "why": item.why}
        for item in report.culprits
    ]  # fmt: skip
    return result | {
        "outcome": judge(trial, report), "verdict": report.verdict, "reason": report.reason,
        "named": named, "coverage": report.coverage.sentence(),
        "seconds": round(time.perf_counter() - started, 3),
    }  # fmt: skip


def _explain(trial: Trial, result: dict[str, Any], save: Path | None) -> None:
    print(f"{result['outcome'].upper()} {trial.name}: {trial.description}")
    print(f"  final outputs differ by {trial.effect:.3g}; expected {result['culprits']}")
    if result["outcome"] == "error":
        print("  " + result["said"].replace("\n", "\n  "))
    else:
        print(f"  said {result['verdict']}: {result['reason']} ({result['coverage']})")
        for item in result["named"][:4]:
            print(
                f"  named {item['op']} {item['node']} (reference {item['reference_node']}), "
                f"region {item['region'][:6]}, {item['why']}"
            )
    sys.stdout.flush()
    if save:
        folder = save / trial.name.replace("/", "__")
        folder.mkdir(parents=True, exist_ok=True)
        onnx.save(trial.reference, folder / "reference.onnx")
        onnx.save(trial.candidate, folder / "candidate.onnx")
        for number, feed in enumerate(trial.feeds):
            np.savez(folder / f"inputs_{number}.npz", **feed)
        (folder / "result.json").write_text(json.dumps(result, indent=1))


def _print_table(key: str, results: list[dict[str, Any]]) -> None:
    groups = sorted({_group(result[key]) for result in results})
    width = max(map(len, groups), default=4)
    used = [outcome for outcome in OUTCOMES if any(r["outcome"] == outcome for r in results)]
    print(f"\n{key:{width}} " + " ".join(f"{outcome:>11}" for outcome in used))
    for group in groups:
        counts = Counter(r["outcome"] for r in results if _group(r[key]) == group)
        print(f"{group:{width}} " + " ".join(f"{counts[o] or '.':>11}" for o in used))


def _group(name: str) -> str:
    """All faults in one kind of rewritten model share a row."""
    return name.rpartition("/")[0] if name.startswith(("rewritten/", "other export/")) else name


def _print_total(results: list[dict[str, Any]]) -> None:
    counts = Counter(result["outcome"] for result in results)
    faults = [r for r in results if r["culprits"] and r["outcome"] != "quiet"]
    exact = sum(r["outcome"] == "exact" for r in faults)
    seconds = sum(r.get("seconds", 0.0) for r in results)
    print(f"\n{len(results)} trials in {seconds:.0f} s: {dict(counts)}")
    print(f"{exact} of {len(faults)} faults that show in the final outputs named exactly")


if __name__ == "__main__":
    raise SystemExit(main())
