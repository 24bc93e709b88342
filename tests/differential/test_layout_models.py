"""Whole networks in another layout, beside themselves."""

from __future__ import annotations

import onnx
import pytest

import pyonnxtool as pot
from support.graph_builder import Case
from support.nhwc import nhwc_copy
from support.ort_runs import demanded_difference, difference, run
from support.transposes import Moved, moved, useless
from support.zoo import ZOO
from support.zoo.channels_last import NHWC_ZOO

QUANTIZED = 0.03
"""A value on the edge of a step falls to the other side when a sum is added up in another order."""

MOVED = {
    "attention": Moved(4, 7680),  # fewer would put an axis behind that of Softmax
    "axes": Moved(3, 3840),
    "branches": Moved(2, 7168),
    "classifier": Moved(1, 3072),
    "detector": Moved(4, 23040),
    "mixed": Moved(1, 16384),
    "quantized": Moved(1, 768),
    "shuffle": Moved(1, 3072),
}
"""What is left of each at its default size: the fewest bytes, by the plan's own bound; of attention
6144 would do, but for a Softmax that would run slower so."""

COPIED = [
    name for name in ZOO if name.partition("_")[0] in {"resnet", "mobile", "unet", "groupnorm"}
]


def same(case: Case, found: onnx.ModelProto) -> None:
    """The rewritten model gives what the case's model gives."""
    onnx.checker.check_model(found, full_check=True)
    ops = {node.op_type for node in case.model.graph.node}
    allowed = QUANTIZED if "QuantizeLinear" in ops else demanded_difference(case.model)
    worst = difference(run(case.model, case.feeds), run(found, case.feeds))
    assert worst is not None and worst <= allowed


@pytest.mark.parametrize("name", NHWC_ZOO)
def test_a_channels_last_network_moves_the_fewest_bytes(name: str) -> None:
    case = NHWC_ZOO[name]()
    rewrite = pot.layout(case.model, to="nchw")
    found = pot.to_proto(rewrite.model)
    same(case, found)
    assert moved(found) == MOVED[name]
    assert not useless(found)


@pytest.mark.parametrize("name", COPIED)
def test_transposes_that_only_a_copy_has_all_go(name: str) -> None:
    """The NHWC copy of a network has the same border, so that nothing has to move more than in
    the network itself."""
    case = ZOO[name]()
    copy = nhwc_copy(case.model)
    assert moved(copy).bytes > moved(case.model).bytes
    found = pot.to_proto(pot.layout(copy, to="nchw").model)
    same(case, found)
    assert moved(found).bytes <= moved(case.model).bytes
    assert not useless(found)


@pytest.mark.parametrize("name", ZOO)
def test_a_network_never_moves_more_than_before(name: str) -> None:
    case = ZOO[name]()
    found = pot.to_proto(pot.layout(case.model, to="nchw").model)
    same(case, found)
    assert moved(found).bytes <= moved(case.model).bytes


@pytest.mark.parametrize("name", [*ZOO, *NHWC_ZOO])
def test_channels_last_functions_compute_the_same(name: str) -> None:
    case = (ZOO.get(name) or NHWC_ZOO[name])()
    same(case, pot.to_proto(pot.layout(case.model, to="nhwc").model))
