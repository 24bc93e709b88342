"""Rules of operators beyond the standard against what onnxruntime makes of them."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from pyonnxtool import _core
from support.contrib_cases import CASES, Array, Case
from support.real_shapes import evaluate


def run(case: Case) -> list[Array]:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        case.model().SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return list(session.run(None, case.feeds()))


def facts(case: Case, *, symbolic: bool) -> list[_core.Fact]:
    model = _core.from_bytes(case.model(symbolic=symbolic).SerializeToString())
    found = _core.infer_shapes(model)
    assert found.without_rule == []
    assert found.contradictions == []
    return [found.value(f"o{at}") for at in range(case.outputs)]


def dtype_of(array: Array) -> str:
    return "string" if array.dtype == object else array.dtype.name


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_shapes_are_what_comes_out(case: Case) -> None:
    for fact, made in zip(facts(case, symbolic=False), run(case), strict=True):
        assert fact.dims is not None
        assert len(fact.dims) == made.ndim
        told = [size for size in fact.dims if size is not None]
        assert case.open or len(told) == made.ndim
        assert all(size in (None, real) for size, real in zip(fact.dims, made.shape, strict=True))
        assert fact.dtype == dtype_of(made)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_sizes_that_are_names_stand_for_the_same(case: Case) -> None:
    sizes = {
        f"d{name[1:]}_{axis}": size
        for name, array in case.feeds().items()
        for axis, size in enumerate(array.shape)
    }
    for fact, made in zip(facts(case, symbolic=True), run(case), strict=True):
        if fact.dims is None:  # a rank that a name would decide
            continue
        for size, real in zip(fact.dims, made.shape, strict=True):
            if size is not None:
                assert evaluate(size, sizes) == real


CONTRADICTIONS = [
    (
        Case("MatMulNBits", [np.ones((2, 31), "f4")], {"K": 32, "N": 8}),
        "'i0' is 31 long on its last axis, but the weight takes 32",
    ),
    (
        Case("GatherBlockQuantized", [np.ones((2, 4), np.uint8), np.ones(1, np.int64)],
             {"gather_axis": 3}),
        "gather_axis is 3, but 'i0' has 2 axes",
    ),
    (
        Case("ExpandDims", [np.ones((2, 4), "f4"), np.array(5, np.int32)], fixed=(1,)),
        "axis is 5, but the output has 3 axes",
    ),
    (
        Case("Upsample", [np.ones((1, 16, 2, 2), "f4")], {"scales": [1, 2]},
             domain="com.microsoft.nchwc"),
        "scales has 2 numbers, but 'i0' has 4 axes",
    ),
    (
        Case("Upsample", [np.ones((1, 16), "f4")], {"scales": [1, 0]},
             domain="com.microsoft.nchwc"),
        "scales holds 0",
    ),
    (
        Case("ConvTransposeWithDynamicPads",
             [np.ones((1, 3, 4, 4), "f4"), np.ones((3, 2, 3, 3), "f4"), np.ones(3, np.int64)],
             fixed=(2,)),
        "'i2' has 3 numbers, but there are 2 spatial sizes, each with a begin and an end",
    ),
    (
        Case("UnfoldTensor", [np.ones((2, 4), "f4")], {"dim": 5, "size": 2}),
        "dim, size or step is out of range",
    ),
    (
        Case("FeatureVectorizer", [np.ones((2, 4), "f4")], {"inputdimensions": [-1]},
             domain="ai.onnx.ml"),
        "inputdimensions holds -1",
    ),
    (
        Case("MatMulFpQ4", [np.ones((), "f4")], {"blk_quant_type": 1}),
        "'i0' has no axis to multiply over",
    ),
    (
        Case("FusedMatMul", [np.ones((2, 4), "f4"), np.ones((2, 4), "f4")], {"transA": 0}),
        "'i0' is 4 wide, but 'i1' takes 2",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("case", "text"), CONTRADICTIONS, ids=lambda one: getattr(one, "name", ""))
def test_what_does_not_fit_is_said(case: Case, text: str) -> None:
    model = _core.from_bytes(case.model().SerializeToString())
    ((node, message),) = _core.infer_shapes(model).contradictions
    assert node.name == "node"
    assert message.startswith("node 'node' (")
    assert text in message
