"""What specialize_bench.py wants to know of a result, in a process of its own.

    specialize_judge.py reference MODEL OUT INPUTS.npz ...
    specialize_judge.py judge RESULT VERDICT.json OUT INPUTS.npz ...

The first runs the unspecialized model and writes OUT_0.npz, OUT_1.npz ... and OUT.json.
onnxruntime runs both with all optimizations off.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto

sys.path.insert(0, str(Path(__file__).parent.parent))

from support.ort_runs import difference

DYNAMIC_OPS = ("Shape", "Size", "ConstantOfShape", "Range", "If", "Loop", "Scan")
FULL, HALF, QUANTIZED = 1e-5, 1e-2, 5e-2
"""How far outputs may be apart, relative to their scale, as tests/support/ort_runs.py has it; one
step of an 8-bit scale is more."""
LARGE = 4096


def session(model: Path) -> onnxruntime.InferenceSession:
    """One that runs the graph as it is written."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.add_session_config_entry("session.disable_prepacking", "1")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(opened: onnxruntime.InferenceSession, inputs: list[Path]) -> Iterator[list[NDArray[Any]]]:
    """The final outputs for each file of inputs."""
    for path in inputs:
        yield opened.run(None, dict(np.load(path)))


def reference(model: Path, out: str, inputs: list[Path]) -> None:
    """What the unspecialized model gives; the survey of it."""
    for at, outputs in enumerate(run(session(model), inputs)):
        np.savez(f"{out}_{at}.npz", *outputs)
    Path(f"{out}.json").write_text(json.dumps(survey(model)))


def judge(result: Path, verdict: Path, out: str, inputs: list[Path]) -> None:
    """Whether the result is right, and what is left in it."""
    said: dict[str, Any] = {}
    stage = "is unreadable"
    try:
        said |= survey(result)
        stage = "does not load"
        opened = session(result)
        stage = "does not run"
        said["difference"] = worst = _compare(opened, out, inputs)
        said["status"] = "ok" if worst is not None and worst <= said["allowed"] else "is wrong"
    except Exception as failure:
        said["status"] = stage
        said["error"] = f"{type(failure).__name__}: {failure}"[:600]
    verdict.write_text(json.dumps(said))


def _compare(opened: onnxruntime.InferenceSession, out: str, inputs: list[Path]) -> float | None:
    """Largest difference; None when there is another number, shape or type of outputs."""
    stored = [np.load(f"{out}_{at}.npz") for at in range(len(inputs))]
    theirs = [[each[name] for name in each.files] for each in stored]
    return difference(theirs, list(run(opened, inputs)))


def survey(path: Path) -> dict[str, Any]:
    """What the graph holds: nodes, what computes sizes, values whose shape is not fixed.

    `fused` is the number of nodes after the fusions that a peer may have done to it are done in
    thought: a BatchNormalization or an Add of a constant behind the only Conv or MatMul that feeds
    it, a Pad before a Conv. So models are compared with these fusions set aside. Constant nodes are
    weights here, not nodes.
    """
    model = onnx.load(path, load_external_data=False)
    allowed = _allowed(model)
    lighten(model)
    nodes = [n for g in graphs_of(model) for n in g.node if n.op_type != "Constant"]
    kinds = Counter(node.op_type for node in nodes)
    return {
        "allowed": allowed,
        "nodes": len(nodes),
        "fused": len(nodes) - _fusible(model.graph),
        "dynamic_ops": {kind: kinds[kind] for kind in DYNAMIC_OPS if kinds[kind]},
        "size_nodes": _size_nodes(model.graph),
        "values": sum(1 for n in model.graph.node for v in n.output if v),
        "not_static": not_static(model),
        "bytes": path.stat().st_size,
    }


def _allowed(model: onnx.ModelProto) -> float:
    nodes = {node.op_type for node in model.graph.node}
    if any("Quantize" in op or "Integer" in op or op.startswith("QLinear") for op in nodes):
        return QUANTIZED
    half = any(t.data_type == TensorProto.FLOAT16 for t in model.graph.initializer)
    return HALF if half else FULL


