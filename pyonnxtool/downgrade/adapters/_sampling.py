"""Where each element of a resized axis comes from: coordinates, nearest elements, weights.

Sums are made in float32 in the order in which onnxruntime makes them, so that ties and sizes that
are no whole multiples come out as they did before; float64 tensors, which it does not resize, get
float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIE = 1e-6
"""Places this close to the middle of two elements are in the middle but for how scales are rounded.
onnxruntime 1.31 takes them so; it used to be float32's luck."""


@dataclass(frozen=True)
class Axis:
    """One axis that is resized, of sizes that are known."""

    axis: int
    size: int
    resized: int
    scale: float
    start: float = 0.0
    """Of the region of interest, where 1 is the last element; only used to crop."""
    end: float = 1.0


@dataclass(frozen=True)
class Sampling:
    """Attributes of a Resize."""

    mode: str
    coordinates: str
    nearest: str
    cubic_a: float = -0.75
    exclude_outside: bool = False
    antialias: bool = False

    @property
    def crops(self) -> bool:
        """Whether elements outside of the input are a value of their own."""
        return self.coordinates == "tf_crop_and_resize"


def coordinates(how: str, axis: Axis, dtype: type[np.floating[Any]]) -> NDArray[Any]:
    """Place in the input that each element of the output is taken from."""
    x = np.arange(axis.resized, dtype=dtype)
    return np.asarray(PLACES[how](x, axis, dtype), dtype)


def _half_pixel(x: NDArray[Any], axis: Axis, dtype: type[np.floating[Any]]) -> Any:
    return (x + dtype(0.5)) / dtype(axis.scale) - dtype(0.5)


def _symmetric(x: NDArray[Any], axis: Axis, dtype: type[np.floating[Any]]) -> Any:
    size, scale = dtype(axis.size), dtype(axis.scale)
    offset = size / dtype(2) * (dtype(1) - dtype(axis.resized) / (scale * size))
    return np.float64(offset) + (x.astype(np.float64) + 0.5) / np.float64(scale) - 0.5


def _pytorch(x: NDArray[Any], axis: Axis, dtype: type[np.floating[Any]]) -> Any:
    return _half_pixel(x, axis, dtype) if axis.resized > 1 else np.zeros_like(x)


def _align_corners(x: NDArray[Any], axis: Axis, dtype: type[np.floating[Any]]) -> Any:
    return x * dtype(axis.size - 1) / dtype(axis.resized - 1) if axis.resized > 1 else x


def _asymmetric(x: NDArray[Any], axis: Axis, dtype: type[np.floating[Any]]) -> Any:
    return x / dtype(axis.scale)


def _tensorflow(x: NDArray[Any], axis: Axis, dtype: type[np.floating[Any]]) -> Any:
    return (x + dtype(0.5)) / dtype(axis.scale)


def _crop(x: NDArray[Any], axis: Axis, dtype: type[np.floating[Any]]) -> Any:
    start, end, last = dtype(axis.start), dtype(axis.end), dtype(axis.size - 1)
    if axis.resized > 1:
        return start * last + x * (end - start) * last / dtype(axis.resized - 1)
    return np.full_like(x, 0.5 * np.float64(start + end) * np.float64(last))


PLACES = {
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _symmetric,
    "pytorch_half_pixel": _pytorch,
    "align_corners": _align_corners,
    "asymmetric": _asymmetric,
    "tf_half_pixel_for_nn": _tensorflow,
    "tf_crop_and_resize": _crop,
}
"""Every coordinate_transformation_mode that there ever was."""


def nearest(how: str, places: NDArray[Any], size: int) -> NDArray[np.int64]:
    """Index of the element that is nearest to each place."""
    exact = places.astype(np.float64)  # in which a half can be added
    rounded = {
        "round_prefer_floor": np.ceil(exact - 0.5 - TIE),
        "round_prefer_ceil": np.floor(exact + 0.5 + TIE),
        "floor": np.floor(exact),
        "ceil": np.ceil(exact),
    }
    return np.clip(rounded[how].astype(np.int64), 0, size - 1)


def outside(places: NDArray[Any], size: int) -> NDArray[np.bool_]:
    """Whether a place is before the first element or after the last one."""
    return np.asarray((places < 0) | (places > size - 1))


def weights(sampling: Sampling, axis: Axis, dtype: type[np.floating[Any]]) -> NDArray[Any]:
    """How much of each element of the input is in each element of the output, [resized, size]."""
    places = coordinates(sampling.coordinates, axis, dtype)
    stretch = min(float(axis.scale), 1.0) if sampling.antialias else 1.0
    reach = int(np.ceil((1 if sampling.mode == "linear" else 2) / stretch))
    if sampling.mode == "linear" and not sampling.antialias:
        places = np.clip(places, 0, axis.size - 1)
    low = np.floor(places).astype(np.int64)
    taps = low[:, None] + np.arange(1 - reach, reach + 1)
    away = np.abs(taps - places[:, None]).astype(np.float64) * stretch
    linear = sampling.mode == "linear"
    parts = np.clip(1 - away, 0, 1) if linear else _keys(away, sampling.cubic_a)
    if sampling.exclude_outside:
        parts = np.where((taps < 0) | (taps >= axis.size), 0, parts)
    if sampling.exclude_outside or sampling.antialias:
        parts = parts / parts.sum(axis=1, keepdims=True)
    made = np.zeros((axis.resized, axis.size), np.float64)
    rows = np.broadcast_to(np.arange(axis.resized)[:, None], taps.shape)
    np.add.at(made, (rows, np.clip(taps, 0, axis.size - 1)), parts)
    return made.astype(dtype)


def _keys(away: NDArray[Any], a: float) -> NDArray[Any]:
    """The cubic of R. Keys, "Cubic Convolution Interpolation", equation (4)."""
    near = ((a + 2) * away - (a + 3)) * away * away + 1
    far = ((a * away - 5 * a) * away + 8 * a) * away - 4 * a
    return np.where(away <= 1, near, np.where(away < 2, far, 0.0))
