"""Random shape arithmetic: whatever is said of an element holds at every size."""

from __future__ import annotations

import random

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from support.evaluated import inferred
from support.ort_runs import all_values
from support.real_shapes import disagreements

SIZES = [(1, 1, 1), (2, 3, 4), (5, 1, 2), (7, 8, 9), (16, 31, 6), (0, 4, 3)]
STEPS = 24
WHOLE = {"i": TensorProto.INT64, "f": TensorProto.FLOAT, "b": TensorProto.BOOL}


class Program:
    """Nodes over vectors of three elements, each made from the ones before."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.nodes = [helper.make_node("Shape", ["x"], ["i0"])]
        self.weights: list[onnx.TensorProto] = []
        self.made = {"i": ["i0"], "f": [], "b": []}
        for _ in range(STEPS):
            self.step()

    def constant(self, kind: str, *numbers: float) -> str:
        name = f"w{len(self.weights)}"
        dtype = {"i": np.int64, "f": np.float32, "b": np.bool_}[kind]
        self.weights.append(numpy_helper.from_array(np.array(numbers, dtype), name))
        return name

    def pick(self, kind: str) -> str:
        if not self.made[kind] or self.draw.random() < 0.3:
            choice = {"i": [-3, -1, 0, 1, 2, 3, 7], "f": [0.5, 2.0, 3.0, 0.7, -1.0], "b": [0, 1]}
            return self.constant(kind, *(self.draw.choice(choice[kind]) for _ in range(3)))
        return self.draw.choice(self.made[kind])

    def add(self, kind: str, op_type: str, inputs: list[str], **how: int) -> None:
        name = f"{kind}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, inputs, [name], **how))
        self.made[kind].append(name)

    def step(self) -> None:
        pick, draw = self.pick, self.draw
        match draw.randrange(11):
            case 0 | 1 | 2:
                op_type = draw.choice(["Add", "Sub", "Mul", "Max", "Min"])
                self.add("i", op_type, [pick("i"), pick("i")])
            case 3:
                by = self.constant("i", *(draw.choice([-2, 1, 2, 3, 5]) for _ in range(3)))
                self.add("i", draw.choice(["Div", "Mod"]), [pick("i"), by])
            case 4:
                to = draw.choice("if")
                self.add(to, "Cast", [pick("f" if to == "i" else "i")], to=WHOLE[to])
            case 5:
                self.add("f", draw.choice(["Add", "Mul", "Sub"]), [pick("f"), pick("f")])
            case 10:
                by = self.constant("f", *(draw.choice([0.5, 2, 3, 0.7, -7]) for _ in range(3)))
                self.add("f", "Div", [pick("f"), by])
            case 6:
                self.add("f", draw.choice(["Floor", "Ceil", "Round", "Abs"]), [pick("f")])
            case 7:
                op_type = draw.choice(["Equal", "Less", "Greater", "LessOrEqual"])
                kind = draw.choice("if")
                self.add("b", op_type, [pick(kind), pick(kind)])
            case 8:
                self.add("i", "Where", [pick("b"), pick("i"), pick("i")])
            case _:
                order = self.constant("i", *(draw.choice([0, 1, -1]) for _ in range(3)))
                self.add("i", draw.choice(["Gather", "Abs", "CumSum"]), [pick("i"), order])

    def model(self) -> onnx.ModelProto:
        """Of one input whose three sizes are named."""
        for node in self.nodes:
            if node.op_type == "Abs":
                del node.input[1:]
            if node.op_type == "CumSum":
                node.input[1] = self.constant("i", 0)
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["a", "b", "c"])
        y = onnx.ValueInfoProto(name=self.nodes[-1].output[0])
        graph = helper.make_graph(self.nodes, "g", [x], [y], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("seed", range(40))
def test_random_arithmetic(seed: int) -> None:
    model = Program(seed).model()
    facts = inferred(model)
    for sizes in SIZES:
        named = dict(zip("abc", sizes, strict=True))
        for name, array in all_values(model, [{"x": np.zeros(sizes, np.float32)}]):
            wrong = disagreements(facts.value(name), array, named)
            assert not wrong, (name, wrong, sizes, onnx.printer.to_text(model))
