"""What is in a model, told from its structure alone: no weight is read, no backend is asked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pyonnxtool import _core
from pyonnxtool.model import ModelLike, as_model
from pyonnxtool.rewriting.graphs import graphs_under
from pyonnxtool.runtimes import oldest_that_take
from pyonnxtool.shapes import Shapes, infer_shapes

STANDARD_DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training"}


@dataclass(frozen=True)
class Port:
    """An input or output of the model. A size is a number, a name, or None when unknown."""

    name: str
    kind: str
    dtype: str | None
    shape: tuple[int | str | None, ...] | None


@dataclass(frozen=True)
class Storage:
    """Weights of one dtype: how many, how many bytes."""

    dtype: str
    count: int
    nbytes: int


@dataclass(frozen=True)
class Weights:
    """All initializers, those of subgraphs included."""

    count: int
    nbytes: int
    inside: int
    """Bytes that lie in the model file itself."""
    external: int
    """Bytes that lie in other files."""
    files: tuple[str, ...]
    dtypes: tuple[Storage, ...]
    """Most bytes first."""


@dataclass(frozen=True)
class Unused:
    """A value that nothing reads. `kind` is "input", "weight" or "result" (of `node`)."""

    name: str
    kind: str
    node: str = ""
    op_type: str = ""


@dataclass(frozen=True)
class Place:
    """A node that deserves a look: a random op, or one of a domain that ONNX does not define."""

    node: str
    op_type: str
    domain: str
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class FunctionSummary:
    """A function that the model defines, with its nodes and how often it is called."""

    name: str
    domain: str
    nodes: int
    calls: int


@dataclass(frozen=True)
class Inspection:
    """The facts of one model; nodes in the bodies of If, Loop and Scan count as nodes."""

    path: str
    ir_version: int
    producer: str
    opsets: dict[str, int]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    nodes: int
    subgraphs: int
    ops: dict[str, int]
    """How often each operator occurs: `Conv`, or `domain::Op` outside ONNX's main domain."""
    weights: Weights
    dynamic_dims: dict[str, tuple[str, ...]]
    """Name of a dimension ("?" without one) to the inputs and axes that have it: `x[0]`."""
    unused: tuple[Unused, ...]
    custom_ops: tuple[Place, ...]
    random_ops: tuple[Place, ...]
    functions: tuple[FunctionSummary, ...]
    runtimes: tuple[str, ...] = ()
    """Of each runtime that is known the oldest release that takes the opset and the IR version."""
    shapes: Shapes | None = None
    """Inferred shapes of all values, where they were asked for."""

    def to_json(self) -> str:
        """`pyonnxtool/inspect/1`."""
        return json.dumps({"schema": "pyonnxtool/inspect/1", **asdict(self)}, indent=1)


def inspect(given: ModelLike, *, shapes: bool = False) -> Inspection:
    """Facts of a model: a path, a Model or an `onnx.ModelProto`.

    `shapes`: the shape of every value too, which are inferred. Raises ModelError for a file that is
    not there or is no model.
    """
    model = as_model(given)
    graphs = list(graphs_under(model.graph))
    nodes = [node for graph in graphs for node in graph.nodes]
    calls = Counter(key_of(node) for node in nodes)
    random = random_ops()
    functions = {(function.domain, function.name): function for function in model.functions}
    inputs = tuple(real_inputs(model.graph))
    return Inspection(
        path=model.path,
        ir_version=model.ir_version,
        producer=f"{model.producer_name} {model.producer_version}".strip(),
        opsets={domain or "ai.onnx": version for domain, version in model.opset_imports.items()},
        inputs=tuple(port(value) for value in inputs),
        outputs=tuple(port(value) for value in model.graph.outputs),
        nodes=len(nodes),
        subgraphs=len(graphs) - 1,
        ops=dict(Counter(qualified(node) for node in nodes).most_common()),
        weights=weights_of(model, graphs),
        dynamic_dims=dynamic_dims(inputs),
        unused=tuple(item for graph in graphs for item in unused_in(graph)),
        custom_ops=tuple(
            place(node)
            for node in nodes
            if node.domain not in STANDARD_DOMAINS and key_of(node) not in functions
        ),
        random_ops=tuple(place(node) for node in nodes if key_of(node) in random),
        functions=tuple(
            FunctionSummary(name, domain, len(function.graph.nodes), calls[(domain, name)])
            for (domain, name), function in functions.items()
        ),
        runtimes=tuple(
            one.name for one in oldest_that_take(model.opset_imports.get("", 1), model.ir_version)
        ),
        shapes=infer_shapes(model) if shapes else None,
    )


