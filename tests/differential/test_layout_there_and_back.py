"""Channels-last functions and back: the same bytes, or as few moved as without the detour."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx.checker
import pytest

from pyonnxtool import _core, from_proto
from support.graph_builder import Case
from support.nhwc import nhwc_copy
from support.ort_runs import demanded_difference, difference, run
from support.transposes import moved
from support.zoo import ZOO
from support.zoo.channels_last import NHWC_ZOO

WAYS = {
    "border as it is": ("oihw", False),
    "filters as TensorFlow has them": ("hwio", False),
    "border too": ("ohwi", True),
}
QUANTIZED = 0.03
"""A value on the edge of a step falls to the other side when a sum is added up in another order."""
TIES = {"vit_20"}
"""Patches are turned into tokens by one Transpose, before or behind a Reshape: both cost the same,
and which one the file had is not in it any more."""


def _images(case: Case) -> list[str]:
    inputs = case.model.graph.input
    return [one.name for one in inputs if len(one.type.tensor_type.shape.dim) == 4]


def _relaid(model: onnx.ModelProto, **options: Any) -> tuple[_core.Relaid, onnx.ModelProto]:
    made = _core.layout(from_proto(model), **options)
    found = onnx.ModelProto.FromString(made.model.to_bytes())
    onnx.checker.check_model(found, full_check=True)
    return made, found


def _same(case: Case, found: onnx.ModelProto, border: dict[str, list[int]]) -> None:
    feeds = [
        {
            name: np.ascontiguousarray(data.transpose(border[name])) if name in border else data
            for name, data in feed.items()
        }
        for feed in case.feeds
    ]
    ops = {node.op_type for node in case.model.graph.node}
    allowed = QUANTIZED if "QuantizeLinear" in ops else demanded_difference(case.model)
    worst = difference(run(case.model, case.feeds), run(found, feeds))
    assert worst is not None and worst <= allowed


def _there_and_back(case: Case, way: str) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """The model with functions and what becomes of that; both compute what the case does."""
    filters, border = WAYS[way]
    names = _images(case) if border else []
    first, there = _relaid(
        case.model, to="channels_last", filters=filters, io=dict.fromkeys(names, "nhwc")
    )
    assert sorted(first.border) == sorted(names)
    _same(case, there, first.border)
    second, back = _relaid(there, expand=True, io=dict.fromkeys(names, "nchw"))
    assert sorted(second.border) == sorted(names)
    _same(case, back, {})
    assert all(function.domain != _core.CHANNELS_LAST_DOMAIN for function in back.functions)
    return there, back


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ZOO)
def test_a_network_comes_back_byte_for_byte(name: str, way: str) -> None:
    """Where it had Transposes that a plan removes, it comes back without them."""
    case = ZOO[name]()
    _, fewest = _relaid(case.model)
    there, back = _there_and_back(case, way)
    convolves = any(node.op_type == "Conv" for node in case.model.graph.node)
    assert any(one.domain == _core.CHANNELS_LAST_DOMAIN for one in there.functions) == convolves
    if name in TIES:
        assert moved(back) == moved(case.model)
    else:
        assert back.SerializeToString() == fewest.SerializeToString()


@pytest.mark.parametrize("name", NHWC_ZOO)
def test_a_network_that_was_channels_last_comes_back_with_as_few_bytes(name: str) -> None:
    case = NHWC_ZOO[name]()
    _, fewest = _relaid(case.model)
    _, back = _there_and_back(case, "border as it is")
    assert moved(back) == moved(fewest)


@pytest.mark.parametrize("name", ["resnet_17", "mobile_11", "unet_18", "groupnorm_20"])
def test_transposes_of_a_copy_are_gone_after_it(name: str) -> None:
    case = ZOO[name]()
    copy = Case(name, nhwc_copy(case.model), case.feeds)
    _, back = _there_and_back(copy, "filters as TensorFlow has them")
    assert moved(back).bytes == moved(case.model).bytes == 0


def test_a_second_time_there_gives_the_same_file() -> None:
    """Calls become calls again."""
    case = ZOO["resnet_17"]()
    there, back = _there_and_back(case, "border as it is")
    again, _ = _there_and_back(Case("again", back, case.feeds), "border as it is")
    assert again.SerializeToString() == there.SerializeToString()
