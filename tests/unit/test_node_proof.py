"""Custom operators that nothing runs are lowered and checked node by node, beside references."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import pyonnxtool as pot
from pyonnxtool.errors import BackendError, Refused
from pyonnxtool.rewriting.decision import Decision
from pyonnxtool.rewriting.node_view import NodeView
from pyonnxtool.rewriting.tape import Tape
from support.lowered_op import feeds_of, model_of

MINE = """
<ir_version: 8, opset_import: ["" : 17, "my" : 1, "com.microsoft" : 1]>
g (float[n,3] x) => (float[n,3] y) {
   h = Neg (x)
   twice, same = my.Twice <by: float = 2.0> (h, , x)
   z = com.microsoft.Gelu (twice)
   y = Add (z, same)
}
"""


def reference(x: NDArray[Any], none: None, other: NDArray[Any], by: float) -> list[NDArray[Any]]:
    assert none is None
    return [x.astype(np.float64) * by, other]


def twice_by(by: float | None = None) -> Any:
    def twice(node: NodeView, tape: Tape) -> Decision:
        factor = by or node.attr_float("by", 1.0)
        return [tape.op("Mul", node.inputs[0], tape.const(np.float32(factor))), node.inputs[2]]

    return twice


def lowered(symbolic: Any, text: str = MINE, **options: Any) -> pot.Rewrite[Any]:
    return pot.lower(onnx.parser.parse_model(text), symbolics=[symbolic], verify=2, **options)


def mark(**options: Any) -> Any:
    return pot.symbolic("my::Twice", reference=reference, **options)


def test_each_node_is_compared_on_what_it_reads_in_the_new_model() -> None:
    made = lowered(mark()(twice_by())).report.verification
    assert made is not None
    assert made.samples == 2
    assert {row.value for row in made.outputs} >= {"twice", "z"}
    assert {(row.node, row.op_type) for row in made.outputs} == {
        ("twice", "my::Twice"),
        ("z", "com.microsoft::Gelu"),
    }
    assert "nothing here runs the old model: 2 nodes (1 my::Twice, 1 com.microsoft::Gelu)" in str(
        made.notes
    )


def test_another_opset_is_compared_with_the_lowered_model() -> None:
    made = lowered(mark()(twice_by()), to=11)
    assert made.report.opset == 11
    told = made.report.verification.notes
    assert "brought to opset 11, the new model gives the same outputs" in told


def test_a_wrong_symbolic_is_named() -> None:
    with pytest.raises(Refused) as caught:
        lowered(mark()(twice_by(3.0)))
    assert (
        "node 'twice' (my::Twice): its output 'twice' differs from the reference: max abs"
        in str(caught.value)
    )


def test_an_operand_that_is_left_out() -> None:
    @mark()
    def forgets(node: NodeView, tape: Tape) -> Decision:
        return [tape.op("Abs", node.inputs[2]), node.inputs[2]]

    with pytest.raises(BackendError, match=r"not compute 'h' of .*: does its symbolic leave"):
        lowered(forgets)


def test_without_a_reference_it_is_told_how_to_give_one() -> None:
    told = r"no reference of my::Twice is known: mark its symbolic with @pyonnxtool\.symbolic\("
    with pytest.raises(BackendError, match=told) as caught:
        lowered(pot.symbolic("my::Twice")(twice_by()))
    assert "skip the check with --no-verify" in str(caught.value)


def test_references_that_fail() -> None:
    def broken(*_inputs: Any, **_attributes: Any) -> Any:
        raise ZeroDivisionError("by zero")

    marked = pot.symbolic("my::Twice", reference=broken)(twice_by())
    with pytest.raises(BackendError, match=r"the reference of my::Twice failed at .*by zero"):
        lowered(marked)
    short = pot.symbolic("my::Twice", reference=lambda x, *_, by: x * by)(twice_by())
    with pytest.raises(BackendError, match=r"returns 1 array, and .* has 2 outputs"):
        lowered(short)


def test_nodes_of_functions_are_opened_and_those_of_bodies_cannot_be_looked_at() -> None:
    call = """
    <ir_version: 8, opset_import: ["" : 17, "my" : 1, "local" : 1]>
    g (float[n,3] x) => (float[n,3] y) { y = local.act (x) }
    <domain: "local", opset_import: ["" : 17, "my" : 1]>
    act (v) => (w) { w, u = my.Twice <by: float = 2.0> (v, , v) }
    """
    assert lowered(mark()(twice_by()), call).report.verification.samples == 2
    body = """
    <ir_version: 8, opset_import: ["" : 17, "my" : 1]>
    g (bool c, float[n,3] x) => (float[n,3] y) {
       y = If (c) <
          then_branch = t () => (float[n,3] a) { a, b = my.Twice <by: float = 2.0> (x, , x) },
          else_branch = e () => (float[n,3] d) { d = Identity (x) }
       >
    }
    """
    with pytest.raises(BackendError, match="is in a body, whose values nothing returns"):
        lowered(mark()(twice_by()), body)


def _boxes() -> tuple[list[NDArray[Any]], list[NDArray[Any]], list[NDArray[Any]]]:
    """Images and regions, boxes and scores, and what a deformable convolution reads."""
    rng = np.random.default_rng(0)

    def some(*shape: int) -> NDArray[Any]:
        return rng.standard_normal(shape).astype(np.float32)

    rois = np.array([[0, 1, 2, 11, 9], [1, 0, 0, 13, 15]], np.float32)
    boxes = np.abs(some(9, 4)) + np.array([0, 0, 3, 3], np.float32)
    deform = [some(2, 4, 6, 5), some(6, 2, 3, 3), some(2, 18, 4, 3), some(2, 9, 4, 3), some(6)]
    return [some(2, 12, 8, 7), rois], [boxes, some(9)], deform


def test_references_of_vision() -> None:
    regions, boxes, (x, weight, offset, mask, bias) = _boxes()
    pooled = {"spatial_scale": 0.5, "pooled_height": 2, "pooled_width": 3}
    output = {"spatial_scale": 0.5, "output_height": 2, "output_width": 3, "sampling_ratio": 2}
    sides = {f"{name}_{axis}": 1 for name in ("stride", "dilation") for axis in "hw"}
    sides |= {"pad_h": 0, "pad_w": 0, "offset_groups": 1}
    mm = {"stride": [1, 1], "padding": [0], "dilation": [1, 1], "groups": 2, "deform_groups": 1}
    deform = [x, weight, offset, mask, bias]
    cases: list[tuple[str, list[NDArray[Any]], list[int], dict[str, Any]]] = [
        ("torchvision::roi_align", regions, [1], pooled),
        ("torchvision::roi_pool", regions, [1], pooled),
        ("torchvision::ps_roi_align", regions, [1, 6], {**pooled, "sampling_ratio": 2}),
        ("torchvision::ps_roi_pool", regions, [1, 6], pooled),
        ("mmdeploy::MMCVRoiAlign", regions, [1], {**output, "mode": "max"}),
        ("torchvision::nms", boxes, [7], {"iou_threshold": 0.3}),
        ("mmcv::NonMaxSuppression", boxes, [7], {"iou_threshold": 0.3, "offset": 1}),
        ("torchvision::deform_conv2d", deform, [1], {**sides, "groups": 2}),
        ("torchvision::deform_conv2d", deform, [1], {**sides, "groups": 2, "use_mask": 0}),
        ("mmcv::MMCVModulatedDeformConv2d", [x, offset, mask, weight, bias], [1], mm),
        ("mmdeploy::MMCVDeformConv2d", [x, offset, weight], [1], {**mm, "bias": 0}),
    ]
    for operator, inputs, types, given in cases:
        model = model_of(operator, inputs, len(types), types=types, **given)
        made = pot.lower(model, verify=1, inputs=feeds_of(inputs))
        assert made.report.verification is not None
        assert made.report.verification.backends[0] == "references", operator
