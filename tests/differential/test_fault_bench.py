"""Planted faults are named exactly, and nothing is blamed where nothing is wrong.

The whole bench with its tables is `python tests/bench/fault_bench.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import pytest

from pyonnxtool.bisection import bisect
from support.disguise import DISGUISES
from support.optimized import optimized_trials
from support.optimizers import OPTIMIZERS
from support.trials import (
    ALL_KINDS,
    GOOD,
    Trial,
    control_trials,
    drift_trials,
    judge,
    planted_trials,
)
from support.zoo import ZOO

NOT_NAMED_YET = frozenset(
    {
        "arithmetic_17/slice_shifted/none",
        "arithmetic_17/slice_shifted/to_constants",
        "arithmetic_17/two_faults_1/identities",
        "arithmetic_17/two_faults_1/none",
        "detector_12/outputs_swapped/all_swapped",
        "detector_12/wrong_source/reordered",
        "function_18/weight_large_element/nameless",  # named inside the call, which has no name
        "function_18/weight_sign/nameless",  # likewise
        "function_18/wrong_source/all_kept",
        "function_18/wrong_source/none",
        "mobile_11/ort_all/before/pads_swapped/none",
        "quantized_13/quantization_scale/all_swapped",
        "quantized_13/saturation/all_renamed",
        "quantized_13/value_rounded/all_renamed",
        "quantized_13/wrong_source/identities",
        "quantized_13/wrong_source/none",
    }
)
"""Faults that are found, but where another node is named first, or innocent ones as well."""

MOSTLY = 0.9
"""Of the faults in optimized files, so many are named; what is left are mostly blocked channels."""


def assert_judged_well(trial: Trial) -> None:
    report = bisect(trial.reference, trial.candidate, inputs=list(trial.feeds))
    named = [(c.node, c.reference_node, c.why) for c in report.culprits]
    said = f"{trial.name}: {trial.description}; said {report.verdict} {named} {report.reason}"
    outcome = judge(trial, report)
    if trial.name in NOT_NAMED_YET:
        assert report.verdict in ("fault", "inconclusive"), said
    else:
        assert outcome in GOOD, f"{outcome}: {said}; expected {trial.culprits}"


def first_trials(kind: str) -> Iterator[Trial]:
    """The first model that a fault applies to, starting at another one for each kind."""
    start = ALL_KINDS.index(kind) % len(ZOO)
    makers = [*ZOO.values()][start:] + [*ZOO.values()][:start]
    return chain.from_iterable(planted_trials(make(), [kind]) for make in makers)


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_fault_of_each_kind_is_named(kind: str) -> None:
    trials = first_trials(kind)
    assert_judged_well(next(trials))
    assert_judged_well(next(trials))


@pytest.mark.parametrize("look", DISGUISES)
def test_a_disguised_copy_is_no_fault(look: str) -> None:
    for trial in control_trials(ZOO["encoder_op_20"]()):
        if trial.kind == "disguised" and trial.disguise == look:
            assert_judged_well(trial)


def test_equal_algebra_is_no_fault() -> None:
    for name in ("encoder_op_20", "resnet_13"):
        for trial in control_trials(ZOO[name]()):
            if trial.kind != "disguised":
                assert_judged_well(trial)


def test_an_optimized_file_is_no_fault() -> None:
    for name in ("resnet_13", "decoder_17"):
        for trial in optimized_trials(ZOO[name](), OPTIMIZERS, sample=0):
            assert_judged_well(trial)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_fault_in_an_optimized_file_is_named(name: str) -> None:
    for model in ("mobile_11", "encoder_erf_17"):
        for trial in optimized_trials(ZOO[model](), {name: OPTIMIZERS[name]}, sample=2):
            assert_judged_well(trial)


def test_amplified_rounding_is_no_fault() -> None:
    for trial in drift_trials():
        if trial.disguise == "none":
            assert_judged_well(trial)


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_every_fault_in_every_model(name: str) -> None:
    for trial in planted_trials(ZOO[name](), ALL_KINDS):
        assert_judged_well(trial)


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_every_control_of_every_model(name: str) -> None:
    case = ZOO[name]()
    for trial in chain(control_trials(case), optimized_trials(case, OPTIMIZERS, sample=0)):
        assert_judged_well(trial)


@pytest.mark.slow
def test_most_faults_in_optimized_files_are_named() -> None:
    named = total = 0
    for name in ZOO:
        for trial in optimized_trials(ZOO[name](), OPTIMIZERS, sample=1):
            report = bisect(trial.reference, trial.candidate, inputs=list(trial.feeds))
            named += judge(trial, report) in GOOD
            total += 1
    assert named >= MOSTLY * total, f"{named} of {total}"
