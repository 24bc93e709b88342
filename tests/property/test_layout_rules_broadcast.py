"""Random operands that broadcast, each of them asked in a random layout: bit for bit the same."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from support.one_node import Constant, Given, Input, node_model
from support.relaid import Inner, check_rule

OPERATORS = {"Sub": 2, "Where": 3, "Max": 3, "PRelu": 2, "Pow": 2, "QLinearMul": 2}
SIZES = (1, 2, 3, 4, 6)
MANY = 120


def lower(rng: np.random.Generator, result: list[int], whole: bool) -> list[int]:
    """Sizes that broadcast to the result, of at most its rank."""
    kept = result if whole else result[rng.integers(0, len(result) + 1) :]
    return [1 if rng.random() < 0.25 else size for size in kept]


def shapes(rng: np.random.Generator, op_type: str, result: list[int]) -> list[list[int]]:
    count = OPERATORS[op_type]
    first = 0 if op_type == "PRelu" else int(rng.integers(count))
    return [result if at == first else lower(rng, result, False) for at in range(count)]


def model_of(rng: np.random.Generator, op_type: str, operands: list[list[int]]) -> onnx.ModelProto:
    """Some of the operands are constants, the first one that has the result's rank is not."""
    inputs: list[Input] = []
    whole = max(len(shape) for shape in operands)
    read = next(at for at, shape in enumerate(operands) if len(shape) == whole)
    for at, shape in enumerate(operands):
        dtype = "bool" if op_type == "Where" and at == 0 else "float32"
        dtype = "uint8" if op_type == "QLinearMul" else dtype
        array = rng.uniform(1, 200 if dtype == "uint8" else 2, shape).astype(dtype)
        constant = at != read and rng.random() < 0.4
        inputs.append(Constant(array) if constant else Given(shape, dtype))
        if op_type == "QLinearMul":
            inputs += [Constant(np.float32(0.1).reshape(())), Constant(np.array(3, np.uint8))]
    if op_type != "QLinearMul":
        return node_model(op_type, inputs)
    inputs += [Constant(np.float32(0.5).reshape(())), Constant(np.array(1, np.uint8))]
    return node_model(op_type, inputs, domain="com.microsoft")


def layout_of(rng: np.random.Generator, shape: list[int]) -> tuple[list[int], Inner]:
    perm = [int(axis) for axis in rng.permutation(len(shape))]
    inner = [
        (axis, [2, size // 2], [1, 0])
        for axis, size in enumerate(shape)
        if size in (4, 6) and rng.random() < 0.3
    ]
    return perm, inner


@pytest.mark.parametrize("op_type", OPERATORS)
@pytest.mark.parametrize("rank", [2, 3, 4, 5])
def test_every_operand_in_any_layout(op_type: str, rank: int) -> None:
    rng = np.random.default_rng([rank, *op_type.encode()])
    asked = 0
    for _ in range(MANY // rank):
        result = [int(size) for size in rng.choice(SIZES, rank)]
        operands = shapes(rng, op_type, result)
        model = model_of(rng, op_type, operands)
        given = {value.name: value for value in model.graph.input}
        sizes = {
            name: [one.dim_value for one in value.type.tensor_type.shape.dim]
            for name, value in given.items()
        }
        for name, shape in ({"y0": result} | sizes).items():
            perm, inner = layout_of(rng, shape)
            if perm == list(range(len(shape))) and not inner:
                continue
            asked += 1
            check_rule(model, name, perm, inner)
    assert asked > MANY // rank
