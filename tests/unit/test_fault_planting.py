"""The bench itself: models run, faults are what they say, disguises and rewrites change nothing."""

from __future__ import annotations

import math

import numpy as np
import onnx
import pytest

from pyonnxtool.report import BisectReport, Culprit
from support.disguise import DISGUISES, disguise
from support.drift import drift_pairs
from support.equivalents import EQUIVALENTS, rewritten
from support.faults import FAULTS, plant, plant_two
from support.ort_runs import DEMANDED, difference, run
from support.trials import Trial, judge
from support.zoo import ZOO


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def culprit(node: str, **more: object) -> Culprit:
    return Culprit(node, "Relu", "", "main", ("y",), more.pop("reference_node", ""), ("y",), **more)


@pytest.mark.parametrize("name", ZOO)
def test_zoo_models_are_small_and_their_outputs_depend_on_the_input(name: str) -> None:
    case = ZOO[name]()
    assert case.name == name
    assert case.model.ByteSize() < 200_000
    first, second = run(case.model, case.feeds)
    assert all(np.isfinite(output).all() for output in first)
    assert difference([first], [second]) > 1e-3


@pytest.mark.parametrize("name", ["encoder_op_20", "tagger_14", "control_16", "quantized_13"])
def test_a_planted_model_is_valid_and_names_nodes_that_it_has(name: str) -> None:
    case = ZOO[name]()
    for kind in FAULTS:
        planted = plant(kind, case.model, case.feeds, rng())
        if planted is None:
            continue
        onnx.checker.check_model(planted.model)
        text = onnx.printer.to_text(planted.model)
        assert planted.culprits[0], kind
        assert all(blamed in text for blamed in planted.culprits[0]), kind
        assert planted.model != case.model, kind


def test_every_kind_of_fault_shows_in_some_model_except_where_it_must_not() -> None:
    silent = set(FAULTS)
    for make in ZOO.values():
        case = make()
        expected = run(case.model, case.feeds)
        for kind in sorted(silent):
            planted = plant(kind, case.model, case.feeds, rng(), expected)
            if planted is not None and planted.demanded:
                silent.remove(kind)
    assert silent == {"mask_weaker", "last_index"}


def test_two_faults_touch_different_nodes() -> None:
    case = ZOO["encoder_erf_17"]()
    planted = plant_two(case.model, case.feeds, rng())
    assert planted is not None
    first, second = planted.culprits
    assert not first & second


@pytest.mark.parametrize("look", DISGUISES)
@pytest.mark.parametrize("name", ["unet_18", "decoder_13", "control_16", "tagger_11"])
def test_a_disguise_leaves_every_bit_of_the_outputs(name: str, look: str) -> None:
    case = ZOO[name]()
    result = disguise(case.model, look, rng())
    onnx.checker.check_model(result.model, full_check=True)
    expected = run(case.model, case.feeds)
    got = run(result.model, [result.feed(feed) for feed in case.feeds])
    for ours, theirs in zip(expected, got, strict=True):
        assert [item.tobytes() for item in ours] == [item.tobytes() for item in theirs]


def test_swapped_names_all_stay_in_use_and_the_culprit_is_followed() -> None:
    model = ZOO["mixer_17"]().model
    result = disguise(model, "names_swapped", rng())
    assert {n.name for n in model.graph.node} == {n.name for n in result.model.graph.node}
    for old in model.graph.node:
        new = next(n for n in result.model.graph.node if n.name == result.node(old.name))
        assert new.op_type == old.op_type
        assert list(new.output) == [result.value(name) for name in old.output]


@pytest.mark.parametrize("kind", EQUIVALENTS)
def test_a_rewrite_differs_by_rounding_at_most(kind: str) -> None:
    applied = 0
    for make in ZOO.values():
        case = make()
        model = rewritten(case.model, kind)
        if model is None:
            continue
        onnx.checker.check_model(model, full_check=True)
        assert difference(run(case.model, case.feeds), run(model, case.feeds)) < 1e-6
        applied += 1
    assert applied


def test_drift_pairs_amplify_rounding_beyond_the_tolerance() -> None:
    worst = {}
    for pair in drift_pairs():
        got = difference(run(pair.reference, pair.feeds), run(pair.candidate, pair.feeds))
        worst[pair.name] = got
    assert sum(value > DEMANDED for value in worst.values()) >= 20, worst


def test_difference_counts_a_nan_on_one_side_and_refuses_other_shapes() -> None:
    one = [[np.array([1.0, np.nan], np.float32)]]
    assert difference(one, one) == 0.0
    assert difference(one, [[np.array([1.0, 2.0], np.float32)]]) == math.inf
    assert difference(one, [[np.array([1.0], np.float32)]]) is None
    assert difference([[np.array([4.0, 2.0])]], [[np.array([4.0, 3.0])]]) == 0.25


def trial(effect: float, *culprits: set[str], look: str = "none") -> Trial:
    case = ZOO["function_18"]()
    names = tuple(frozenset(names) for names in culprits)
    return Trial(
        "m", "k", look, case.model, case.model, case.feeds, "", effect, names, names,
        frozenset({"gone"}),
    )  # fmt: skip


def test_the_judge() -> None:
    def said(verdict: str, *culprits: Culprit) -> BisectReport:
        return BisectReport(verdict, "a", "b", culprits)

    fault = trial(1.0, {"n"})
    assert judge(fault, said("fault", culprit("n"))) == "exact"
    assert judge(fault, said("fault", culprit("o", reference_node="gone"))) == "exact"
    assert judge(fault, said("fault", culprit("n"), culprit("o"))) == "extra"
    assert judge(fault, said("fault", culprit("o"), culprit("n"))) == "wrong"
    assert judge(fault, said("fault", culprit("o", region=("o", "n")))) == "in region"
    assert judge(fault, said("drift")) == "missed"
    assert judge(trial(1e-7, {"n"}), said("same")) == "quiet"
    assert judge(trial(1e-7, {"n"}), said("fault", culprit("o"))) == "wrong"
    assert judge(trial(1.0), said("drift")) == "quiet"
    assert judge(trial(0.0), said("fault", culprit("n"))) == "false alarm"
    both = trial(1.0, {"n"}, {"o"})
    assert judge(both, said("fault", culprit("o"), culprit("n"))) == "exact"
    assert judge(both, said("fault", culprit("o"))) == "wrong"
    nameless = trial(1.0, {"y"}, look="nameless")
    assert judge(nameless, said("fault", culprit("#3"))) == "exact"