def lighten(model: onnx.ModelProto) -> None:
    """Large weights lose their bytes: their type and shape are all that inference reads."""
    for graph in graphs_of(model):
        for tensor in _tensors(graph):
            if len(tensor.raw_data) > LARGE or tensor.ByteSize() > 2 * LARGE:
                for field in ("raw_data", "float_data", "int32_data", "int64_data", "double_data"):
                    tensor.ClearField(field)
                tensor.data_location = TensorProto.EXTERNAL
                tensor.external_data.add(key="location", value="left_out")


def _tensors(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        yield from (a.t for a in node.attribute if a.type == onnx.AttributeProto.TENSOR)


def graphs_of(model: onnx.ModelProto) -> Iterator[onnx.GraphProto]:
    """The main graph and all bodies."""
    waiting = [model.graph]
    while waiting:
        graph = waiting.pop()
        yield graph
        waiting += [a.g for n in graph.node for a in n.attribute if a.HasField("g")]


def not_static(model: onnx.ModelProto) -> dict[str, int | None]:
    """Values of the main graph without a fixed shape: by onnx's inference with data propagation
    on the bare graph, by the same with what the file says of its values, and by ours."""
    counts: dict[str, int | None] = {"declared": _by_onnx(model)}
    for graph in graphs_of(model):
        del graph.value_info[:]
    counts["onnx"] = _by_onnx(model)
    counts["ours"] = _by_ours(model)
    return counts


def _by_onnx(model: onnx.ModelProto) -> int | None:
    try:
        graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    except Exception:
        return None
    known = {
        info.name
        for info in [*graph.value_info, *graph.output]
        if info.type.tensor_type.HasField("shape")
        and all(dim.HasField("dim_value") for dim in info.type.tensor_type.shape.dim)
    }
    return sum(1 for n in graph.node for value in n.output if value and value not in known)


def _by_ours(model: onnx.ModelProto) -> int | None:
    try:
        from pyonnxtool import _core, from_proto

        facts = _core.infer_shapes(from_proto(model))
    except Exception:
        return None
    count = 0
    for node in model.graph.node:
        for name in filter(None, node.output):
            dims = facts.value(name).dims
            count += dims is None or not all(isinstance(dim, int) for dim in dims)
    return count


def _size_nodes(graph: onnx.GraphProto) -> int:
    """Nodes that compute from sizes alone: Shape, Size, and what reads only them and constants."""
    constant = {tensor.name for tensor in graph.initializer} | {""}
    sizes: set[str] = set()
    count = 0
    for node in graph.node:
        reads = set(node.input) - constant
        if node.op_type in {"Shape", "Size"} or (reads and reads <= sizes):
            sizes |= set(node.output)
            count += 1
        elif not reads and not any(a.HasField("g") for a in node.attribute):
            constant |= set(node.output)
    return count


def _fusible(graph: onnx.GraphProto) -> int:
    constant = {tensor.name for tensor in graph.initializer}
    constant |= {n.output[0] for n in graph.node if n.op_type == "Constant"}
    producer = {value: node for node in graph.node for value in node.output}
    reads = Counter(value for node in graph.node for value in node.input)
    reads.update(output.name for output in graph.output)

    def alone(value: str, *ops: str) -> bool:
        made = producer.get(value)
        return made is not None and made.op_type in ops and reads[value] == 1

    count = 0
    for node in graph.node:
        if node.op_type == "BatchNormalization":
            count += alone(node.input[0], "Conv", "ConvTranspose", "Gemm")
        elif node.op_type == "Add" and any(value in constant for value in node.input):
            count += any(alone(value, "Conv", "MatMul", "ConvTranspose") for value in node.input)
        elif node.op_type in ("Mul", "Div") and any(value in constant for value in node.input):
            count += any(alone(value, "Conv") for value in node.input)
        elif node.op_type == "Conv":
            count += alone(node.input[0], "Pad")
    return count


def main() -> None:
    """See the module."""
    what, *rest = sys.argv[1:]
    if what == "reference":
        model, out, *inputs = rest
        reference(Path(model), out, [Path(one) for one in inputs])
    else:
        result, verdict, out, *inputs = rest
        judge(Path(result), Path(verdict), out, [Path(one) for one in inputs])


if __name__ == "__main__":
    main()
