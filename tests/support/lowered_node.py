"""Models of one node, made from the arrays that it is fed, and arrays with all that is odd."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from support.downgraded import assert_same, lowered, run_ort

Made = tuple[onnx.ModelProto, dict[str, Any]]


def one_node(
    op: str,
    operands: Mapping[str, Any],
    opset: int,
    *,
    known: Collection[str] = (),
    open_sizes: Collection[str] = (),
    outputs: int = 1,
    **attributes: Any,
) -> Made:
    """A model and its feeds; an operand of None is omitted.

    `known` operands are initializers, those with `open_sizes` have names for sizes.
    """
    graph = onnx.GraphProto(name="g")
    feeds = {}
    for name, value in operands.items():
        if value is None:
            continue
        array = np.asarray(value)
        if name in known:
            graph.initializer.append(numpy_helper.from_array(array, name))
            continue
        feeds[name] = array
        shape = [f"{name}{i}" if name in open_sizes else n for i, n in enumerate(array.shape)]
        elem = helper.np_dtype_to_tensor_dtype(array.dtype)
        graph.input.append(helper.make_tensor_value_info(name, elem, shape))
    names = [name if value is not None else "" for name, value in operands.items()]
    made = [f"out{i}" for i in range(outputs)]
    graph.node.append(helper.make_node(op, names, made, name="node", **attributes))
    ir_version = max(row[1] for row in helper.VERSION_TABLE if row[2] <= opset)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version
    )
    return model, feeds


def same_below(made: Made, *targets: int, ulp: int = 0, by_reference: bool = False) -> None:
    """The model gives the same at each target below its opset; types of outputs are found."""
    model, feeds = made
    model.graph.output.extend(
        onnx.ValueInfoProto(name=name) for name in model.graph.node[-1].output
    )
    run = ReferenceEvaluator(model).run(None, feeds) if by_reference else _run(model, feeds)
    del model.graph.output[:]
    for name, value in zip(model.graph.node[-1].output, run, strict=True):
        array = np.asarray(value)
        elem = helper.np_dtype_to_tensor_dtype(array.dtype)
        info = helper.make_tensor_value_info(name, elem, [None] * array.ndim)
        model.graph.output.append(info)
    for target in targets:
        if target < model.opset_import[0].version:
            found = _run(lowered(model, target), feeds)
            for ours, theirs in zip(run, found, strict=True):
                assert_same(f"opset {target}", ours, theirs, ulp)


def _run(model: onnx.ModelProto, feeds: Mapping[str, Any]) -> Any:
    """Under onnxruntime, or under the reference where it has no kernel or is too old."""
    try:
        return run_ort(model, feeds)
    except Exception:
        return ReferenceEvaluator(model).run(None, feeds)


def odd_values(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
    """Floats with NaN, infinities and -0 among them; integers of the whole range."""
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return rng.random(shape) < 0.5
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        return rng.integers(limits.min, limits.max, shape, kind, endpoint=True)
    odd = np.array([np.nan, np.inf, -np.inf, -0.0])[rng.integers(0, 4, shape)]
    return np.where(rng.random(shape) < 0.3, odd, rng.standard_normal(shape)).astype(kind)


def some_negative(rng: np.random.Generator, places: Any, size: Any) -> Any:
    """The same places, some of them counted from the back."""
    return np.where(rng.random(np.shape(places)) < 0.5, places, places - np.asarray(size))
