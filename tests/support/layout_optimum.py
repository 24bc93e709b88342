"""The fewest bytes that a graph has to transpose, found by trying the orders of all axes.

A second opinion on `layout`, with rules of its own that share nothing with the core: a value is a
tuple of axes, named by the root that Transposes make it from; a node goes through its axes in some
order, and that order is how it reads and makes everything. Axes of size 1 lie anywhere for free.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import permutations

import onnx
from onnx import helper, numpy_helper

Order = tuple[int, ...]
"""Axes of a root that are not of size 1, as they lie in memory."""

ELEMENTWISE = {"Add", "Mul", "Sub", "Max", "Relu", "Sigmoid", "Neg", "Abs", "Identity", "Where"}


@dataclass(frozen=True)
class Value:
    """A Transpose of a root: its axis i is axis `axes[i]` of the root."""

    root: str
    axes: tuple[int, ...]
    dims: tuple[int, ...]

    def order(self, through: Sequence[int]) -> Order:
        """How the root lies when this value's axes are gone through so."""
        return tuple(self.axes[at] for at in through if self.dims[at] != 1)


@dataclass
class Choice:
    """One way to go through a node: how it reads its inputs and makes its outputs."""

    reads: list[tuple[str, Order]] = field(default_factory=list)
    makes: list[tuple[str, Order]] = field(default_factory=list)


