"""Our shapes of the ONNX backend suite's models: what came out, and no less than onnx infers."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import onnx
import pytest

from pyonnxtool import _core, from_proto
from support.ort_runs import all_values
from support.real_shapes import disagreements, less_exact, wrong_for
from support.suite_trials import Trial, folded, shared, symbolic, trials

pytestmark = pytest.mark.slow  # collecting the suite alone takes seconds


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
