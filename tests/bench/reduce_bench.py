"""reduce against `polygraphy debug reduce`, on a graph of 41 nodes whose fault needs one or two.

python tests/bench/reduce_bench.py --polygraphy PATH/polygraphy

Both are given the same command that decides; pyonnxtool is also given the decision as a function
of its own process. Prints runs of the command, seconds and the nodes that are left.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

import pyonnxtool as pot

COUNT = 41
OPS = ("Relu", "Neg", "Tanh", "Sigmoid", "Abs", "Identity", "Softplus", "Sin")
CASES: dict[str, tuple[str, ...]] = {
    "one node": ("n17",),
    "two nodes": ("n11", "n29"),
    "two at the ends": ("n01", "n39"),
    "two neighbours": ("n20", "n21"),
    "two on two branches": ("n08", "n33"),
}
COMMAND = """
import sys
with open({log!r}, "a") as log:
    log.write("x")
data = open(sys.argv[1], "rb").read()
sys.exit(int(all(name in data for name in {needed!r})))
"""
Found = tuple[int, float, list[str]]


def graph(branches: bool) -> onnx.ModelProto:
    """A chain; or two chains that leave one node and meet in the last."""
    nodes, ends = [], ["x", "x"]
    for at in range(COUNT - 1 if branches else COUNT):
        side = at % 2 if branches else 0
        nodes.append(
            helper.make_node(OPS[at % len(OPS)], [ends[side]], [f"v{at:02}"], name=f"n{at:02}")
        )
        ends[side] = f"v{at:02}"
    if branches:
        nodes.append(helper.make_node("Add", ends, ["y"], name=f"n{COUNT - 1}"))
        ends[0] = "y"
    info = [helper.make_tensor_value_info(v, TensorProto.FLOAT, [1, 8]) for v in ("x", ends[0])]
    made = helper.make_graph(nodes, "reducible", info[:1], info[1:])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def by_function(model: onnx.ModelProto, needed: tuple[str, ...]) -> Found:
    started = time.perf_counter()
    report = pot.reduce(
        model,
        check=lambda part, _: set(needed) <= {node.name for node in part.graph.nodes},
        inputs={"x": np.ones((1, 8), np.float32)},
    )
    seconds = time.perf_counter() - started
    return report.trials, seconds, [node.node for node in report.nodes]


def by_command(path: Path, script: Path, log: Path) -> Found:
    out = path.parent / "out"
    command = f"{sys.executable} {script} {{model}}"
    words = [sys.executable, "-m", "pyonnxtool", "reduce", str(path), "--check", command]
    return _timed([*words, "-o", str(out), "-q"], log, out / "model.onnx")


def by_polygraphy(program: str, mode: str, path: Path, script: Path, log: Path) -> Found:
    left = path.parent / f"{mode}.onnx"
    words = [program, "debug", "reduce", str(path), "-o", str(left), "--mode", mode]
    words += ["--model-input-shapes", "x:[1,8]"]
    check = ["--check", sys.executable, str(script), "polygraphy_debug.onnx"]
    return _timed([*words, *check], log, left)


def _timed(words: list[str], log: Path, left: Path) -> Found:
    log.write_text("")
    started = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=log.parent)
    seconds = time.perf_counter() - started
    if not left.exists():
        raise SystemExit(f"{' '.join(words)}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    names = [node.name for node in onnx.load(left).graph.node]
    return len(log.read_text()), seconds, names


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--polygraphy", default="", help="the program, for the comparison")
    program = parser.parse_args().polygraphy
    print(f"{'case':20} {'tool':24} {'runs':>5} {'seconds':>8}  nodes left")
    for name, needed in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            path, script, log = (Path(folder, one) for one in ("m.onnx", "check.py", "log"))
            model = graph("branches" in name)
            onnx.save(model, path)
            script.write_text(COMMAND.format(log=str(log), needed=[one.encode() for one in needed]))
            rows = {"pyonnxtool, function": by_function(model, needed)}
            rows["pyonnxtool, command"] = by_command(path, script, log)
            for mode in ("bisect", "linear") if program else ():
                rows[f"polygraphy {mode}"] = by_polygraphy(program, mode, path, script, log)
        for tool, (runs, seconds, left) in rows.items():
            shown = " ".join(left) if len(left) <= 6 else f"{len(left)} nodes"
            print(f"{name:20} {tool:24} {runs:5} {seconds:8.2f}  {len(left)}: {shown}")


if __name__ == "__main__":
    main()
