"""Operators as functions of their schemas' own bodies: inlined, they give the same bits."""

from __future__ import annotations

import warnings

import numpy as np
import onnx
import onnx.inliner
import pytest
from onnx import defs, helper

from pyonnxtool import _core, from_proto, to_proto
from support.ort_runs import run


def as_function(case):
    """The one-node model of a suite case with its operator as a local function; None if it is none.

    Returns the model and the inputs of the case.
    """
    if case.model is None or len(case.model.graph.node) != 1 or not case.data_sets:
        return None
    node = case.model.graph.node[0]
    versions = {one.domain: one.version for one in case.model.opset_import}
    try:
        schema = defs.get_schema(node.op_type, versions[node.domain], node.domain)
    except defs.SchemaError:
        return None
    if not schema.has_function:
        return None
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    function = model.functions.add()
    function.CopyFrom(schema.function_body)
    function.domain, function.name = "local", node.op_type
    if not function.opset_import:
        function.opset_import.append(helper.make_opsetid("", versions[""]))
    for attribute in schema.attributes.values():
        if attribute.default_value.name in function.attribute:
            function.attribute.remove(attribute.name)
            function.attribute_proto.append(attribute.default_value)
    model.graph.node[0].domain = "local"
    model.opset_import.append(helper.make_opsetid("local", 1))
    model.ir_version = 10
    names = [value.name for value in model.graph.input]
    return model, dict(zip(names, case.data_sets[0][0], strict=False))


@pytest.mark.slow  # collecting the suite alone takes seconds
def test_every_operator_that_the_standard_defines_as_a_function():
    from onnx.backend.test.case import node as cases

    compared = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = [found for case in cases.collect_testcases(None) if (found := as_function(case))]
    for model, feeds in made:
        try:
            (expected,) = run(model, [feeds])
        except Exception:  # onnxruntime lacks a type or an operator of the body
            continue
        opened, kept = _core.inline_functions(from_proto(model), lambda *_: True)
        assert kept == []
        assert opened.verify() == []
        others = [to_proto(opened)]
        if not model.functions[0].attribute_proto:  # onnx's inliner forgets an attribute's default
            others.append(onnx.inliner.inline_local_functions(model))
        for other in others:
            for ours, theirs in zip(expected, run(other, [feeds])[0], strict=True):
                np.testing.assert_array_equal(ours, theirs)
        compared += 1
    assert compared > 60
