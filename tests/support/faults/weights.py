"""Faults in what a model knows: weights, biases, constants."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from support.faults.site import Site

WEIGHT_INPUT = {
    "Conv": 1, "ConvTranspose": 1, "Gemm": 1, "MatMul": 1, "Gather": 0, "LSTM": 1, "GRU": 2,
    "PRelu": 1, "LayerNormalization": 1, "BatchNormalization": 1, "Dense": 1,
}  # fmt: skip


def _weight(site: Site, dimensions: int = 1) -> tuple[int, NDArray[Any]] | None:
    index = WEIGHT_INPUT.get(site.node.op_type)
    if index is None:
        return None
    data = site.const(index)
    if data is None or data.dtype.kind != "f" or data.ndim < dimensions or data.size < 2:
        return None
    return index, data


def element(site: Site) -> str | None:
    if (found := _weight(site)) is None:
        return None
    index, data = found
    place = int(site.rng.integers(data.size))
    data.flat[place] += 1e-3 * np.abs(data).max()
    site.put(index, data)
    return f"element {place} of input {index} changed by 1e-3 of the weight's scale"


def large_element(site: Site) -> str | None:
    if (found := _weight(site)) is None:
        return None
    index, data = found
    place = int(site.rng.integers(data.size))
    data.flat[place] += 0.5 * np.abs(data).max()
    site.put(index, data)
    return f"element {place} of input {index} changed by half of the weight's scale"


def scaled(site: Site) -> str | None:
    if (found := _weight(site)) is None:
        return None
    site.put(found[0], found[1] * (1 + 1e-3))
    return f"input {found[0]} times 1.001"


def sign_flipped(site: Site) -> str | None:
    if (found := _weight(site)) is None:
        return None
    site.put(found[0], -found[1])
    return f"input {found[0]} has the other sign"


def half_precision(site: Site) -> str | None:
    if (found := _weight(site)) is None:
        return None
    site.put(found[0], found[1].astype(np.float16))
    return f"input {found[0]} rounded to float16"


def channels_swapped(site: Site) -> str | None:
    if (found := _weight(site)) is None or found[1].shape[0] < 2:
        return None
    index, data = found
    one, other = site.rng.choice(data.shape[0], 2, replace=False)
    data[[one, other]] = data[[other, one]]
    site.put(index, data)
    return f"rows {one} and {other} of input {index} swapped"


def transposed(site: Site) -> str | None:
    found = _weight(site, dimensions=2)
    if found is None or found[1].shape[0] != found[1].shape[1]:
        return None
    site.put(found[0], found[1].swapaxes(0, 1))
    return f"input {found[0]} transposed"


def kernel_flipped(site: Site) -> str | None:
    found = _weight(site, dimensions=4)
    if found is None or found[1].shape[-1] < 2:
        return None
    site.put(found[0], found[1][..., ::-1])
    return "the kernel is mirrored"


def rows_shifted(site: Site) -> str | None:
    if site.node.op_type != "Gather" or (found := _weight(site, 2)) is None:
        return None
    site.put(0, np.roll(found[1], 1, axis=0))
    return "the table's rows are shifted by one"


def bias_shifted(site: Site) -> str | None:
    places = {"Conv": (2,), "Gemm": (2,), "Add": (0, 1), "BatchNormalization": (2, 3)}
    for index in places.get(site.node.op_type, ()):
        data = site.const(index)
        if data is not None and data.ndim == 1 and data.dtype.kind == "f":
            site.put(index, data + 1e-2 * np.abs(data).max())
            return f"input {index} shifted by 1e-2 of its scale"
    return None


def bias_dropped(site: Site) -> str | None:
    if site.node.op_type not in ("Conv", "Gemm") or len(site.node.input) < 3:
        return None
    del site.node.input[2:]
    return "no bias"


def variance_scaled(site: Site) -> str | None:
    if site.node.op_type != "BatchNormalization" or (data := site.const(4)) is None:
        return None
    site.put(4, data * 1.05)
    return "running variance times 1.05"


def scalar_changed(site: Site) -> str | None:
    """An attention scale, an exponent, a factor of Gelu: one per cent off."""
    if site.node.op_type not in ("Mul", "Div", "Pow", "Add", "Sub", "Max", "Min"):
        return None
    for index in range(len(site.node.input)):
        data = site.const(index)
        if data is not None and data.size == 1 and data.dtype.kind == "f" and data.item() > 1e-2:
            site.put(index, data * 1.01)
            return f"input {index} is {data.item() * 1.01:g} instead of {data.item():g}"
    return None


def epsilon_constant(site: Site) -> str | None:
    if site.node.op_type != "Add":
        return None
    for index in (0, 1):
        data = site.const(index)
        if data is not None and data.size == 1 and data.dtype.kind == "f" and 0 < data < 1e-2:
            site.put(index, data * 10 if data > 1e-4 else np.full_like(data, 1e-3))
            return f"epsilon changed from {data.item():g}"
    return None


def _mask(site: Site, value: float) -> str | None:
    for index in range(len(site.node.input)):
        data = site.const(index)
        if data is not None and data.dtype.kind == "f" and data.size and data.min() < -1e3:
            site.put(index, np.where(data < -1e3, value, data))
            return f"masked with {value:g}"
    return None


def mask_weaker(site: Site) -> str | None:
    """Another large negative number: no fault in effect."""
    return _mask(site, -1e4)


def mask_broken(site: Site) -> str | None:
    return _mask(site, -2.0)


def mask_infinite(site: Site) -> str | None:
    """(1 - mask) * -inf is NaN wherever the mask is one."""
    return _mask(site, -np.inf)


def clip_bound(site: Site) -> str | None:
    if site.node.op_type != "Clip":
        return None
    for index in (2, 1):
        data = site.const(index)
        if data is not None:
            site.put(index, data * 0.9 + 0.01)
            return f"bound {index} moved from {data.item():g}"
    return None


def quantization_scale(site: Site) -> str | None:
    if site.node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
        return None
    if (data := site.const(1)) is None:
        return None
    site.put(1, data * 1.02)
    return "scale times 1.02"


def zero_point(site: Site) -> str | None:
    if site.node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
        return None
    data = site.const(2)
    if data is None or data.size != 1:
        return None
    site.put(2, data.astype(np.int64) + (1 if data.item() < 100 else -1))
    return "zero point off by one"


def saturation(site: Site) -> str | None:
    """Both scales of a pair are too small, so that large values saturate."""
    if site.node.op_type != "QuantizeLinear" or (data := site.const(1)) is None:
        return None
    site.put(1, data * 0.5)
    return "scale halved, so values saturate"


def grid_shifted(site: Site) -> str | None:
    """A larger constant table (positions, rotary angles, anchors) is off by one row."""
    if site.node.op_type not in ("Add", "Mul"):
        return None
    for index in (0, 1):
        data = site.const(index)
        if data is not None and data.ndim > 1 and data.size > 4 and data.dtype.kind == "f":
            site.put(index, np.roll(data, 1, axis=data.ndim - 2))
            return f"table at input {index} shifted by one"
    return None


PLANTERS = {
    "weight_element": element,
    "weight_large_element": large_element,
    "weight_scaled": scaled,
    "weight_sign": sign_flipped,
    "weight_fp16": half_precision,
    "weight_channels_swapped": channels_swapped,
    "weight_transposed": transposed,
    "weight_kernel_flipped": kernel_flipped,
    "weight_rows_shifted": rows_shifted,
    "bias_shifted": bias_shifted,
    "bias_dropped": bias_dropped,
    "bn_variance": variance_scaled,
    "scalar_constant": scalar_changed,
    "epsilon_constant": epsilon_constant,
    "mask_weaker": mask_weaker,
    "mask_broken": mask_broken,
    "mask_infinite": mask_infinite,
    "clip_bound": clip_bound,
    "quantization_scale": quantization_scale,
    "zero_point": zero_point,
    "saturation": saturation,
    "table_shifted": grid_shifted,
}
