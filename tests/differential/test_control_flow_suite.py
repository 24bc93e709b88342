"""Node models of the ONNX backend suite that branch, repeat or hold sequences, before and after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from support.faults.site import walk
from support.ort_runs import run
from support.suite import node_cases
from support.taken_apart import same, taken_apart

pytestmark = pytest.mark.slow  # collecting the suite takes seconds

TAKEN_APART = {"If", "Loop", "Scan", "SequenceMap", "SplitToSequence", "ConcatFromSequence"} | {
    *("SequenceAt", "SequenceInsert", "SequenceErase", "SequenceConstruct", "SequenceLength"),
    *("Optional", "OptionalGetElement", "OptionalHasElement"),
}
NEWEST = 25
"""Of the opsets that onnxruntime loads; the suite's newest operators are not of these families."""
SMALL = 16
"""Elements of an input that says how often or which way: trip counts, conditions."""


def controlled(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for _, node, _ in walk(model.graph) if node.op_type in TAKEN_APART]


def with_constants(
    model: onnx.ModelProto, feed: dict[str, Any]
) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """Small inputs of whole numbers as initializers, and what is left to feed."""
    fixed, rest = onnx.ModelProto(), dict(feed)
    fixed.CopyFrom(model)
    for value in list(fixed.graph.input):
        array = feed[value.name]
        if isinstance(array, np.ndarray) and array.dtype.kind in "ib" and array.size <= SMALL:
            fixed.graph.initializer.append(numpy_helper.from_array(array, value.name))
            fixed.graph.input.remove(value)
            del rest[value.name]
    return fixed, rest


def cases() -> Iterator[tuple[onnx.ModelProto, dict[str, Any]]]:
    for case in node_cases():
        if case.model is None or not case.data_sets or not controlled(case.model):
            continue
        model = onnx.ModelProto()
        model.CopyFrom(case.model)
        model.ir_version = min(model.ir_version, 11)
        for opset in model.opset_import:
            opset.version = min(opset.version, NEWEST) if not opset.domain else opset.version
        feed = {
            value.name: np.asarray(given) if np.isscalar(given) else given
            for value, given in zip(model.graph.input, case.data_sets[0][0], strict=True)
        }
        yield model, feed
        yield with_constants(model, feed)


def test_what_the_suite_controls_computes_the_same() -> None:
    compared = opened = 0
    for model, feed in cases():
        try:
            expected = run(model, [feed])[0]
        except Exception:  # what onnxruntime does not run says nothing
            continue
        found = taken_apart(model)
        for ours, theirs in zip(expected, run(found.model, [feed])[0], strict=True):
            same(ours, theirs)
        compared += 1
        opened += len(controlled(found.model)) < len(controlled(model))
    assert compared >= 100
    assert opened >= 50
