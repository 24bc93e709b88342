"""Our shapes of the ONNX backend suite's models: what came out, and no less than onnx infers."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from pyonnxtool import _core, from_proto
from support.ort_runs import all_values
from support.real_shapes import disagreements, less_exact, wrong_for
from support.suite import data_cases, node_cases

SMALL = 16
"""Inputs with at most so many elements are shapes, axes, scales: made constants where asked."""

pytestmark = pytest.mark.slow  # collecting the suite alone takes seconds


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
    model = onnx.ModelProto()
    model.CopyFrom(trial.model)
    sizes = {}
    for at, info in enumerate(model.graph.input):
        data = trial.fed.get(info.name)
        dims = info.type.tensor_type.shape.dim
        if not isinstance(data, np.ndarray) or data.ndim != len(dims):
            continue
        for axis, dim in enumerate(dims):
            dim.dim_param = f"s{at}_{axis}"
            sizes[dim.dim_param] = data.shape[axis]
    return replace(trial, model=model, sizes=sizes)


def shared(trial: Trial) -> Trial:
    """Sizes that are equal have one name, as exporters write them."""
    one = symbolic(trial)
    for info in one.model.graph.input:
        for dim in info.type.tensor_type.shape.dim:
            if dim.dim_param in one.sizes:
                dim.dim_param = f"d{one.sizes[dim.dim_param]}"
    return replace(one, sizes={f"d{size}": size for size in one.sizes.values()})


VARIANTS: dict[str, Callable[[Trial], Trial]] = {
    "as it is": lambda trial: trial,
    "constants": folded,
    "named sizes": symbolic,
    "shared names": shared,
    "constants and named sizes": lambda trial: symbolic(folded(trial)),
}


def _checked(trial: Trial) -> Iterator[str]:
    facts = _core.infer_shapes(from_proto(trial.model))
    yield from (f"{node.label}: {message}" for node, message in facts.contradictions)
    for name, real in {**trial.came, **_inner(trial)}.items():
        fact = facts.value(name)
        yield from (f"{name} {text}" for text in disagreements(fact, real, trial.sizes))


def _inner(trial: Trial) -> dict[str, Any]:
    """What onnxruntime computes inside of a graph with several nodes, where it can run it."""
    if len(trial.model.graph.node) < 2:
        return {}
    return _computed(trial.name)


@cache
def _computed(name: str) -> dict[str, Any]:
    trial = next(one for one in trials() if one.name == name)
    names = {info.name for info in trial.model.graph.input}
    try:
        return dict(all_values(trial.model, [{n: trial.fed[n] for n in names}]))
    except Exception:  # onnxruntime lacks a type or an operator
        return {}


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_inferred_is_what_comes_out(variant: str) -> None:
    wrong = [
        f"{trial.name}: {text}"
        for trial in map(VARIANTS[variant], trials())
        for text in _checked(trial)
    ]
    assert not wrong, "\n".join(wrong)


BELIEVED = "test_loop11"
"""A body slices by the number of the turn; onnx believes what the body declares of the result."""


@pytest.mark.parametrize("variant", ["as it is", "constants"])
def test_onnx_knows_no_more(variant: str) -> None:
    worse, compared = [], 0
    for trial in map(VARIANTS[variant], trials()):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = onnx.shape_inference.infer_shapes(trial.model, False, True, True).graph
        except onnx.shape_inference.InferenceError:
            continue
        facts = _core.infer_shapes(from_proto(trial.model))
        for info in [*theirs.output, *theirs.value_info]:
            if wrong_for(info.type, trial.came.get(info.name)) or trial.name == BELIEVED:
                continue
            found = less_exact(facts.value(info.name), info.type)
            worse += [f"{trial.name}: {info.name} {text}" for text in found]
            compared += 1
    assert not worse, "\n".join(worse)
    assert compared > 3000


DATA_DECIDES = {"Compress", "ImageDecoder", "NonMaxSuppression", "NonZero", "StringSplit"} | {
    *("StringNormalizer", "Unique"),
}
"""Operators whose output has as many elements as the data says."""


def test_only_the_data_leaves_a_size_open() -> None:
    left = []
    for trial in map(folded, trials()):
        facts = _core.infer_shapes(from_proto(trial.model))
        operators = {node.op_type for node in trial.model.graph.node}
        if operators & DATA_DECIDES:
            continue
        for name, real in trial.came.items():
            fact = facts.value(name)
            if isinstance(real, np.ndarray) and (fact.dims is None or None in fact.dims):
                left.append(f"{trial.name} ({', '.join(sorted(operators))}): {name} {fact.dims}")
    assert not left, "\n".join(left)


def test_every_operator_of_the_suite_has_a_rule() -> None:
    without = {
        node.op_type
        for trial in trials()
        for node in _core.infer_shapes(from_proto(trial.model)).without_rule
    }
    assert not without


def test_every_operator_of_the_standard_has_a_rule() -> None:
    named = {(schema.domain, schema.name) for schema in onnx.defs.get_all_schemas_with_history()}
    known = {(one.domain, one.op_type) for one in _core.op_table() if one.has_shape_rule}
    missing = {key for key in named - known if not re.match(r"ai\.onnx\.preview", key[0])}
    assert not missing
