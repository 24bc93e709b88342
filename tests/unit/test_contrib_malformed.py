"""Nodes of onnxruntime's own operators that make no sense: no rule crashes or makes a size up."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnxruntime.capi import onnxruntime_pybind11_state

from pyonnxtool import _core, from_proto

SIZES = [0, 1, 2, 3, 4, 8, 16, "n", "m", "h//2", None, 2**40]
NUMBERS = [0, 1, -1, 2, 3, 7, 100, 2**31, -(2**63), 2**63 - 1]
ATTRIBUTES = {
    (schema.domain, schema.name): sorted(schema.attributes)
    for schema in onnxruntime_pybind11_state.get_all_operator_schema()
}
KEYS = sorted(set(ATTRIBUTES) & {(op.domain, op.op_type) for op in _core.op_table() if op.domain})
TRIALS = 25


def attribute(draw: random.Random) -> Any:
    """Mostly of the type that rules read."""
    several = [draw.choice(NUMBERS) for _ in range(draw.randrange(1, 6))]
    return draw.choice([draw.choice(NUMBERS), several, draw.choice(NUMBERS), several, "x", 1.5])


def strange(draw: random.Random, domain: str, op_type: str) -> onnx.ModelProto:
    """A model of one node."""
    names, infos, weights = [], [], []
    for at in range(draw.randrange(10)):
        kind = draw.randrange(7)
        names.append(f"x{at}" if kind else "")
        if kind == 1:
            numbers = [draw.choice(NUMBERS) for _ in range(draw.randrange(6))]
            weights.append(numpy_helper.from_array(np.array(numbers, np.int64), names[-1]))
        elif kind == 2:
            infos.append(onnx.ValueInfoProto(name=names[-1]))
        elif kind:
            dims = [draw.choice(SIZES) for _ in range(draw.randrange(6))]
            dtype = draw.choice([1, 2, 3, 6, 7, 8, 9, 10])
            infos.append(helper.make_tensor_value_info(names[-1], dtype, dims))
    named = ATTRIBUTES[(domain, op_type)]
    chosen = {name: attribute(draw) for name in named if draw.random() < 0.5}
    made = [f"y{at}" for at in range(draw.randrange(1, 6))]
    node = helper.make_node(op_type, names, made, name="n", domain=domain, **chosen)
    outputs = [onnx.ValueInfoProto(name=name) for name in made]
    graph = helper.make_graph([node], "g", infos, outputs, weights)
    imports = [helper.make_opsetid("", 17), helper.make_opsetid(domain, draw.randrange(1, 6))]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: f"{key[0]}:{key[1]}")
def test_no_node_is_too_strange(key: tuple[str, str]) -> None:
    draw = random.Random(f"{key}")
    for _ in range(TRIALS):
        model = strange(draw, *key)
        for _value, fact in _core.infer_shapes(from_proto(model)):
            sizes = [size for size in fact.dims or [] if isinstance(size, int)]
            assert min(sizes, default=0) >= 0, onnx.printer.to_text(model)
