"""Judges `bisect` on planted faults, disguises and controls; prints how many it names exactly.

python tests/bench/fault_bench.py                            # the zoo, all faults, all controls
python tests/bench/fault_bench.py --only 'resnet*/epsilon*'  # one corner, failures explained
python tests/bench/fault_bench.py --bed DIR --only 'bert*'   # models DIR/NAME/NAME.onnx
python tests/bench/fault_bench.py --pairs optimized --after 'ort_*' --sample 5
python tests/bench/fault_bench.py --json out.json --save DIR # failing pairs as files too
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx

sys.path.insert(0, str(Path(__file__).parent.parent))

from pyonnxtool.bisection import bisect
from support.disguise import DISGUISES
from support.graph_builder import Case
from support.optimized import optimized_trials
from support.optimizers import OPTIMIZERS, PRECISIONS, Optimizer, by_onnxsim
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
    planted_trials,
    rewritten_trials,
)
from support.zoo import ZOO


def main() -> int:
    """Run the chosen trials; 0 when all went well. Ctrl-C ends it with the tables so far."""
    options = _options()
    results: list[dict[str, Any]] = []
    with contextlib.suppress(KeyboardInterrupt):
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
    parser.add_argument("--pairs", default="*", metavar="GLOB", help=", ".join(PAIRS))
    parser.add_argument("--after", default="*", metavar="GLOB", help="of the optimizers")
    parser.add_argument("--sample", type=int, metavar="N", help="faults per model and pair")
    parser.add_argument("--bed", type=Path, help="plant in DIR/NAME/NAME.onnx instead of the zoo")
    parser.add_argument("--seed", type=int, default=0, help="plants elsewhere")
    parser.add_argument("--level", help="onnxruntime's, where the tool's default is not meant")
    parser.add_argument("--all-disguises", action="store_true", help="each fault in each disguise")
    parser.add_argument("--onnxsim", default=shutil.which("onnxsim"), help="the onnxsim program")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--save", type=Path, help="write failing pairs and their inputs here")
    return parser.parse_args()


PAIRS = ("plain", "rewritten", "optimized", "exports", "controls", "drift")
"""What is compared with what: the damaged model with itself; with one that is also rewritten; one
that an optimizer rewrote, damaged before or after that; the other exporter's file of the same
network (`--bed`: NAME_x and NAME_y); copies without a fault; rounding that grows."""


def _trials(options: argparse.Namespace) -> Iterator[Trial]:
    wanted, _, rest = options.only.partition("/")
    pattern = rest.rpartition("/")[0] or rest or "*"
    kinds = [kind for kind in ALL_KINDS if fnmatch(kind, pattern)] or list(ALL_KINDS)
    pairs = {pair for pair in PAIRS if fnmatch(pair, options.pairs)}
    for case in _bed(options.bed, wanted) if options.bed else _zoo(wanted):
        if "plain" in pairs:
            yield from _plain(case, kinds, options)
        if "rewritten" in pairs and not options.bed:
            yield from rewritten_trials(case, each=options.sample or 3, seed=options.seed)
        if "optimized" in pairs:
            chosen = _optimizers(options)
            yield from optimized_trials(case, chosen, kinds, options.sample or 3, options.seed)
        if "controls" in pairs and not options.bed:
            yield from control_trials(case)
    if "exports" in pairs and options.bed:
        yield from _exports(options, wanted)
    if "drift" in pairs and not options.bed:
        yield from drift_trials()


def _plain(case: Case, kinds: list[str], options: argparse.Namespace) -> Iterator[Trial]:
    looks = tuple(DISGUISES) if options.all_disguises else ()
    if options.bed and not looks:
        looks = ("none", "all_renamed")
    attempts = 3 if options.bed else 12
    yield from planted_trials(case, kinds, looks, attempts, options.seed, options.sample)


def _optimizers(options: argparse.Namespace) -> dict[str, Optimizer]:
    known = OPTIMIZERS | PRECISIONS
    if options.onnxsim:
        known["onnxsim"] = partial(by_onnxsim, options.onnxsim)
    return {name: optimize for name, optimize in known.items() if fnmatch(name, options.after)}


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
            yield from exporter_trials(other, case, ALL_KINDS, options.seed, options.sample)


def _run(trial: Trial, level: str | None) -> dict[str, Any]:
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


SHARED_ROWS = (
    "rewritten/", "other export/", *(f"{name}/" for name in (*OPTIMIZERS, *PRECISIONS, "onnxsim")),
)  # fmt: skip


def _group(name: str) -> str:
    """All faults in one kind of rewritten or optimized model share a row."""
    return name.rpartition("/")[0] if name.startswith(SHARED_ROWS) else name


def _print_total(results: list[dict[str, Any]]) -> None:
    counts = Counter(result["outcome"] for result in results)
    faults = [r for r in results if r["culprits"] and r["outcome"] != "quiet"]
    exact = sum(r["outcome"] == "exact" for r in faults)
    fused = sum(r["outcome"] == "fused" for r in faults)
    seconds = sum(r.get("seconds", 0.0) for r in results)
    print(f"\n{len(results)} trials in {seconds:.0f} s: {dict(counts)}")
    print(
        f"of {len(faults)} faults that show in the final outputs {exact} named exactly, "
        f"{fused} within the region that they were fused into"
    )


if __name__ == "__main__":
    raise SystemExit(main())
