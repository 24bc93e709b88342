"""Our inference on models of any size, held against the shapes that onnxruntime really makes.

    python tests/bench/shapes_check.py FOLDER [--models GLOB] [--largest MB] [--verbose]

FOLDER holds NAME/NAME.onnx with NAME/inputs_0.npz. Each model is inferred as it is (sizes by name,
then evaluated at the sizes of the inputs) and with its inputs bound to these sizes; what the file
declares of other values than inputs is taken out. `open` counts sizes that stay unknown, `worse`
values of which onnx's inference with data propagation knows more at bound sizes. Exit code 1 when
anything disagrees.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx

sys.path.insert(0, str(Path(__file__).parent.parent))

from specialize_judge import lighten

from pyonnxtool import _core, from_proto
from support.ort_runs import all_values
from support.real_shapes import disagreements, less_exact


def main() -> int:
    """Check every model; 0 when nothing disagrees."""
    options = _options()
    wrong = 0
    print(f"{'model':26} values  open bound-open  rule-less worse  ours s  onnx s")
    for path in sorted(options.folder.glob("*/*.onnx")):
        small = path.stat().st_size < options.largest * 1e6
        if small and path.stem == path.parent.name and path.match(f"{options.models}/*.onnx"):
            wrong += _check(path, options.verbose)
    return int(wrong > 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", default="*", metavar="GLOB")
    parser.add_argument("--largest", type=float, default=500.0, metavar="MB")
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args()


def _check(path: Path, verbose: bool) -> int:
    model = onnx.load(path)
    fed = dict(np.load(path.with_name("inputs_0.npz")))
    try:
        came = dict(all_values(model, [fed]))
    except Exception as failure:
        print(f"{path.stem:26} does not run: {str(failure).splitlines()[0][:80]}", flush=True)
        return 0
    for graph_output in model.graph.output:
        graph_output.ClearField("type")
    del model.graph.value_info[:]
    sizes = {
        dim.dim_param: size
        for info in model.graph.input
        if info.name in fed
        for dim, size in zip(info.type.tensor_type.shape.dim, fed[info.name].shape, strict=True)
        if dim.dim_param
    }
    lighten(model)
    wrong, opened, rest, _ = _disagree(model, came, sizes)
    for info in model.graph.input:
        dims = info.type.tensor_type.shape.dim
        for dim, size in zip(dims, fed[info.name].shape if info.name in fed else (), strict=False):
            dim.dim_value = size
    more, bound, without, spent = _disagree(model, came, {})
    started = time.perf_counter()
    theirs = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    onnx_spent = time.perf_counter() - started
    facts = _core.infer_shapes(from_proto(model))
    worse = [
        f"{info.name} {text}"
        for info in [*theirs.value_info, *theirs.output]
        for text in less_exact(facts.value(info.name), info.type)
    ]
    print(
        f"{path.stem:26} {len(came):6} {sum(opened.values()):5} {sum(bound.values()):10} "
        f"{len(rest | without):9} {len(worse):5}  {spent:6.3f}  {onnx_spent:6.3f}",
        flush=True,
    )
    texts = [*(f"as it is: {text}" for text in wrong), *(f"bound: {text}" for text in more), *worse]
    for text in texts if verbose else texts[:5]:
        print(f"    {text}")
    for kind, reasons in (("open", opened), ("open when bound", bound)):
        for reason, count in reasons.most_common(None if verbose else 3):
            print(f"    {kind}: {count} of {reason}")
    if without:
        print(f"    no rule: {', '.join(sorted(without))}")
    return len(texts)


def _disagree(
    model: onnx.ModelProto, came: dict[str, Any], sizes: dict[str, int]
) -> tuple[list[str], Counter[str], set[str], float]:
    """What is wrong, why sizes are open, operators without a rule, seconds."""
    opened = from_proto(model)
    started = time.perf_counter()
    facts = _core.infer_shapes(opened)
    spent = time.perf_counter() - started
    found = [f"{node.label}: {message}" for node, message in facts.contradictions]
    reasons: Counter[str] = Counter()
    for name, real in came.items():
        fact = facts.value(name)
        found += [f"{name} {text}" for text in disagreements(fact, real, sizes)]
        if fact.dims is None or None in fact.dims:
            reasons[", ".join(fact.reasons) or "rank unknown"] += 1
    return found, reasons, {node.op_type for node in facts.without_rule}, spent


if __name__ == "__main__":
    raise SystemExit(main())
