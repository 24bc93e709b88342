"""Models of one node: what is inferred of its outputs, and what onnxruntime makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from pyonnxtool import _core, from_proto
from support.ort_runs import run

Size = int | str | None
Shape = tuple[list[Size], str]


@dataclass(frozen=True)
class Given:
    """An input of this shape; sizes may be names. No dims: not even the rank is known."""

    dims: Sequence[Size] | None
    dtype: str = "float32"


@dataclass(frozen=True)
class Constant:
    """An initializer of the graph."""

    array: NDArray[Any]


Input = Sequence[int | str] | Given | Constant | NDArray[Any] | None
"""Sizes of a float32 input, an input, a constant, the array that is fed, or an omitted input."""


def node_model(
    op_type: str,
    inputs: Sequence[Input],
    opset: int = 22,
    outputs: int = 1,
    domain: str = "",
    **attributes: Any,
) -> onnx.ModelProto:
    """Inputs are named x0, x1, ..., outputs y0, y1, ..., the node `n`."""
    names, infos, weights = [], [], []
    for at, given in enumerate(inputs):
        names.append("" if given is None else f"x{at}")
        if isinstance(given, Constant):
            weights.append(numpy_helper.from_array(given.array, names[-1]))
        elif given is not None:
            infos.append(_info(names[-1], given))
    made = [f"y{at}" for at in range(outputs)]
    node = helper.make_node(op_type, names, made, name="n", domain=domain, **attributes)
    results = [onnx.ValueInfoProto(name=name) for name in made]
    graph = helper.make_graph([node], "g", infos, results, weights)
    opsets = [helper.make_opsetid("", opset)]
    if domain:
        opsets.append(helper.make_opsetid(domain, 1))
    return helper.make_model(graph, opset_imports=opsets, ir_version=8 if opset < 21 else 10)


def _info(name: str, given: Any) -> onnx.ValueInfoProto:
    if isinstance(given, np.ndarray):
        given = Given(given.shape, given.dtype.name)
    if not isinstance(given, Given):
        given = Given(given)
    dtype = helper.np_dtype_to_tensor_dtype(np.dtype(given.dtype))
    return helper.make_tensor_value_info(name, dtype, given.dims)


def shapes(op_type: str, *inputs: Input, **how: Any) -> list[Shape]:
    """(dims, dtype) of each output, the size of None known to the data alone."""
    facts = _core.infer_shapes(from_proto(node_model(op_type, inputs, **how)))
    assert not facts.contradictions, facts.contradictions[0][1]
    found = [facts.value(f"y{at}") for at in range(how.get("outputs", 1))]
    return [(list(fact.dims), fact.dtype) for fact in found]


def dims(op_type: str, *inputs: Input, **how: Any) -> list[Size]:
    """Sizes of the first output."""
    return shapes(op_type, *inputs, **how)[0][0]


def reasons(op_type: str, *inputs: Input, **how: Any) -> list[str]:
    """Why sizes of the first output are not known."""
    facts = _core.infer_shapes(from_proto(node_model(op_type, inputs, **how)))
    return facts.value("y0").reasons


def contradiction(op_type: str, *inputs: Input, **how: Any) -> str:
    """What is said of a node whose sizes contradict each other."""
    facts = _core.infer_shapes(from_proto(node_model(op_type, inputs, **how)))
    ((node, message),) = facts.contradictions
    assert node.name == "n"
    return message


def real_shapes(op_type: str, *inputs: Input, **how: Any) -> list[Shape] | None:
    """(dims, dtype) of what onnxruntime computes; None when it refuses."""
    model = node_model(op_type, inputs, **how)
    feed = {}
    for at, given in enumerate(inputs):
        if isinstance(given, np.ndarray):
            feed[f"x{at}"] = given
        elif isinstance(given, Given | Sequence):
            full = given if isinstance(given, Given) else Given(given)
            feed[f"x{at}"] = np.zeros(tuple(full.dims or ()), full.dtype)
    try:
        (outputs,) = run(model, [feed])
    except Exception:  # onnxruntime has no base class for its own
        return None
    return [(list(array.shape), array.dtype.name) for array in outputs]
