"""Operators of ai.onnx that are built of older ones, for runtimes that do not have them.

The models are those of the onnx package's own tests, with the numbers that these expect.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import onnx
import pytest
from onnx.backend.test.case.node import collect_testcases
from onnx.backend.test.case.test_case import TestCase

import pyonnxtool as pot
from pyonnxtool.errors import Refused
from support.downgraded import run_ort

CASES = {
    "DeformConv": ("test_basic_deform_conv_with_padding", "test_deform_conv_with_mask_bias"),
    "GridSample": ("test_gridsample_bicubic", "test_gridsample_reflection_padding"),
    "RoiAlign": ("test_roialign_aligned_true", "test_roialign_mode_max"),
    "Einsum": ("test_einsum_batch_diagonal", "test_einsum_inner_prod"),
    "NonMaxSuppression": (
        *("test_nonmaxsuppression_center_point_box_format",),
        *("test_nonmaxsuppression_two_batches", "test_nonmaxsuppression_flipped_coordinates"),
    ),
    "CenterCropPad": ("test_center_crop_pad_crop_and_pad",),
    "Col2Im": ("test_col2im_dilations",),
    "AffineGrid": ("test_affine_grid_2d_align_corners",),
    "Attention": ("test_attention_4d_causal",),
    "RotaryEmbedding": ("test_rotary_embedding_3d_input",),
    "GroupNormalization": ("test_group_normalization_epsilon",),
    "Resize": ("test_resize_upsample_scales_cubic_asymmetric", "test_resize_tf_crop_and_resize"),
    "ScatterElements": ("test_scatter_elements_with_negative_indices",),
    "TensorScatter": ("test_tensorscatter",),
}
OPSETS = (11, 17, 26)
HALF_A_DIGIT = 5e-5
"""What the tests of the onnx package expect is written down with four digits behind the point."""


@cache
def cases() -> dict[str, TestCase]:
    """By name. They cannot be had one by one: two seconds."""
    return {case.name: case for case in collect_testcases(None)}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("op_type", CASES)
def test_they_compute_what_the_operator_does(op_type: str) -> None:
    for name in CASES[op_type]:
        case = cases()[name]
        assert case.model is not None and case.data_sets is not None
        inputs, outputs = case.data_sets[0]
        names = [info.name for info in case.model.graph.input]
        for opset in OPSETS:
            try:
                model = pot.opset(case.model, opset).model
            except Refused:  # it does not get there
                continue
            made = pot.to_proto(pot.lower(model, expand=[op_type]).model)
            onnx.checker.check_model(made, full_check=True)
            assert op_type not in {node.op_type for node in made.graph.node}
            found = run_ort(made, dict(zip(names, inputs, strict=True)))
            for ours, theirs in zip(outputs, found, strict=True):
                np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=HALF_A_DIGIT)


def expanded(text: str, opset: int, op_type: str) -> str:
    """The refusal of a node that is to be expanded."""
    graph = f'<ir_version: 8, opset_import: ["" : {opset}]> g {text}'
    with pytest.raises(Refused) as caught:
        pot.lower(onnx.parser.parse_model(graph), expand=[op_type])
    return str(caught.value)


def test_what_is_refused() -> None:
    model = "(float[2] x) => (float[2] y) { y = Relu (x) }"
    assert "every opset has it, so it is not built of older" in expanded(model, 17, "Relu")
    model = "(float[2] x) => (int32[2] y) { y = BitCast <to = 6> (x) }"
    assert "the bits of float32 as int32 have no form in older" in expanded(model, 26, "BitCast")
