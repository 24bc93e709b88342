"""Random graphs of operators that name axes, with Transposes between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSETS = (11, 12, 13, 15, 18, 21)
MOST_SIZE, MOST_RANK = 12, 5


class AxisGraph:
    """A graph in the making; every choice comes from one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.opset = self.chance.choice(OPSETS)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.dims: dict[str, list[int]] = {}
        for at in range(self.chance.randrange(1, 3)):
            rank = self.chance.randrange(2, 5)
            self.dims[f"x{at}"] = [self.chance.choice([1, 2, 3, 4]) for _ in range(rank)]
        self.inputs = list(self.dims)

    def model(self) -> onnx.ModelProto:
        """Every end is an output."""
        read = {name for node in self.nodes for name in node.input}
        ends = [name for name in self.dims if name not in read and name not in self.inputs]
        infos = {
            name: helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
            for name, dims in self.dims.items()
        }
        graph = helper.make_graph(
            self.nodes,
            "g",
            [infos[name] for name in self.inputs],
            [infos[name] for name in ends],
            self.constants,
            value_info=[infos[name] for name in self.dims if name in read],
        )
        opsets = [helper.make_opsetid("", self.opset)]
        return helper.make_model(graph, ir_version=8, opset_imports=opsets)

    def node(self, op_type: str, inputs: Sequence[str], *dims: list[int], **how: Any) -> list[str]:
        """Its outputs, of these sizes."""
        made = [f"v{len(self.nodes)}_{at}" for at in range(len(dims))]
        self.nodes.append(helper.make_node(op_type, inputs, made, name=f"n{made[0]}", **how))
        self.dims.update(zip(made, dims, strict=True))
        return made

    def indices(self, made: str) -> None:
        """What is no float goes on as one."""
        dims = self.dims.pop(made)
        self.node("Cast", [made], dims, to=TensorProto.FLOAT)

    def ints(self, numbers: Any) -> str:
        return self.constant(np.asarray(numbers, np.int64))

    def constant(self, array: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def shown(self, axis: int, rank: int) -> int:
        """Sometimes counted from the end."""
        return axis - rank if self.chance.random() < 0.3 else axis

    def listed(self, name: str, numbers: list[int], since: int) -> tuple[list[str], dict[str, Any]]:
        """As an input from this opset on, before that as an attribute."""
        return ([self.ints(numbers)], {}) if self.opset >= since else ([], {name: numbers})

    def step(self) -> None:
        """Another operator on one of the values, where it fits."""
        source = self.chance.choice(list(self.dims))
        if self.dims[source]:
            self.chance.choice(STEPS)(self, source, list(self.dims[source]))


def transpose(graph: AxisGraph, source: str, dims: list[int]) -> None:
    order = graph.chance.sample(range(len(dims)), len(dims))
    graph.node("Transpose", [source], [dims[at] for at in order], perm=order)


def concat(graph: AxisGraph, source: str, dims: list[int]) -> None:
    axis = graph.chance.randrange(len(dims))
    fitting = [
        name
        for name, other in graph.dims.items()
        if len(other) == len(dims)
        and all(at == axis or other[at] == size for at, size in enumerate(dims))
    ]
    other = graph.chance.choice(fitting)
    joined = [*dims]
    joined[axis] += graph.dims[other][axis]
    if joined[axis] <= MOST_SIZE:
        graph.node("Concat", [source, other], joined, axis=graph.shown(axis, len(dims)))


def split(graph: AxisGraph, source: str, dims: list[int]) -> None:
    axis = graph.chance.randrange(len(dims))
    if dims[axis] > 1:
        first = graph.chance.randrange(1, dims[axis])
        parts = [first, dims[axis] - first]
        inputs, how = graph.listed("split", parts, 13)
        sizes = [[part if at == axis else n for at, n in enumerate(dims)] for part in parts]
        how["axis"] = graph.shown(axis, len(dims))
        graph.node("Split", [source, *inputs], *sizes, **how)


def cut(graph: AxisGraph, source: str, dims: list[int]) -> None:
    axis = graph.chance.randrange(len(dims))
    if dims[axis] > 1:
        step = graph.chance.choice([1, 2, -1])
        start, end = (0, dims[axis] - 1) if step > 0 else (dims[axis] - 1, -100)
        bounds = [start, end, graph.shown(axis, len(dims)), step]
        left = [*dims]
        left[axis] = len(range(start, end, step)) if step > 0 else dims[axis]
        graph.node("Slice", [source, *[graph.ints([one]) for one in bounds]], left)


def pad(graph: AxisGraph, source: str, dims: list[int]) -> None:
    pads = [graph.chance.choice([0, 0, 1]) for _ in range(2 * len(dims))]
    grown = [size + sum(pads[at :: len(dims)]) for at, size in enumerate(dims)]
    mode = graph.chance.choice(["constant", "edge"])
    graph.node("Pad", [source, graph.ints(pads)], grown, mode=mode)


def gather(graph: AxisGraph, source: str, dims: list[int]) -> None:
    axis = graph.chance.randrange(len(dims))
    shape = [graph.chance.randrange(1, 3) for _ in range(graph.chance.randrange(3))]
    left = [*dims[:axis], *shape, *dims[axis + 1 :]]
    if len(left) <= MOST_RANK:
        chosen = graph.ints(graph.numbers.integers(0, dims[axis], shape))
        graph.node("Gather", [source, chosen], left, axis=graph.shown(axis, len(dims)))


def gather_elements(graph: AxisGraph, source: str, dims: list[int]) -> None:
    axis = graph.chance.randrange(len(dims))
    shape = [graph.chance.randrange(1, 4) if at == axis else n for at, n in enumerate(dims)]
    chosen = graph.ints(graph.numbers.integers(0, dims[axis], shape))
    graph.node("GatherElements", [source, chosen], shape, axis=graph.shown(axis, len(dims)))


def slices(graph: AxisGraph, source: str, dims: list[int]) -> None:
    count = graph.chance.randrange(1, len(dims) + 1)
    tuples = np.stack([graph.numbers.integers(0, size, 2) for size in dims[:count]], -1)
    if graph.chance.random() < 0.5:
        graph.node("GatherND", [source, graph.ints(tuples)], [2, *dims[count:]])
        return
    rows = graph.constant(graph.numbers.normal(size=(1, *dims[count:])).astype(np.float32))
    graph.node("ScatterND", [source, graph.ints(tuples[:1]), rows], dims)


def reduce(graph: AxisGraph, source: str, dims: list[int]) -> None:
    axes = graph.chance.sample(range(len(dims)), graph.chance.randrange(1, len(dims) + 1))
    op_type = graph.chance.choice(["ReduceMax", "ReduceMin", "ReduceMean", "ReduceSum"])
    shown = [graph.shown(axis, len(dims)) for axis in axes]
    inputs, how = graph.listed("axes", shown, 13 if op_type == "ReduceSum" else 18)
    kept = [1 if at in axes else size for at, size in enumerate(dims)]
    if keeps := graph.chance.randrange(2):
        graph.node(op_type, [source, *inputs], kept, keepdims=keeps, **how)
        return
    left = [size for at, size in enumerate(dims) if at not in axes]
    graph.node(op_type, [source, *inputs], left, keepdims=keeps, **how)


def extremes(graph: AxisGraph, source: str, dims: list[int]) -> None:
    axis = graph.chance.randrange(len(dims))
    shown = graph.shown(axis, len(dims))
    if graph.chance.random() < 0.5:
        (made,) = graph.node(
            "ArgMax", [source], dims[:axis] + dims[axis + 1 :], axis=shown, keepdims=0
        )
        graph.indices(made)
        return
    count = graph.chance.randrange(1, dims[axis] + 1)
    left = [count if at == axis else size for at, size in enumerate(dims)]
    _, places = graph.node("TopK", [source, graph.ints([count])], left, [*left], axis=shown)
    graph.indices(places)


def along(graph: AxisGraph, source: str, dims: list[int]) -> None:
    axis = graph.shown(graph.chance.randrange(len(dims)), len(dims))
    if graph.chance.random() < 0.5:
        graph.node("Softmax", [source], dims, axis=axis)
    else:
        graph.node("CumSum", [source, graph.ints(axis)], dims)


def squeeze(graph: AxisGraph, source: str, dims: list[int]) -> None:
    ones = [at for at, size in enumerate(dims) if size == 1]
    if ones:
        axis = graph.chance.choice(ones)
        inputs, how = graph.listed("axes", [graph.shown(axis, len(dims))], 13)
        graph.node("Squeeze", [source, *inputs], dims[:axis] + dims[axis + 1 :], **how)


def unsqueeze(graph: AxisGraph, source: str, dims: list[int]) -> None:
    if len(dims) < MOST_RANK:
        axis = graph.chance.randrange(len(dims) + 1)
        inputs, how = graph.listed("axes", [axis], 13)
        graph.node("Unsqueeze", [source, *inputs], [*dims[:axis], 1, *dims[axis:]], **how)


def resize(graph: AxisGraph, source: str, dims: list[int]) -> None:
    axis = graph.chance.randrange(len(dims))
    if 2 * dims[axis] <= MOST_SIZE:
        scales = [2.0 if at == axis else 1.0 for at in range(len(dims))]
        region = graph.constant(np.zeros(0, np.float32))
        grown = [size * int(scale) for size, scale in zip(dims, scales, strict=True)]
        given = [source, region, graph.constant(np.array(scales, np.float32))]
        graph.node("Resize", given, grown, mode="nearest")


def shuffle(graph: AxisGraph, source: str, dims: list[int]) -> None:
    """Two factors of an axis change places."""
    split = [(at, 2, n // 2) for at, n in enumerate(dims) if n in (4, 6, 8, 12)]
    if split:
        axis, outer, inner = graph.chance.choice(split)
        before, behind = dims[:axis], dims[axis + 1 :]
        apart, turned = [*before, outer, inner, *behind], [*before, inner, outer, *behind]
        order = [*range(axis), axis + 1, axis, *range(axis + 2, len(apart))]
        (made,) = graph.node("Reshape", [source, graph.ints(apart)], apart)
        (moved,) = graph.node("Transpose", [made], turned, perm=order)
        graph.node("Reshape", [moved, graph.ints(dims)], dims)


def sizes(graph: AxisGraph, source: str, dims: list[int]) -> None:
    (shape,) = graph.node("Shape", [source], [len(dims)])
    del graph.dims[shape]
    graph.node("Expand", [graph.constant(np.float32(graph.chance.random())), shape], dims)


def product(graph: AxisGraph, source: str, dims: list[int]) -> None:
    if len(dims) == 3 and graph.opset >= 12:
        fitting = [
            name
            for name, other in graph.dims.items()
            if len(other) == 3 and (other[0], other[2]) == (dims[0], dims[2])
        ]
        other = graph.chance.choice(fitting)
        made = [dims[0], dims[1], graph.dims[other][1]]
        graph.node("Einsum", [source, other], made, equation="bij,bkj->bik")


STEPS: tuple[Callable[[AxisGraph, str, list[int]], None], ...] = (
    *[transpose] * 6,
    *[shuffle] * 4,
    *(concat, split, cut, pad, gather, gather_elements, slices),
    *(reduce, reduce, extremes, along, squeeze, unsqueeze, resize, sizes, product),
)


def axis_graph(seed: int) -> onnx.ModelProto | None:
    """Nothing where no operator fitted."""
    graph = AxisGraph(seed)
    for _ in range(graph.chance.randrange(4, 16)):
        graph.step()
    return graph.model() if graph.nodes else None
