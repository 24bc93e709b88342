"""Resize and Upsample at lower opsets give the numbers that they gave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.support.downgraded import check, refusal

ULP = {"nearest": 0, "linear": 4, "cubic": 64}
"""Sums of products of float32 in another order, without cancellation: elements are above zero.
The places, in float32, are those of onnxruntime to the last bit. Coefficients of cubics are ours in
float64; its own in float32 are sums of terms ten times as large, eight of them to an element."""


def image(*shape: int) -> dict[str, Any]:
    """Elements from 1 to 2."""
    return {"x": np.random.default_rng(0).uniform(1, 2, shape).astype(np.float32)}


def resize(
    opset: int,
    shape: Sequence[int | str],
    *,
    scales: Sequence[float] | None = None,
    sizes: Sequence[int] | None = None,
    roi: Sequence[float] | None = None,
    dtype: int = TensorProto.FLOAT,
    **attributes: Any,
) -> onnx.ModelProto:
    """A model of one Resize; with empty constants for what is not given where those are asked."""
    given: dict[str, Any] = {
        "roi": None if roi is None else np.array(roi, np.float32),
        "scales": None if scales is None else np.array(scales, np.float32),
        "sizes": None if sizes is None else np.array(sizes, np.int64),
    }
    if opset < 13:
        empty = np.zeros(0, np.float32)
        given |= {name: empty for name in ("roi", "scales") if given[name] is None}
    names = [name if value is not None else "" for name, value in given.items()]
    node = helper.make_node("Resize", ["x", *names], ["y"], **attributes)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info("y", dtype, [None] * len(shape))],
        [
            numpy_helper.from_array(value, name)
            for name, value in given.items()
            if value is not None
        ],
    )
    ir_version = max(row[1] for row in helper.VERSION_TABLE if row[2] <= opset)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version
    )


COORDINATES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")


@pytest.mark.parametrize("sizes", [(5, 7), (11, 3), (1, 14), (10, 10)])
@pytest.mark.parametrize("coordinates", [*COORDINATES, "tf_half_pixel_for_nn"])
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_known_sizes(mode: str, coordinates: str, sizes: tuple[int, int]) -> None:
    """Every mode there is, larger and smaller and to one element."""
    model = resize(
        12,
        (2, 3, 5, 7),
        sizes=(2, 3, *sizes),
        mode=mode,
        coordinate_transformation_mode=coordinates,
    )
    for to in (10, 9, 7):
        check(model, to, image(2, 3, 5, 7), ulp=ULP[mode])


@pytest.mark.parametrize("rounding", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
@pytest.mark.parametrize("coordinates", COORDINATES)
def test_nearest_elements(rounding: str, coordinates: str) -> None:
    """Ties and exact places of all sizes up to 12, each from onnxruntime bit for bit."""
    for size in (1, 3, 4, 7, 12):
        for resized in (1, 2, 3, 5, 8, 12):
            model = resize(
                11,
                (1, 1, size, size),
                sizes=(1, 1, resized, 13 - resized),
                nearest_mode=rounding,
                coordinate_transformation_mode=coordinates,
            )
            check(model, 9)


@pytest.mark.parametrize("shape", [(7,), (3, 7), (2, 3, 7), (1, 5, 6, 2), (1, 2, 3, 4, 5)])
@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_ranks(mode: str, coordinates: str, shape: tuple[int, ...]) -> None:
    """Any rank, and channels that come last; the reference runs what onnxruntime does not."""
    changed = {1: [0], 2: [0, 1], 3: [0, 1, 2], 4: [1, 2], 5: [2, 3, 4]}[len(shape)]
    sizes = [size + 2 - at if at in changed else size for at, size in enumerate(shape)]
    model = resize(11, shape, sizes=sizes, mode=mode, coordinate_transformation_mode=coordinates)
    check(model, 9, image(*shape), ulp=ULP[mode])


@pytest.mark.parametrize("exclude_outside", [0, 1])
@pytest.mark.parametrize("cubic_coeff_a", [-0.75, -0.5])
def test_cubic_coefficients(cubic_coeff_a: float, exclude_outside: int) -> None:
    """Both common choices, with weights of what is outside left out or given to the edge."""
    model = resize(
        11,
        (1, 2, 4, 5),
        sizes=(1, 2, 9, 3),
        mode="cubic",
        cubic_coeff_a=cubic_coeff_a,
        exclude_outside=exclude_outside,
    )
    check(model, 9, image(1, 2, 4, 5), ulp=ULP["cubic"])


@pytest.mark.parametrize("scale", [0.3, 0.5, 0.6, 0.8, 1.25, 1.5, 2, 2.6, 3])
@pytest.mark.parametrize("coordinates", ["half_pixel", "pytorch_half_pixel", "asymmetric"])
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_scales_that_leave_a_rest(mode: str, coordinates: str, scale: float) -> None:
    """Places are those of the scale that is given, not of the sizes that come out."""
    model = resize(
        11,
        (1, 1, 5, 7),
        scales=(1, 1, scale, 2),
        mode=mode,
        coordinate_transformation_mode=coordinates,
    )
    check(model, 9, image(1, 1, 5, 7), ulp=ULP[mode])


@pytest.mark.parametrize("exclude_outside", [0, 1])
@pytest.mark.parametrize("sizes", [(3, 5), (2, 13), (1, 1), (7, 4)])
@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_antialias(mode: str, sizes: tuple[int, int], exclude_outside: int) -> None:
    """More elements count where an axis gets smaller."""
    model = resize(
        18,
        (1, 2, 7, 9),
        sizes=(1, 2, *sizes),
        mode=mode,
        antialias=1,
        exclude_outside=exclude_outside,
    )
    check(model, 17, image(1, 2, 7, 9), ulp=ULP[mode])


@pytest.mark.parametrize("policy", ["not_larger", "not_smaller"])
@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_aspect_ratio(mode: str, policy: str) -> None:
    """One scale for the listed axes, also where it does not give a whole number."""
    for size in ((5, 7), (9, 4), (8, 8)):
        model = resize(
            18,
            (1, 2, *size),
            sizes=(7, 8),
            axes=[2, 3],
            mode=mode,
            keep_aspect_ratio_policy=policy,
        )
        check(model, 9, image(1, 2, *size), ulp=ULP[mode])


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_symmetric(mode: str) -> None:
    """half_pixel_symmetric centres what a scale leaves over."""
    for scale in (0.6, 1.3, 1.5, 2.0, 2.3):
        model = resize(
            19,
            (1, 1, 6, 7),
            scales=(1, 1, scale, scale),
            mode=mode,
            coordinate_transformation_mode="half_pixel_symmetric",
        )
        check(model, 18, image(1, 1, 6, 7), ulp=ULP[mode])


def test_axes_computed_at_run_time() -> None:
    """Scales of some axes only, which an input has; in any order."""
    model = resize(18, ("n", 1, "h", "w"), scales=(2, 3), axes=[3, 2])
    model.graph.initializer.pop()
    model.graph.input.append(helper.make_tensor_value_info("scales", TensorProto.FLOAT, [2]))
    feeds = {**image(1, 1, 3, 4), "scales": np.array([2, 3], np.float32)}
    check(model, 17, feeds)
    check(model, 10, feeds)


def at_run_time(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """The model with an input in place of its last constant."""
    known = model.graph.initializer.pop()
    model.graph.input.append(helper.make_tensor_value_info(name, known.data_type, known.dims))
    return model


@pytest.mark.parametrize("by", ["scales", "sizes"])
@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_sizes_that_only_the_run_tells(mode: str, coordinates: str, by: str) -> None:
    """Nothing is known but the rank: the same places, computed by the model."""
    rng = np.random.default_rng(3)
    for rounding in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
        if mode != "nearest" and rounding == "ceil":
            break
        model = resize(
            11,
            ("n", "c", "h", "w"),
            **{by: (1, 1, 1, 1)},
            mode=mode,
            nearest_mode=rounding,
            exclude_outside=int(mode == "cubic" and rounding == "floor"),
            coordinate_transformation_mode=coordinates,
        )
        model = at_run_time(model, by)
        if (by, coordinates) == ("scales", "align_corners"):
            assert "need not be a whole number" in refusal(model, 10)
            return
        for _ in range(2):
            size = rng.integers(4, 30, 2)
            wanted = rng.integers(1, 40, 2) if by == "sizes" else rng.choice([0.25, 1, 3.2], 2)
            feeds = image(1, 2, *size)
            given = [1, 2, *wanted] if by == "sizes" else [1, 1, *wanted]
            feeds[by] = np.array(given, np.int64 if by == "sizes" else np.float32)
            check(model, 9 if mode != "nearest" or by == "sizes" else 10, feeds, ulp=ULP[mode])


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_regions(mode: str, known: bool) -> None:
    """tf_crop_and_resize, in and partly out of the input; also to one element."""
    for sizes in ((5, 4), (1, 3)):
        model = resize(
            11,
            (1, 1, 4, 6),
            sizes=(1, 1, *sizes),
            roi=(0, 0, 0.2, -0.3, 1, 1, 1.2, 0.9),
            mode=mode,
            coordinate_transformation_mode="tf_crop_and_resize",
            extrapolation_value=7.0,
        )
        feeds = image(1, 1, 4, 6)
        if not known:
            roi = next(one for one in model.graph.initializer if one.name == "roi")
            feeds["roi"] = numpy_helper.to_array(roi)
            model.graph.initializer.remove(roi)
            model.graph.input.append(helper.make_tensor_value_info("roi", TensorProto.FLOAT, [8]))
        check(model, 10, feeds, ulp=ULP[mode])
        check(model, 9, feeds, ulp=ULP[mode])


@pytest.mark.parametrize("exclude_outside", [0, 1])
@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_antialias_at_run_time(mode: str, exclude_outside: int) -> None:
    """How far weights reach is only known then."""
    model = resize(
        18,
        (1, 2, "h", "w"),
        sizes=(1, 1),
        axes=[2, 3],
        mode=mode,
        antialias=1,
        exclude_outside=exclude_outside,
    )
    model = at_run_time(model, "sizes")
    for wanted in ((3, 5), (2, 13), (1, 1)):
        feeds = image(1, 2, 7, 9) | {"sizes": np.array(wanted, np.int64)}
        check(model, 17, feeds, ulp=ULP[mode])
        check(model, 9, feeds, ulp=ULP[mode])


@pytest.mark.parametrize("policy", ["not_larger", "not_smaller"])
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_aspect_ratio_at_run_time(mode: str, policy: str) -> None:
    """The least, or the largest, scale of the listed axes, which are in an order of their own."""
    model = resize(
        18,
        (1, 2, "h", "w"),
        sizes=(1, 1),
        axes=[3, 2],
        mode=mode,
        keep_aspect_ratio_policy=policy,
    )
    model = at_run_time(model, "sizes")
    for size, wanted in (((5, 7), (8, 9)), ((9, 4), (3, 4)), ((6, 6), (6, 6))):
        feeds = image(1, 2, *size) | {"sizes": np.array(wanted, np.int64)}
        check(model, 17, feeds, ulp=ULP[mode])


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_symmetric_at_run_time(mode: str) -> None:
    """Scales of one axis only, which an input has."""
    model = resize(
        19,
        (1, 2, "h", "w"),
        scales=(1,),
        axes=[3],
        mode=mode,
        coordinate_transformation_mode="half_pixel_symmetric",
    )
    model = at_run_time(model, "scales")
    for scale in (0.6, 1.0, 1.3, 2.0):
        feeds = image(1, 2, 3, 7) | {"scales": np.array([scale], np.float32)}
        check(model, 18, feeds, ulp=ULP[mode])


@pytest.mark.parametrize("factors", [(2, 2), (1, 4), (3, 2), (5, 8)])
def test_enlarged_by_whole_numbers(factors: tuple[int, int]) -> None:
    """Linear, of sizes that are not known: each element spreads as a triangle."""
    model = resize(11, ("n", 3, "h", "w"), scales=(1, 1, *factors), mode="linear")
    for size in ((1, 1), (4, 7)):
        made = check(model, 9, image(2, 3, *size), ulp=ULP["linear"])
    assert [node.op_type for node in made.graph.node] == ["Pad", "ConvTranspose"]


@pytest.mark.parametrize(
    "dtype",
    [
        TensorProto.FLOAT16,
        TensorProto.DOUBLE,
        TensorProto.INT64,
        TensorProto.UINT8,
        TensorProto.INT32,
    ],
)
def test_other_dtypes_are_gathered(dtype: int) -> None:
    """Nearest elements of any dtype, bit for bit."""
    model = resize(13, (1, 1, 3, 4), sizes=(1, 1, 5, 9), dtype=dtype)
    check(model, 9)


def test_what_does_not_change_goes() -> None:
    """A Resize to the size that there is, as exporters leave it."""
    made = check(resize(11, (1, 2, 3, 4), sizes=(1, 2, 3, 4), mode="cubic"), 9)
    assert [node.op_type for node in made.graph.node] == ["Identity"]
