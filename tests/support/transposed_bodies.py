"""Random graphs full of Transposes, with branches and loops in each other that read what is around
them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Sizes = list[int]
OPSETS = (11, 12, 13, 17)
DEEPEST = 2
TURNS = 2
"""Of every loop."""


@dataclass(frozen=True)
class Known:
    """A value that a node may read."""

    name: str
    dims: Sizes

    def info(self) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(self.name, TensorProto.FLOAT, self.dims)


@dataclass
class Names:
    """Shared by a graph and all bodies in it."""

    rng: random.Random
    count: int = 0
    weights: list[Known] = field(default_factory=list)

    def fresh(self, base: str = "v") -> str:
        self.count += 1
        return f"{base}{self.count}"


class Grower:
    """Nodes of one graph; `seen` is what they can read, that of the graphs around it first."""

    def __init__(self, names: Names, around: list[Known], depth: int = 0) -> None:
        self.names, self.rng, self.depth = names, names.rng, depth
        self.seen = list(around)
        self.outer = len(around)
        self.nodes: list[onnx.NodeProto] = []

    def own(self) -> list[Known]:
        return self.seen[self.outer :]

    def grow(self, count: int) -> None:
        for _ in range(count):
            kinds = [self.transpose] * 3 + [self.unary, self.binary, self.weighted, self.reduced]
            if self.depth < DEEPEST:
                kinds += [self.branch, self.loop]
            recent = self.seen[-6:] if self.rng.random() < 0.7 else self.seen
            self.rng.choice(kinds)(self.rng.choice(recent))

    def add(self, op_type: str, inputs: list[str], dims: Sizes, **attributes: object) -> Known:
        made = Known(self.names.fresh(), dims)
        self.nodes.append(
            helper.make_node(op_type, inputs, [made.name], made.name + "_n", **attributes)
        )
        self.seen.append(made)
        return made

    def transpose(self, value: Known) -> None:
        perm = self.rng.sample(range(len(value.dims)), len(value.dims))
        self.add("Transpose", [value.name], [value.dims[axis] for axis in perm], perm=perm)

    def unary(self, value: Known) -> None:
        self.add(self.rng.choice(["Relu", "Sin", "Neg", "Sigmoid"]), [value.name], value.dims)

    def binary(self, value: Known) -> None:
        other = self.rng.choice([one for one in self.seen if one.dims == value.dims])
        op_type = self.rng.choice(["Add", "Mul", "Sub"])
        self.add(op_type, [value.name, other.name], value.dims)

    def weighted(self, value: Known) -> None:
        same = [one for one in self.names.weights if one.dims == value.dims]
        if not same or self.rng.random() < 0.5:
            dims = [size if self.rng.random() < 0.7 else 1 for size in value.dims]
            weight = Known(self.names.fresh("w"), dims[self.rng.randrange(2) :])
            self.names.weights.append(weight)
        else:
            weight = self.rng.choice(same)
        self.add(self.rng.choice(["Add", "Mul"]), [value.name, weight.name], value.dims)

    def reduced(self, value: Known) -> None:
        axis = self.rng.randrange(len(value.dims))
        dims = [1 if place == axis else size for place, size in enumerate(value.dims)]
        self.add("ReduceMax", [value.name], dims, axes=[axis], keepdims=1)

    def branch(self, _: Known) -> None:
        bodies = [self.body() for _ in range(2)]
        pairs = [
            (one, other)
            for one, other in zip(*(body.own() for body in bodies), strict=False)
            if one.dims == other.dims
        ]
        if not pairs:
            return
        given = self.rng.sample(pairs, min(len(pairs), self.rng.randrange(1, 3)))
        graphs = [
            helper.make_graph(
                body.nodes, self.names.fresh("b"), [], [pair[side].info() for pair in given]
            )
            for side, body in enumerate(bodies)
        ]
        made = [Known(self.names.fresh(), one.dims) for one, _ in given]
        self.nodes.append(
            helper.make_node(
                "If",
                ["condition"],
                [one.name for one in made],
                made[0].name + "_n",
                then_branch=graphs[0],
                else_branch=graphs[1],
            )
        )
        self.seen += made

    def loop(self, first: Known) -> None:
        states = [first, *self.rng.choices(self.seen, k=self.rng.randrange(2))]
        inside = [Known(self.names.fresh("s"), state.dims) for state in states]
        body = self.body(inside)
        left = body.own()
        after = []
        for state in inside:
            same = [one for one in left if one.dims == state.dims]
            after.append(same[-1] if same else body.add("Identity", [state.name], state.dims))
            left = [one for one in left if one != after[-1]]
        scanned = left[: self.rng.randrange(2)]
        made = [Known(self.names.fresh(), one.dims) for one in after]
        made += [Known(self.names.fresh(), [TURNS, *one.dims]) for one in scanned]
        self.nodes.append(
            helper.make_node(
                "Loop",
                ["turns", "go", *(state.name for state in states)],
                [one.name for one in made],
                made[0].name + "_n",
                body=self.loop_body(body, inside, after + scanned),
            )
        )
        self.seen += [one for one in made if len(one.dims) < 5]

    def body(self, inputs: list[Known] | None = None) -> Grower:
        body = Grower(self.names, self.seen + (inputs or []), self.depth + 1)
        body.grow(self.rng.randrange(1, 6))
        return body

    def loop_body(self, body: Grower, inside: list[Known], given: list[Known]) -> onnx.GraphProto:
        turn, go, on = (self.names.fresh(base) for base in ("i", "g", "k"))
        body.nodes.append(helper.make_node("Identity", [go], [on], on + "_n"))
        return helper.make_graph(
            body.nodes,
            self.names.fresh("b"),
            [
                helper.make_tensor_value_info(turn, TensorProto.INT64, []),
                helper.make_tensor_value_info(go, TensorProto.BOOL, []),
                *(one.info() for one in inside),
            ],
            [
                helper.make_tensor_value_info(on, TensorProto.BOOL, []),
                *(one.info() for one in given),
            ],
        )


def transposed_bodies(seed: int) -> tuple[onnx.ModelProto, dict[str, list[int]]]:
    """A model, and orders of axes for some of its inputs and outputs."""
    names = Names(random.Random(seed))
    rng = names.rng
    inputs = [
        Known(f"x{index}", [rng.choice([1, 2, 3, 4]) for _ in range(rng.choice([2, 3, 4]))])
        for index in range(rng.randrange(1, 3))
    ]
    grower = Grower(names, inputs)
    while not grower.own():
        grower.grow(rng.randrange(6, 20))
    outputs = rng.sample(grower.own(), min(len(grower.own()), 3))
    numbers = np.random.default_rng(seed)
    weights = [
        numpy_helper.from_array(numbers.standard_normal(one.dims).astype(np.float32), one.name)
        for one in names.weights
    ]
    weights.append(numpy_helper.from_array(np.array(TURNS), "turns"))
    weights.append(numpy_helper.from_array(np.array(True), "go"))
    condition = helper.make_tensor_value_info("condition", TensorProto.BOOL, [])
    graph = helper.make_graph(
        grower.nodes,
        "g",
        [condition, *(one.info() for one in inputs)],
        [one.info() for one in outputs],
        weights,
    )
    opset = helper.make_opsetid("", rng.choice(OPSETS))
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    asked = [one for one in inputs + outputs if rng.random() < 0.3]
    io = {one.name: rng.sample(range(len(one.dims)), len(one.dims)) for one in asked}
    return (onnx.shape_inference.infer_shapes(model) if rng.random() < 0.5 else model), io
