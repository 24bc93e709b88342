"""Quantized against float: everything lines up, noise is called noise, and defects are named."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest

from pyonnxtool.bisection import bisect
from pyonnxtool.diffing import diff
from support.quantized_faults import QDQ_FAULTS, QOPERATOR_FAULTS, QuantizedSite
from support.quantizing import quantized
from support.zoo import ZOO

MODELS = ["resnet_17", "encoder_op_20", "detector_17"]
STATIC = ["qdq", "qdq_signed", "qoperator"]


@functools.cache
def pair(name: str, kind: str, prepared: bool = False):
    if kind == "int4":
        pytest.importorskip("onnx_ir")
    case = ZOO[name]()
    with tempfile.TemporaryDirectory() as folder:
        return case, quantized(case, kind, Path(folder), prepared=prepared)


@pytest.mark.parametrize("kind", [*STATIC, "dynamic"])
@pytest.mark.parametrize("name", MODELS)
def test_noise_is_not_a_fault(name, kind):
    case, model = pair(name, kind)
    report = bisect(case.model, model, inputs=list(case.feeds), by="values")
    assert report.verdict == "drift"
    assert report.culprits == ()
    assert report.reason.startswith("no layer adds more noise than its quantization steps explain")
    total = report.coverage.compared + report.coverage.unmatched + report.coverage.ambiguous
    assert report.coverage.compared >= 0.9 * total
    assert {row.status for row in report.quantized} == {"noise"}


@pytest.mark.parametrize("kind", [*STATIC[1:], "dynamic"])
@pytest.mark.parametrize("name", ["resnet_17", "encoder_erf_17", "vit_20", "llama_18"])
def test_a_model_that_was_optimized_before_it_was_quantized(name, kind):
    """BatchNormalization is folded, MatMul and Add are fused, shapes are constants."""
    case, model = pair(name, kind, prepared=True)
    report = bisect(case.model, model, inputs=list(case.feeds), by="values")
    assert report.verdict == "drift"
    assert report.culprits == ()
    known = report.coverage.compared + report.coverage.fused
    assert known >= 0.7 * (known + report.coverage.unmatched + report.coverage.ambiguous)
    assert report.coverage.fused


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("fault", ["weight_scale", "value_zero_point", "value_range"])
def test_a_defect_behind_the_optimizations_is_named(fault, seed):
    check_named("qdq", *QDQ_FAULTS[fault], seed, prepared=True)


def test_blocks_of_four_bits():
    case, model = pair("encoder_op_20", "int4")
    report = bisect(case.model, model, inputs=list(case.feeds), by="values")
    assert report.verdict == "drift"
    weights = [row for row in report.quantized if row.kind == "weight"]
    assert len(weights) == sum(node.op_type == "MatMulNBits" for node in model.graph.node)
    assert all(abs(row.introduced_db - row.explained_db) < 2 for row in weights)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fault", QDQ_FAULTS)
def test_a_defect_of_qdq_is_named(fault, seed):
    check_named("qdq", *QDQ_FAULTS[fault], seed)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fault", QOPERATOR_FAULTS)
def test_a_defect_of_qoperator_is_named(fault, seed):
    check_named("qoperator", *QOPERATOR_FAULTS[fault], seed)


def check_named(kind, planter, words, seed, prepared=False):
    case, model = pair("resnet_17", kind, prepared)
    site = QuantizedSite(model, np.random.default_rng(seed))
    name = planter(site)
    assert name is not None
    report = bisect(case.model, site.model, inputs=list(case.feeds), by="values")
    assert report.verdict == "fault"
    assert name in [culprit.node for culprit in report.culprits]
    first = next(culprit for culprit in report.culprits if culprit.node == name)
    assert words in first.why


def test_the_noise_that_is_expected_is_the_noise_that_is_measured():
    """Rounding to steps of s leaves s^2 / 12, through sums of products as well."""
    case, model = pair("encoder_op_20", "qdq")
    report = diff(case.model, model, inputs=list(case.feeds))
    layers = [row for row in report.quantized if row.kind == "layer"]
    assert len(layers) > 10
    off = [row.introduced_db - row.explained_db for row in layers]
    assert np.median(np.abs(off)) < 1.5
    assert max(map(abs, off)) < 6


def test_saturation_is_counted():
    case, model = pair("resnet_17", "qdq")
    site = QuantizedSite(model, np.random.default_rng(0))
    name = QDQ_FAULTS["value_range"][0](site)
    report = diff(case.model, site.model, inputs=list(case.feeds))
    made = next(node.output[0] for node in site.graph.node if node.name == name)
    shown = next(node.output[0] for node in site.graph.node if made in node.input)
    row = next(row for row in report.quantized if row.value == shown)
    assert row.status == "fault"
    assert row.at_high > 0.01
    assert row.beyond > 0.01
    others = [other.beyond for other in report.quantized if other.value != shown]
    assert max(others) < row.beyond / 4


def test_inputs_unlike_those_of_the_calibration_are_no_fault():
    case, model = pair("resnet_17", "qdq")
    far = [{name: value * 20 for name, value in feed.items()} for feed in case.feeds]
    report = bisect(case.model, model, inputs=far, by="values")
    assert report.verdict == "drift"
    assert "quantizers are given values far outside of their ranges" in report.reason
    assert report.reason.endswith("give real data with --inputs")


@pytest.mark.parametrize("kind", ["qdq", "qdq_signed"])
def test_the_beta_that_onnxruntime_s_quantizer_drops_is_named(kind):
    """Quantizing a Gemm with beta 2 makes one with beta 1 and the same bias (onnxruntime 1.31)."""
    case, model = pair("mixer_17", kind)
    gemm = next(node for node in model.graph.node if node.op_type == "Gemm")
    if any(a.name == "beta" and a.f == 2 for a in gemm.attribute):
        pytest.skip("this onnxruntime keeps beta")
    report = bisect(case.model, model, inputs=list(case.feeds), by="values")
    assert report.verdict == "fault"
    assert [culprit.op_type for culprit in report.culprits] == ["Gemm"]
    assert report.culprits[0].why == "attribute beta differs: 1.0 instead of 2.0"


def test_two_ways_to_quantize_line_up_with_each_other():
    case, model = pair("resnet_17", "qdq")
    _, other = pair("resnet_17", "qoperator")
    report = bisect(model, other, inputs=list(case.feeds), by="values")
    assert report.verdict in ("same", "drift")
    assert report.coverage.compared > 20


@pytest.mark.parametrize("level", ["basic", "extended", "all"])
def test_a_qdq_model_and_its_optimized_self_are_quiet(level):
    case, model = pair("encoder_op_20", "qdq")
    report = bisect((model, "ort:none"), (model, f"ort:{level}"), inputs=list(case.feeds))
    assert report.verdict != "fault"


def test_names_do_not_matter():
    case, model = pair("resnet_17", "qdq")
    renamed = onnx.ModelProto()
    renamed.CopyFrom(model)
    names: dict[str, str] = {}
    kept = {value.name for value in [*renamed.graph.input, *renamed.graph.output]}
    for index, node in enumerate(renamed.graph.node):
        node.name = f"n{index}"
        for names_of in (node.input, node.output):
            for slot, name in enumerate(names_of):
                if name and name not in kept:
                    names_of[slot] = names.setdefault(name, f"v{len(names)}")
    for tensor in renamed.graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    del renamed.graph.value_info[:]
    report = bisect(case.model, renamed, inputs=list(case.feeds), by="values")
    assert report.verdict == "drift"
    assert report.coverage.compared >= 30
