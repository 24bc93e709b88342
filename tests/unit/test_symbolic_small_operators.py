"""Small operators of onnxruntime and of old ai.onnx in standard ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

import pyonnxtool as pot
from pyonnxtool.symbolics import SYMBOLICS
from support.downgraded import run_ort
from support.lowered_op import NEWEST, OPSETS, check, feeds_of, lowered, model_of, refusal

MS = "com.microsoft::"
NHWC = "com.ms.internal.nhwc::"
ALL = (*OPSETS, NEWEST)
RNG = np.random.default_rng(9)
BOOL, I64, F64 = 9, 7, 11


def floats(*shape: int, dtype: Any = np.float32) -> Any:
    """Spread around 0."""
    return RNG.standard_normal(shape).astype(dtype)


def ints(*values: Any) -> Any:
    """Of 64 bits."""
    return np.array(values, np.int64)


def test_what_ai_onnx_has_by_the_same_name() -> None:
    x = floats(3, 4, 5)
    places = np.array([[0, 3], [-1, 2]], np.int32)
    check(f"{MS}GatherND", [x, places], opsets=ALL)
    check(f"{MS}GatherND", [x, places.astype(np.int64)], opsets=(11,), open_sizes=True)
    for upper in (0, 1):
        for k in (None, np.array(-1, np.int64), np.array(2, np.int64)):
            check(f"{MS}Trilu", [x, k], opsets=ALL, upper=upper)
    for axis in (0, 2, 3, -1, -4):
        given = [x, np.array(axis, np.int32)]
        check(f"{MS}ExpandDims", given, opsets=ALL, constant=(1,))
    wanted = [x[:, None]]
    check(f"{MS}ExpandDims", [x, np.array(1, np.int32)], expected=wanted, opsets=(13, 23))
    check(f"{MS}TorchEmbedding", [x, ints(2, 0, 1, 1)], expected=[x[[2, 0, 1, 1]]], opsets=ALL)


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge"])
def test_pad(mode: str) -> None:
    x, pads = floats(3, 4), ints(1, 0, -1, 2)
    for ends in (pads, pads[None]):
        for value in (None, np.array(2.5, np.float32), np.array([2.5], np.float32)):
            given = [x, ends, value if mode == "constant" else None]
            check(f"{MS}Pad", given, opsets=ALL, constant=(1, 2), mode=mode)
    check(f"{MS}Pad", given, opsets=(13, 23), mode=mode, open_sizes=True)


def test_unique() -> None:
    x = np.array([2, 1, 1, 3, 4, 3, -0.5, 2], np.float32)
    kind = {"types": [1, I64, I64], "outputs": 3}
    check(f"{MS}Unique", [x], opsets=ALL, **kind)
    check(f"{MS}Unique", [x], opsets=(11,), open_sizes=True, **kind)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64, np.int16])
def test_range(dtype: Any) -> None:
    kind = {"types": [helper.np_dtype_to_tensor_dtype(np.dtype(dtype))]}
    start, limit, step = (np.array(one, dtype) for one in (1, 20, 3))
    check(f"{MS}Range", [start, limit, step], opsets=ALL, **kind)
    check(f"{MS}Range", [limit[None], start[None], -step[None]], opsets=(11, 23), **kind)
    check(f"{MS}Range", [start, limit], opsets=(11, 23), constant=(0,), **kind)


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_grid_sample(mode: str) -> None:
    """Of ai.onnx alone: that of com.microsoft in onnxruntime takes another grid for some edges."""
    given = [floats(2, 3, 4, 5), np.tanh(floats(2, 6, 7, 2))]
    form = {"mode": mode, "padding_mode": "border", "align_corners": 1}
    check(f"{MS}GridSample", given, opsets=(16, 20, 23), ulp=32, **form)


def test_modes_of_grid_sample() -> None:
    given = [floats(2, 3, 4, 5), floats(2, 6, 7, 2)]
    told = refusal(model_of(f"{MS}GridSample", given, mode="lanczos"))
    assert "its mode 'lanczos' is not known" in told


@pytest.mark.parametrize("metric", ["sqeuclidean", "euclidean"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cdist(metric: str, dtype: Any) -> None:
    given = [floats(5, 6, dtype=dtype), floats(4, 6, dtype=dtype)]
    kind = {"types": [1 if dtype == np.float32 else F64], "metric": metric}
    check(f"{MS}CDist", given, opsets=ALL, **kind)
    check(f"{MS}CDist", given, opsets=(11,), open_sizes=True, **kind)


def test_a_metric_that_is_not_known() -> None:
    told = refusal(model_of(f"{MS}CDist", [floats(2, 3), floats(2, 3)], metric="cosine"))
    assert "its metric 'cosine' is none of those of onnxruntime's processors" in told


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_is_all_finite(dtype: Any) -> None:
    fine, nan, inf = (np.full((2, 3), one, dtype) for one in (1, np.nan, -np.inf))
    operator, kind = f"{MS}IsAllFinite", {"types": [BOOL]}
    for odd, form, wanted in [
        (fine, {}, True),
        (nan, {}, False),
        (inf, {}, False),
        (nan, {"isinf_only": 1}, True),
        (inf, {"isinf_only": 1}, False),
        (inf, {"isnan_only": 1}, True),
        (nan, {"isnan_only": 1}, False),
    ]:
        given = [fine, odd, fine[0]]
        check(operator, given, expected=[np.array(wanted)], opsets=(11, 13, 23), **form, **kind)
    told = refusal(model_of(operator, [fine], isinf_only=1, isnan_only=1))
    assert "it is asked for nothing" in told


def test_complex_products() -> None:
    a, b = floats(2, 3, 4, 2), floats(3, 1, 2)
    left, right = (one.astype(np.float64) @ np.array([1, 1j]) for one in (a, b))
    for name, product in (("ComplexMul", left * right), ("ComplexMulConj", left * right.conj())):
        wanted = np.stack([product.real, product.imag], -1).astype(np.float32)
        check(f"{MS}{name}", [a, b], expected=[wanted], opsets=ALL)
        check(f"{MS}{name}", [a, b], expected=[wanted], opsets=(11,), open_sizes=True)


@pytest.mark.parametrize("form", [{"size": 3}, {"dim": 1, "size": 2, "step": 2}, {"size": 7}])
def test_unfold(form: dict[str, int]) -> None:
    for x in (floats(2, 5, 7), np.arange(70).reshape(2, 5, 7)):
        kind = {"types": [1 if x.dtype == np.float32 else I64], **form}
        check(f"{MS}UnfoldTensor", [x], opsets=ALL, **kind)
        check(f"{MS}UnfoldTensor", [x], opsets=(11, 23), open_sizes=True, **kind)


def test_an_unfold_that_fits_nothing() -> None:
    told = refusal(model_of(f"{MS}UnfoldTensor", [floats(2, 3)], dim=2, size=1))
    assert "dim=2, size=1 and step=1 fit no tensor of its rank" in told


@pytest.mark.parametrize("pads", [ints(0, 0, 0, 0), ints(1, 0, 2, 1)])
def test_conv_transpose(pads: Any) -> None:
    given = [floats(2, 4, 5, 6), floats(4, 3, 3, 3), pads, floats(3)]
    form: dict[str, Any] = {"strides": [2, 1], "output_padding": [1, 0]}
    operator = f"{MS}ConvTransposeWithDynamicPads"
    for known in ((1, 2, 3), (1, 3)):
        check(operator, given, opsets=ALL, constant=known, **form)
    check(operator, given, opsets=(11, 17), constant=(1,), open_sizes=True, **form)
    form["dilations"], form["group"] = [1, 2], 2
    check(operator, [*given[:3], floats(6)], opsets=(11,), **form)


def test_fourier() -> None:
    x = floats(3, 2, 8)
    spectrum = np.fft.rfft(x.astype(np.float64))
    parts = np.stack([spectrum.real, spectrum.imag], -1).astype(np.float32)
    check(f"{MS}Rfft", [x], expected=[parts], opsets=(11, 17, 20, 23), signal_ndim=1)
    check(f"{MS}Irfft", [parts], expected=[x], opsets=(11, 17, 20, 23), signal_ndim=1)
    told = refusal(model_of(f"{MS}Rfft", [x], signal_ndim=2))
    assert "its signal_ndim=2, where 1 alone is defined" in told


BOXES = np.array(
    [[0, 0, 1, 1], [0.2, 0.1, 0.7, 0.9], [-0.3, 0.2, 0.5, 1.4], [0.9, 0.8, 0.1, 0.3]], np.float32
)


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize("size", [(4, 5), (1, 3), (1, 1)])
def test_crop_and_resize(mode: str, size: tuple[int, int]) -> None:
    which = np.array([1, 0, 1, 0], np.int32)
    given = [floats(2, 3, 6, 7), BOXES, which, np.array(size, np.int32)]
    form = {"mode": mode, "extrapolation_value": 0.5}
    check(f"{MS}CropAndResize", given, opsets=ALL, constant=(3,), **form)
    check(f"{MS}CropAndResize", given, opsets=(11, 23), open_sizes=True, **form)


@pytest.mark.parametrize(
    ("operator", "attributes"),
    [
        ("Affine", {"alpha": 1.5, "beta": -0.5}),
        ("Scale", {"scale": 0.3}),
        ("ParametricSoftplus", {"alpha": 0.7, "beta": 1.3}),
        ("ScaledTanh", {"alpha": 0.7, "beta": 1.3}),
        ("ImageScaler", {"scale": 0.5, "bias": [1.0, 2.0, 3.0]}),
        ("Crop", {"border": [1, 2, 0, 1]}),
        ("Crop", {"border": [1, 2, 0, 0], "scale": [2, 3]}),
    ],
)
def test_operators_on_trial(operator: str, attributes: dict[str, Any]) -> None:
    """onnxruntime has them up to opset 9."""
    x = floats(2, 3, 6, 5)
    wanted = run_ort(model_of(operator, [x], opset=9, **attributes), feeds_of([x]))
    check(operator, [x], expected=wanted, opsets=(9, *ALL), **attributes)
    check(operator, [x], expected=wanted, opsets=(11,), open_sizes=True, **attributes)


def test_a_dynamic_slice() -> None:
    given = [floats(4, 5), ints(1, 0), ints(3, -1), ints(0, 1)]
    wanted = run_ort(model_of("DynamicSlice", given, opset=9), feeds_of(given))
    check("DynamicSlice", given, expected=wanted, opsets=ALL)
    assert "its border [1] are not four sides" in refusal(model_of("Crop", given[:1], border=[1]))


@pytest.mark.parametrize(
    ("operator", "more", "attributes"),
    [
        ("Conv", [(4, 3, 3, 3), (4,)], {"pads": [1, 0, 1, 0]}),
        ("ConvTranspose", [(3, 2, 3, 3)], {"strides": [2, 1]}),
        ("AveragePool", [], {"kernel_shape": [2, 3]}),
        ("MaxPool", [], {"kernel_shape": [2, 3], "strides": [2, 2]}),
        ("GlobalAveragePool", [], {}),
        ("GlobalMaxPool", [], {}),
        ("InstanceNormalization", [(3,), (3,)], {}),
        ("BatchNormalization", [(3,), (3,), (3,), (3,)], {}),
        ("LRN", [], {"size": 3}),
        ("SpaceToDepth", [], {"blocksize": 2}),
    ],
)
def test_channels_last_of_layout_transformations(
    operator: str, more: list[Any], attributes: dict[str, Any]
) -> None:
    """Of processors that this onnxruntime does not have: beside that of ai.onnx."""
    x, others = floats(2, 3, 6, 8), [np.abs(floats(*shape)) for shape in more]
    (wanted,) = run_ort(model_of(operator, [x, *others], **attributes), feeds_of([x, *others]))
    given = [np.moveaxis(x, 1, 3).copy(), *others]
    expected = [np.moveaxis(wanted, 1, 3)]
    known = tuple(range(1, 1 + len(others)))
    where = {"expected": expected, "constant": known, **attributes}
    check(f"{NHWC}{operator}", given, opsets=(11, 17, 23), **where)


def test_resize_of_layout_transformations() -> None:
    x, scales = floats(1, 4, 5, 3), np.array([1, 2, 1.5, 1], np.float32)
    given = [x, None, scales]
    (wanted,) = run_ort(model_of("Resize", given), feeds_of(given))
    check(f"{NHWC}Resize", given, expected=[wanted], opsets=(11, 23), constant=(2,))
    told = refusal(model_of(f"{NHWC}Resize", [x, scales]))
    assert "it is that of opset 10, which rounds places otherwise" in told


def test_places_of_the_largest_are_others_there() -> None:
    told = refusal(model_of(f"{NHWC}MaxPool", [floats(1, 4, 5, 3)], 2, kernel_shape=[2, 2]))
    assert "places in memory that MaxPool tells are others there" in told


@pytest.mark.parametrize(
    ("operator", "told"),
    [
        ("MatMulFpQ4", "its weights are packed for one processor; start from the model before"),
        ("Inverse", "ai.onnx has no inverse of a matrix; compute it where it is constant"),
        ("MurmurHash3", "ai.onnx has no hash of an element's bytes"),
        ("Tokenizer", "it cuts texts by expressions; feed the tokens"),
        ("EPContext", "it holds a program for one vendor's device; start from the model before"),
    ],
)
def test_operators_without_an_equal(operator: str, told: str) -> None:
    assert told in refusal(model_of(f"{MS}{operator}", [floats(2, 2)]))


def test_nodes_with_inputs_missing() -> None:
    """No node takes the process down: what it lacks is said."""
    for operator in (*_names(MS), *_names(NHWC), *_names("com.microsoft.nchwc::")):
        for given in ([], [floats(2, 3)]):
            model = model_of(operator, given)
            try:
                lowered(model)
            except (pot.Refused, pot.ModelError, onnx.checker.ValidationError):
                continue


def _names(domain: str) -> list[str]:
    return [name for name in SYMBOLICS if name.startswith(domain)]
