"""Small random graphs full of Transposes, drawn by hypothesis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

UNARY = ("Relu", "Sigmoid", "Neg", "Abs")
BINARY = ("Add", "Mul", "Max", "Sub")
OPSETS = (11, 13, 17, 18, 21)


class Drawing:
    """A graph in the making: its values by name, with their dims."""

    def __init__(self, draw: st.DrawFn, opset: int) -> None:
        self.draw = draw
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.dims: dict[str, tuple[int, ...]] = {}
        self.free = 0
        """Nodes that may go through their axes in several orders."""

    def pick(self) -> str:
        """One of the values; later ones are likelier."""
        names = list(self.dims)
        return names[-1 - min(self.draw(st.integers(0, 3)), len(names) - 1)]

    def add(self, op: str, inputs: list[str], dims: tuple[int, ...], **attributes: object) -> None:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=f"n_{name}", **attributes))
        self.dims[name] = dims
        self.free += op != "Transpose"

    def constant(self, dims: tuple[int, ...], integers: list[int] | int | None = None) -> str:
        name = f"c{len(self.constants)}"
        rng = np.random.default_rng(len(self.constants))
        array = rng.standard_normal(dims).astype(np.float32)
        if integers is not None:
            array = np.array(integers, np.int64)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def transpose(self) -> None:
        source = self.pick()
        dims = self.dims[source]
        perm = self.draw(st.permutations(range(len(dims))))
        self.add("Transpose", [source], tuple(dims[at] for at in perm), perm=perm)

    def unary(self) -> None:
        source = self.pick()
        self.add(self.draw(st.sampled_from(UNARY)), [source], self.dims[source])

    def binary(self) -> None:
        """With another value that it may be broadcast with, or a constant."""
        left = self.pick()
        fitting = [name for name in self.dims if _broadcast(self.dims[left], self.dims[name])]
        if self.draw(st.booleans()):
            right = self.draw(st.sampled_from(fitting))
        else:
            kept = self.draw(st.integers(0, len(self.dims[left])))
            dims = self.dims[left][len(self.dims[left]) - kept :]
            right = self.constant(tuple(size if self.draw(st.booleans()) else 1 for size in dims))
            self.dims[right] = tuple(numpy_helper.to_array(self.constants[-1]).shape)
        result = _broadcast(self.dims[left], self.dims[right])
        if right.startswith("c"):
            del self.dims[right]
        assert result is not None
        pair = [left, right] if self.draw(st.booleans()) else [right, left]
        self.add(self.draw(st.sampled_from(BINARY)), pair, result)

    def concat(self) -> None:
        first = self.pick()
        dims = self.dims[first]
        axis = self.draw(st.integers(0, len(dims) - 1))
        fitting = [n for n, other in self.dims.items() if _but(other, axis) == _but(dims, axis)]
        others = self.draw(st.lists(st.sampled_from(fitting), min_size=1, max_size=2))
        size = sum(self.dims[name][axis] for name in (first, *others))
        result = (*dims[:axis], size, *dims[axis + 1 :])
        shown = axis - len(dims) if self.draw(st.booleans()) else axis
        self.add("Concat", [first, *others], result, axis=shown)

    def reduce(self) -> None:
        source = self.pick()
        dims = self.dims[source]
        axes = sorted(self.draw(st.sets(st.integers(0, len(dims) - 1), min_size=1, max_size=2)))
        keeps = self.draw(st.booleans()) or len(dims) - len(axes) < 2
        result = [1 if at in axes else size for at, size in enumerate(dims)]
        if not keeps:
            result = [size for at, size in enumerate(dims) if at not in axes]
        op = self.draw(st.sampled_from(("ReduceMax", "ReduceMean")))
        if self.opset >= 18:
            inputs = [source, self.constant((len(axes),), axes)]
            self.add(op, inputs, tuple(result), keepdims=int(keeps))
        else:
            self.add(op, [source], tuple(result), keepdims=int(keeps), axes=axes)

    def running_sum(self) -> None:
        source = self.pick()
        rank = len(self.dims[source])
        axis = self.constant((), self.draw(st.integers(-rank, rank - 1)))
        self.add("CumSum", [source, axis], self.dims[source])

    def conv(self) -> None:
        source = self.pick()
        dims = self.dims[source]
        if len(dims) != 4:
            return
        channels = self.draw(st.integers(1, 3))
        weight = self.constant((channels, dims[1], 3, 1))
        result = (dims[0], channels, dims[2], dims[3])
        self.add("Conv", [source, weight], result, kernel_shape=[3, 1], pads=[1, 0, 1, 0])


STEPS: tuple[Callable[[Drawing], None], ...] = (
    *[Drawing.transpose] * 4,
    *[Drawing.unary] * 2,
    *[Drawing.binary] * 3,
    Drawing.concat,
    Drawing.reduce,
    Drawing.running_sum,
    Drawing.conv,
)


@st.composite
def transposed_graphs(draw: st.DrawFn, most_nodes: int = 6) -> onnx.ModelProto:
    """A graph of one or two inputs of ranks 2 to 5; every end is an output."""
    drawing = Drawing(draw, draw(st.sampled_from(OPSETS)))
    rank = draw(st.integers(2, 5))
    sizes = draw(st.sampled_from([(2,), (2, 3), (1, 2), (1, 2, 3), (2, 3, 4)]))
    for index in range(draw(st.integers(1, 2))):
        dims = tuple(draw(st.sampled_from(sizes)) for _ in range(rank))
        drawing.dims[f"x{index}"] = dims
    inputs = dict(drawing.dims)
    limit = most_nodes if rank < 5 else min(most_nodes, 4)
    for step in draw(st.lists(st.sampled_from(STEPS), min_size=3, max_size=3 * most_nodes)):
        if drawing.free < limit or step is Drawing.transpose:
            step(drawing)
    if not drawing.nodes:
        drawing.unary()
    return _model(drawing, inputs)


def _model(drawing: Drawing, inputs: dict[str, tuple[int, ...]]) -> onnx.ModelProto:
    read = {name for node in drawing.nodes for name in node.input}
    ends = [n.output[0] for n in drawing.nodes if n.output[0] not in read]

    def infos(names: list[str]) -> list[onnx.ValueInfoProto]:
        kind = TensorProto.FLOAT
        return [helper.make_tensor_value_info(n, kind, drawing.dims[n]) for n in names]

    graph = helper.make_graph(
        drawing.nodes, "g", infos(list(inputs)), infos(ends), initializer=drawing.constants
    )
    opsets = [helper.make_opsetid("", drawing.opset)]
    return helper.make_model(graph, ir_version=10, opset_imports=opsets)


def _broadcast(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...] | None:
    try:
        return tuple(np.broadcast_shapes(a, b))
    except ValueError:
        return None


def _but(dims: tuple[int, ...], axis: int) -> list[int]:
    return [-1 if at == axis else size for at, size in enumerate(dims)]
