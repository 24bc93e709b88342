"""The ONNX backend suite as trials, as it is and with constants and named sizes in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from support.real_shapes import named_apart
from support.suite import data_cases, node_cases

SMALL = 16
"""Inputs with at most so many elements are shapes, axes, scales: made constants where asked."""


@dataclass(frozen=True)
class Trial:
    """A model with what it was fed and what came out of it, by name."""

    name: str
    model: onnx.ModelProto
    fed: dict[str, Any]
    came: dict[str, Any]
    sizes: dict[str, int]


@cache
def trials() -> list[Trial]:
    """The suite as it is, with what the files say of results taken out."""
    made = []
    for case in [*node_cases(), *data_cases()]:
        if case.model is None or not case.data_sets:
            continue
        model = onnx.ModelProto()
        model.CopyFrom(case.model)
        inputs, outputs = case.data_sets[0]
        fed = dict(zip([i.name for i in model.graph.input], map(_array, inputs), strict=False))
        came = dict(zip([o.name for o in model.graph.output], map(_array, outputs), strict=False))
        for output in model.graph.output:
            output.ClearField("type")
        del model.graph.value_info[:]
        made.append(Trial(case.name, model, fed, came, _named_sizes(model, fed)))
    return made


def _named_sizes(model: onnx.ModelProto, fed: dict[str, Any]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for info in model.graph.input:
        data, kind = fed.get(info.name), info.type
        if isinstance(data, list) and data and kind.HasField("sequence_type"):
            data, kind = data[0], kind.sequence_type.elem_type
        if isinstance(data, np.ndarray):
            pairs = zip(kind.tensor_type.shape.dim, data.shape, strict=False)
            sizes |= {dim.dim_param: size for dim, size in pairs if dim.dim_param}
    return sizes


def _array(data: Any) -> Any:
    return numpy_helper.to_array(data) if isinstance(data, TensorProto) else data


def folded(trial: Trial) -> Trial:
    """Small inputs and defaults are constants of the graph: what decides shapes is known."""
    model = onnx.ModelProto()
    model.CopyFrom(trial.model)
    overridable = {tensor.name for tensor in model.graph.initializer}
    for info in trial.model.graph.input:
        if info.name in overridable:
            model.graph.input.remove(info)
        data = trial.fed.get(info.name)
        if not isinstance(data, np.ndarray | np.generic) or data.size > SMALL or data.ndim > 1:
            continue
        if data.dtype.kind not in "iufbV" or not info.type.HasField("tensor_type"):
            continue
        if info.type.tensor_type.elem_type != onnx.helper.np_dtype_to_tensor_dtype(data.dtype):
            continue
        model.graph.input.remove(info)
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(data), info.name))
    return replace(trial, model=model)


def symbolic(trial: Trial) -> Trial:
    """Every size of every input has a name of its own."""
    model = named_apart(trial.model)
    return replace(trial, model=model, sizes=_named_sizes(model, trial.fed))


def shared(trial: Trial) -> Trial:
    """Sizes that are equal have one name, as exporters write them."""
    one = symbolic(trial)
    for info in one.model.graph.input:
        for dim in info.type.tensor_type.shape.dim:
            if dim.dim_param in one.sizes:
                dim.dim_param = f"d{one.sizes[dim.dim_param]}"
    return replace(one, sizes={f"d{size}": size for size in one.sizes.values()})
