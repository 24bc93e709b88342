"""Our shapes of the ONNX backend suite's nodes at every older opset that takes them: what came out,
and no less than onnx infers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from itertools import zip_longest

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from differential.test_shape_inference import Trial, folded, trials
from pyonnxtool import _core, from_proto
from support.real_shapes import disagreements, less_exact, wrong_for

pytestmark = pytest.mark.slow  # the suite once for each version of each operator: 10 s

OLDEST = 7
ATTRIBUTES_ONCE = {"axes", "ends", "k", "pads", "scales", "split", "starts"}
"""Inputs that older opsets have as attributes."""


def with_attributes(trial: Trial) -> onnx.ModelProto:
    """Constants that decide shapes are attributes, as older opsets have them."""
    model = folded(trial).model
    (node,) = model.graph.node
    formals = [formal.name for formal in onnx.defs.get_schema(node.op_type, node.domain).inputs]
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    kept = []
    for name, formal in zip_longest(node.input, formals[: len(node.input)]):
        array = numpy_helper.to_array(constants[name]) if name in constants else np.array([])
        if formal in ATTRIBUTES_ONCE and array.size:
            node.attribute.append(helper.make_attribute(formal, array.tolist()))
            model.graph.initializer.remove(constants[name])
        else:
            kept.append(name)
    while kept and not kept[-1]:
        kept.pop()
    del node.input[:]
    node.input.extend(kept)
    return model


FORMS: dict[str, Callable[[Trial], onnx.ModelProto]] = {
    "as it is": lambda trial: trial.model,
    "attributes": with_attributes,
}


def _single_nodes() -> Iterator[Trial]:
    """Standard operators alone; a body says nothing of the opset of its own."""
    for trial in trials():
        node = trial.model.graph.node[0]
        alone = len(trial.model.graph.node) == 1 and not trial.model.functions
        if alone and not node.domain and not any(one.HasField("g") for one in node.attribute):
            yield trial


def _older(model: onnx.ModelProto) -> Iterator[tuple[int, onnx.ModelProto]]:
    """The model once for each version of its operator, restamped to the first opset that has it,
    where it has all attributes."""
    (node,) = model.graph.node
    seen = set()
    for opset in range(OLDEST, onnx.defs.onnx_opset_version() + 1):
        try:
            schema = onnx.defs.get_schema(node.op_type, opset)
        except onnx.defs.SchemaError:
            continue
        named = all(attribute.name in schema.attributes for attribute in node.attribute)
        if schema.since_version in seen or not named:
            continue
        seen.add(schema.since_version)
        older = onnx.ModelProto()
        older.CopyFrom(model)
        del older.opset_import[:]
        older.opset_import.append(helper.make_opsetid("", opset))
        yield opset, older


@pytest.mark.parametrize("form", FORMS)
def test_older_opsets_have_the_same_shapes(form: str) -> None:
    found, compared = [], 0
    for trial in _single_nodes():
        for opset, model in _older(FORMS[form](trial)):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    theirs = onnx.shape_inference.infer_shapes(model, True, True, True).graph
            except (onnx.shape_inference.InferenceError, ValueError, RuntimeError):
                continue  # this opset does not take it
            facts = _core.infer_shapes(from_proto(model))
            texts = [message for _, message in facts.contradictions]
            for info in theirs.output:
                real, fact = trial.came.get(info.name), facts.value(info.name)
                texts += [] if wrong_for(info.type, real) else less_exact(fact, info.type)
                texts += disagreements(fact, real, {}) if isinstance(real, np.ndarray) else []
            found += [f"{trial.name} at opset {opset}: {text}" for text in texts]
            compared += 1
    assert not found, "\n".join(found)
    assert compared > 3000
