"""Models of every kind, their sizes named and then bound again: specialized, they give the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

import pyonnxtool as pot
from support.disguise import disguise
from support.ort_runs import session
from support.real_shapes import named_apart
from support.specialized import names
from support.suite import node_cases
from support.suite_trials import Trial, folded, symbolic, trials
from support.zoo import ZOO

SHARDS = 4
HALF_STEP = 2e-3
"""onnxruntime computes chains of float16 in float32, and what a chain is changes."""


def _run(model: onnx.ModelProto, fed: dict[str, Any]) -> list[Any]:
    running = session(model)
    return running.run(None, {one.name: fed[one.name] for one in running.get_inputs()})


def _differ(one: Any, other: Any) -> bool:
    if isinstance(one, list):
        return len(one) != len(other) or any(map(_differ, one, other))
    if one is None or other is None:
        return one is not other
    if one.shape != other.shape or one.dtype != other.dtype:
        return True
    if one.dtype == np.float16:
        return not np.allclose(one, other, rtol=HALF_STEP, atol=HALF_STEP, equal_nan=True)
    return not np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def _wrong(trial: Trial, some: bool) -> list[str]:
    try:
        fed = {info.name: trial.fed[info.name] for info in trial.model.graph.input}
        expected = _run(trial.model, fed)
    except Exception:  # onnxruntime lacks a type or an operator
        return []
    chance = np.random.default_rng(len(trial.name))
    shapes = {
        name: [size if not some or chance.random() < 0.4 else None for size in data.shape]
        for name, data in fed.items()
        if isinstance(data, np.ndarray)
    }
    found = pot.to_proto(pot.specialize(trial.model, shapes).model)
    if names(found.graph.input) != names(trial.model.graph.input):
        return [f"{trial.name}: inputs are {names(found.graph.input)}"]
    came = _run(found, fed)
    return [f"{trial.name}: another result"] if any(map(_differ, expected, came)) else []


@pytest.mark.slow  # collecting the suite alone takes seconds; then two sessions a case
@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("some", [False, True], ids=["all sizes", "some sizes"])
def test_every_operator_of_the_suite(some: bool, shard: int) -> None:
    drawn = {case.name for case in node_cases() if _draws(case.model)}
    cases = [trial for trial in trials() if trial.name not in drawn][shard::SHARDS]
    wrong = [text for trial in cases for text in _wrong(symbolic(folded(trial)), some)]
    assert not wrong, "\n".join(wrong)


def _draws(model: onnx.ModelProto) -> bool:
    drawn = {info.op_type for info in pot._core.op_table() if info.random}
    return any(node.op_type in drawn for node in model.graph.node)


@pytest.mark.parametrize("kind", ["none", "reordered", "to_constants", "all_renamed"])
@pytest.mark.parametrize("name", ZOO)
def test_networks_under_a_disguise(name: str, kind: str) -> None:
    case = ZOO[name]()
    hidden = disguise(case.model, kind, np.random.default_rng(0))
    feed = hidden.feed(case.feeds[0])
    for model in (hidden.model, named_apart(hidden.model)):
        rewrite = pot.specialize(model, {name: data.shape for name, data in feed.items()})
        found = pot.to_proto(rewrite.model)
        onnx.checker.check_model(found)
        assert not any(map(_differ, _run(model, feed), _run(found, feed)))
        assert not rewrite.report.dynamic
