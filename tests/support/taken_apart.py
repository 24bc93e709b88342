"""Models whose control flow is taken apart, held against what they were, on onnxruntime."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

import pyonnxtool as pot
from pyonnxtool import _core
from support.faults.site import walk
from support.graph_builder import Feed
from support.ort_runs import run


@dataclass(frozen=True)
class TakenApart:
    """What came out of a model."""

    model: onnx.ModelProto
    rules: dict[str, int]
    left: dict[str, str]
    """Node to the reason why it stayed."""

    @property
    def operators(self) -> Counter[str]:
        """How many of each operator there are, bodies included."""
        return Counter(node.op_type for _, node, _ in walk(self.model.graph))

    @property
    def outputs(self) -> dict[str, list[int | str | None]]:
        """Sizes of each output, as the file has them."""
        return {
            value.name: [
                dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None
                for dim in value.type.tensor_type.shape.dim
            ]
            for value in self.model.graph.output
        }


def taken_apart(model: onnx.ModelProto, max_unroll: int = 64) -> TakenApart:
    """Without binding any size."""
    made = _core.specialize(pot.from_proto(model), {}, {}, max_unroll=max_unroll)
    found = pot.to_proto(made.model)
    onnx.checker.check_model(found)
    assert [value.name for value in found.graph.input] == [v.name for v in model.graph.input]
    assert [value.name for value in found.graph.output] == [v.name for v in model.graph.output]
    return TakenApart(found, dict(made.changes), dict(made.left))


def compared(model: onnx.ModelProto, feeds: Sequence[Feed], max_unroll: int = 64) -> TakenApart:
    """The same, after both were run and gave the same bits."""
    found = taken_apart(model, max_unroll)
    for ours, theirs in zip(run(model, feeds), run(found.model, feeds), strict=True):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            same(one, other)
    return found


def compared_by_meaning(model: onnx.ModelProto, feeds: Sequence[Feed]) -> TakenApart:
    """The same, on the reference evaluator: it runs what onnxruntime refuses to load."""
    found = taken_apart(model)
    before, after = ReferenceEvaluator(model), ReferenceEvaluator(found.model)
    for feed in feeds:
        for one, other in zip(before.run(None, feed), after.run(None, feed), strict=True):
            same(one, other)
    return found


def same(one: object, other: object) -> None:
    """The same bits, shapes and dtypes; sequences item by item."""
    assert isinstance(one, list) == isinstance(other, list)
    if isinstance(one, list) and isinstance(other, list):
        assert len(one) == len(other)
        for ours, theirs in zip(one, other, strict=True):
            same(ours, theirs)
        return
    assert np.asarray(one).dtype == np.asarray(other).dtype
    np.testing.assert_array_equal(one, other)  # type: ignore[call-overload]