def real_inputs(graph: _core.Graph) -> Iterator[_core.Value]:
    """Inputs that must be fed; old models list their weights as inputs too."""
    weights = {tensor.name for tensor in graph.initializers}
    return (value for value in graph.inputs if value.name not in weights)


def port(value: _core.Value) -> Port:
    """The facts of an input or output."""
    return Port(value.name, value.kind, value.dtype, value.shape)


def place(node: _core.Node) -> Place:
    """Where a node is."""
    made = tuple(name for name in node.output_names if name)
    return Place(node.name, node.op_type, node.domain, made)


def key_of(node: _core.Node) -> tuple[str, str]:
    """Domain and operator; ONNX's main domain has two spellings, and "" stands for both."""
    return ("" if node.domain == "ai.onnx" else node.domain, node.op_type)


def qualified(node: _core.Node) -> str:
    """`Conv`, or `com.microsoft::FusedConv` outside ONNX's main domain."""
    domain, op_type = key_of(node)
    return f"{domain}::{op_type}" if domain else op_type


def random_ops() -> set[tuple[str, str]]:
    """Domain and type of the operators whose results two runtimes never agree on."""
    return {(op.domain, op.op_type) for op in _core.op_table() if op.random}


def weights_of(model: _core.Model, graphs: list[_core.Graph]) -> Weights:
    """Sizes and places of all initializers."""
    tensors = [tensor for graph in graphs for tensor in graph.initializers]
    own = Path(model.path).resolve() if model.path else None
    external = 0
    for tensor in tensors:
        if tensor.location is not None and Path(tensor.location[0]).resolve() != own:
            external += tensor.nbytes
    total = sum(tensor.nbytes for tensor in tensors)
    counts = Counter(tensor.dtype for tensor in tensors)
    sizes: Counter[str] = Counter()
    for tensor in tensors:
        sizes[tensor.dtype] += tensor.nbytes
    return Weights(
        count=len(tensors),
        nbytes=total,
        inside=total - external,
        external=external,
        files=tuple(model.external_files()),
        dtypes=tuple(Storage(dtype, counts[dtype], n) for dtype, n in sizes.most_common()),
    )


def dynamic_dims(inputs: tuple[_core.Value, ...]) -> dict[str, tuple[str, ...]]:
    """Which axes of which inputs have a size that is only known when the model runs."""
    places: dict[str, list[str]] = {}
    for value in inputs:
        for axis, size in enumerate(value.shape or ()):
            if not isinstance(size, int):
                places.setdefault(size or "?", []).append(f"{value.name}[{axis}]")
    return {name: tuple(found) for name, found in places.items()}


def unused_in(graph: _core.Graph) -> Iterator[Unused]:
    """Inputs, weights and results of one graph that neither a node nor an output reads.

    Inputs of a body are left out: If, Loop and Scan prescribe them.
    """
    read = {value.name for value in graph.outputs}
    for node in graph.nodes:
        read.update(node.input_names)
        read.update(value.name for value in node.captured)
    if graph.parent is None:
        for value in real_inputs(graph):
            if value.name not in read:
                yield Unused(value.name, "input")
    for tensor in graph.initializers:
        if tensor.name not in read:
            yield Unused(tensor.name, "weight")
    for node in graph.nodes:
        for name in node.output_names:
            if name and name not in read:
                yield Unused(name, "result", node.name, qualified(node))