class Graph:
    """A graph of few operators whose sizes are all known."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.values: dict[str, Value] = {}
        self.bytes: dict[str, int] = {}
        self.constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        self.places: list[list[Choice]] = []
        self._sizes = _sizes(model)
        for info in model.graph.input:
            value = self._root(info.name)
            self.places.append([Choice([], [(value.root, value.order(range(len(value.axes))))])])
        for node in model.graph.node:
            self._add(node)
        for info in model.graph.output:
            value = self.values[info.name]
            read = [(value.root, value.order(range(len(value.axes))))]
            self.places.append([Choice(read, [])])

    def _root(self, name: str) -> Value:
        dims, size = self._sizes[name]
        value = Value(name, tuple(range(len(dims))), dims)
        self.values[name] = value
        self.bytes[name] = math.prod(dims) * size
        return value

    def _add(self, node: onnx.NodeProto) -> None:
        if node.op_type == "Transpose" and node.input[0] in self.constants:
            perm = _attributes(node)["perm"]
            self.constants[node.output[0]] = self.constants[node.input[0]].transpose(perm)
            return
        if node.op_type == "Transpose":
            source = self.values[node.input[0]]
            perm = _attributes(node)["perm"]
            axes = tuple(source.axes[at] for at in perm)
            dims = tuple(source.dims[at] for at in perm)
            self.values[node.output[0]] = Value(source.root, axes, dims)
            return
        inputs = [self.values[name] for name in node.input if name not in self.constants]
        outputs = [self._root(name) for name in node.output]
        unique = {}
        for through in self._ways(node, inputs, outputs[0]):
            reads = [
                (value.root, value.order(way))
                for value, way in zip(inputs, through[:-1], strict=True)
            ]
            makes = [(value.root, value.order(through[-1])) for value in outputs]
            unique[(*reads, *makes)] = Choice(reads, makes)
        self.places.append(list(unique.values()))

    def _ways(
        self, node: onnx.NodeProto, inputs: list[Value], output: Value
    ) -> Iterator[list[Sequence[int]]]:
        """For each way through the node: the order of axes of each input, and of the outputs."""
        rank = len(output.dims)
        if node.op_type in ELEMENTWISE:
            for through in permutations(range(rank)):
                yield [*(_last(through, rank, len(v.dims)) for v in inputs), through]
        elif node.op_type in {"Concat", "CumSum"}:
            for through in permutations(range(rank)):
                yield [through] * (len(inputs) + 1)
        elif node.op_type.startswith("Reduce"):
            axes = self._reduced(node, len(inputs[0].dims))
            keeps = _attributes(node).get("keepdims", 1)
            left = [at for at in range(len(inputs[0].dims)) if keeps or at not in axes]
            for through in permutations(range(len(inputs[0].dims))):
                yield [through, [left.index(at) for at in through if at in left]]
        elif node.op_type == "Conv":  # the kernel is permuted with the spatial axes
            for spatial in permutations(range(2, rank)):
                yield [(0, 1, *spatial)] * 2
        else:
            raise ValueError(f"this solver knows no {node.op_type}")

    def _reduced(self, node: onnx.NodeProto, rank: int) -> set[int]:
        axes = _attributes(node).get("axes")
        if axes is None:
            axes = self.constants[node.input[1]].tolist() if len(node.input) > 1 else range(rank)
        return {at % rank for at in axes}


def fewest_bytes(model: onnx.ModelProto, known: int, most: int = 40_000) -> int | None:
    """Bytes that have to be transposed, whatever order each node goes through its axes.

    All of them are tried, except where what is chosen so far already takes more than is `known` to
    be enough, or has been reached for no more. Nothing when that takes more than `most` trials.
    """
    graph = Graph(model)
    asked: dict[str, set[Order]] = {root: set() for root in graph.bytes}
    borders = [place[0] for place in graph.places if not place[0].makes]
    for border in borders:
        for root, order in border.reads:
            asked[root].add(order)
    last = _last_use(graph)
    states: dict[_State, int] = {_State.of({}, asked): 0}
    trials = 0
    for index, place in enumerate(graph.places):
        if not place[0].makes:
            continue
        after: dict[_State, int] = {}
        for state, cost in states.items():
            for choice in place:
                trials += 1
                if trials > most:
                    return None
                made, read = state.opened()
                more = cost
                for root, order in choice.reads:
                    if order != made[root] and order not in read[root]:
                        read[root].add(order)
                        more += graph.bytes[root]
                for root, order in choice.makes:
                    made[root] = order
                    read[root].discard(order)
                    more += graph.bytes[root] * len(read[root])
                gone = [root for root in made if last[root] <= index]
                for root in gone:
                    del made[root], read[root]
                if more > known:
                    continue
                key = _State.of(made, read)
                after[key] = min(more, after.get(key, more))
        states = after
    return min(states.values())


@dataclass(frozen=True)
class _State:
    """How roots are made, and in which other orders they are at hand."""

    made: tuple[tuple[str, Order], ...]
    read: tuple[tuple[str, tuple[Order, ...]], ...]

    @staticmethod
    def of(made: dict[str, Order], read: dict[str, set[Order]]) -> _State:
        return _State(
            tuple(sorted(made.items())),
            tuple(sorted((root, tuple(sorted(orders))) for root, orders in read.items())),
        )

    def opened(self) -> tuple[dict[str, Order], dict[str, set[Order]]]:
        return dict(self.made), {root: set(orders) for root, orders in self.read}


def _last_use(graph: Graph) -> dict[str, int]:
    last: dict[str, int] = {}
    for index, place in enumerate(graph.places):
        if place[0].makes:
            for root, _ in (*place[0].reads, *place[0].makes):
                last[root] = index
    return last


def _last(through: Sequence[int], rank: int, count: int) -> list[int]:
    """The order within an operand whose axes are the last ones of the result."""
    missing = rank - count
    return [at - missing for at in through if at >= missing]


def _attributes(node: onnx.NodeProto) -> dict[str, object]:
    return {each.name: helper.get_attribute_value(each) for each in node.attribute}


def _sizes(model: onnx.ModelProto) -> dict[str, tuple[tuple[int, ...], int]]:
    """Dims and bytes of an element of every value."""
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    found = {}
    for info in (*graph.input, *graph.value_info, *graph.output):
        tensor = info.type.tensor_type
        dims = tuple(dim.dim_value for dim in tensor.shape.dim)
        found[info.name] = (dims, helper.tensor_dtype_to_np_dtype(tensor.elem_type).itemsize)
    for constant in graph.initializer:
        array = numpy_helper.to_array(constant)
        found[constant.name] = (array.shape, array.itemsize)
    return found
