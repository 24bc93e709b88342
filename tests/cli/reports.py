"""Reports as diff and bisect give them, made by hand: what is drawn of them is tested here."""

from __future__ import annotations

import math
from typing import Any

from pyonnxtool.report import (
    BisectReport,
    Coverage,
    Culprit,
    DiffReport,
    Metrics,
    ValueRow,
    WeightRow,
)
from pyonnxtool.report_parts import GraphEdge, GraphNode, Surroundings

ALLOWED = 4.1e-6


def row(name: str, status: str = "ok", off: float = 0.0, **more: Any) -> ValueRow:
    """A value that is `off` by so much. Fields not given are those of a harmless Conv."""
    accumulated: Metrics = {
        "max_abs": off,
        "max_rel": off / 2,
        "sqnr_db": -20 * math.log10(off) if 0 < off < math.inf else math.inf if off == 0 else 0.0,
    }
    fields: dict[str, Any] = {
        "value": name,
        "reference_value": name,
        "node": f"{name}_node",
        "op_type": "Conv",
        "dtype": "float32",
        "shape": (1, 64, 56, 56),
        "status": status,
        "accumulated": accumulated,
        "introduced": {"max_abs": 1e-7},
        "gain": 1.25,
        "tolerance": ALLOWED,
    }
    return ValueRow(**{**fields, **more})


LONG = "/model/backbone/stages.3/blocks.11/attention/self/query/MatMul_output_0"
HOLES: Metrics = {"max_abs": 1e-7, "sqnr_db": 60.0, "nan_mismatch": 3}
NOTE = "NaN on one side only at 3 places"

VALUES = (
    *(row(f"early_{index}") for index in range(20)),
    row("noisy", "noise", 2e-6),
    row("bn_out", "bad", 3.2e-2, op_type="BatchNormalization", introduced={"max_abs": 3.2e-2}),
    row(LONG, "noise", 6.4e-2, op_type="MatMul", gain=2.0),
    row("[bold]markup[/bold]", "noise", 5e-2, gain=3.3e7),
    row("holes", "bad", 1e-7, introduced=HOLES, accumulated=HOLES, note=NOTE, gain=None),
    *(row(f"late_{index}", "noise", 1e-2) for index in range(20)),
)

OUTPUTS = (
    row("logits", "bad", 3.2e-2, op_type="Gemm", shape=(1, 1000)),
    row("boxes", "ok", 0.0, op_type="Gemm", shape=(1, 100, 4)),
)

WEIGHTS = (
    WeightRow("conv1.w", "conv1.w", "float32", (64, 3, 7, 7), 1, {"max_abs": 1e-3}),
    WeightRow("fc.b", "fc.b", "float32", (1000,), 0, note="float16 in the reference"),
)


def diff_report(verdict: str = "different", **more: Any) -> DiffReport:
    """A pair with a fault in `bn_out`."""
    fields: dict[str, Any] = {
        "reference": "good.onnx@ort:none",
        "candidate": "bad.onnx@ort:none",
        "values": VALUES,
        "outputs": OUTPUTS if verdict == "different" else OUTPUTS[1:],
        "weights": WEIGHTS if verdict == "different" else (),
        "weights_compared": 161,
        "coverage": Coverage(812, 37, 5, 2),
        "runs": {"reference": 3, "candidate": 4},
        "tolerance": "1e-05 of the output's scale (float32)",
    }
    return DiffReport(verdict, **{**fields, **more})


CULPRIT = Culprit(
    node="bn2",
    op_type="BatchNormalization",
    domain="",
    graph="main",
    outputs=("bn_out",),
    reference_node="bn2",
    reference_outputs=("bn_out",),
    introduced={"max_abs": 3.2e-2, "max_rel": 0.1, "sqnr_db": 31.2},
    accumulated={"max_abs": 3.2e-2, "max_rel": 0.1, "sqnr_db": 31.2},
    referee="candidate wrong",
    why="attribute epsilon differs: 1e-05 in the reference, 0.01 in the candidate",
    region=("bn2",),
    neighbourhood="reference  conv2 (Conv) -> bn2 (BatchNormalization) -> relu2 (Relu)\n"
    "candidate  conv2 (Conv) -> bn2 (BatchNormalization) -> relu2 (Relu)",
)

AROUND = Surroundings(
    nodes=(
        GraphNode("s0", "weight", "around", "bn.scale", "", ""),
        GraphNode("n1", "node", "around", "conv", "Conv", "", 0.0, 1e-5, "ok"),
        GraphNode("n2", "node", "culprit", "bn2", "BatchNormalization", "", 3e-2, 1e-5, "bad"),
        GraphNode("n3", "node", "region", "relu", "Relu", "com.example", 1e-6, 1e-5, "noise"),
        GraphNode("n4", "node", "around", "add", "Add", ""),
        GraphNode("t0", "output", "around", "y", "", ""),
    ),
    edges=(
        GraphEdge("s0", "n2", "bn.scale", "float32", (64,)),
        GraphEdge("n1", "n2", "conv_out", "float32", (1, 64, None, "w")),
        GraphEdge("n2", "n3", "bn_out", "float32", (1, 64, 8, 8)),
        GraphEdge("n1", "n4", "conv_out", "float32", (1, 64, None, "w")),
        GraphEdge("n3", "n4", "relu_out", "", None),
        GraphEdge("n4", "t0", "y", "float32", (1, 64, 8, 8)),
    ),
    left_out=3,
)
"""What is around CULPRIT, with every kind of box."""

NAMELESS = Culprit(
    node="",
    op_type="FusedConv",
    domain="com.microsoft",
    graph="loop_body",
    outputs=("y", "z"),
    reference_node="",
    reference_outputs=("y", "z"),
    introduced={"max_abs": 1e-7, "nan_mismatch": 1},
    accumulated={"max_abs": math.inf},
    why="weight `w` differs: 1 of 9,408 elements, the largest change 1e-03",
    region=("conv", "relu"),
)


def bisect_report(verdict: str = "fault", **more: Any) -> BisectReport:
    """The verdict with what usually comes with it."""
    extra: dict[str, dict[str, Any]] = {
        "fault": {"culprits": (CULPRIT, NAMELESS)},
        "drift": {
            "contributors": VALUES[20:24],
            "gains": VALUES[22:24],
            "reason": "the 8 largest contributions make up 80 % of the final difference",
        },
        "same": {"outputs": OUTPUTS[1:]},
        "inconclusive": {
            "reason": "only 2 of 127 values line up",
            "coverage": Coverage(2, 0, 5, 120),
            "observer_effect": "changes the result",
        },
    }
    fields: dict[str, Any] = {
        "reference": "good.onnx",
        "candidate": "bad.onnx",
        "outputs": OUTPUTS,
        "coverage": Coverage(19),
        "runs": {"reference": 3, "candidate": 4},
    }
    return BisectReport(verdict, **{**fields, **extra[verdict], **more})
