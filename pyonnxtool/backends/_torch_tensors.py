"""Tensors to arrays and back, without a detour through another dtype."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import torch

from pyonnxtool.backends import Array

_SMALL = {
    torch.bfloat16: (torch.int16, ml_dtypes.bfloat16),
    torch.float8_e4m3fn: (torch.int8, ml_dtypes.float8_e4m3fn),
    torch.float8_e5m2: (torch.int8, ml_dtypes.float8_e5m2),
    torch.float8_e4m3fnuz: (torch.int8, ml_dtypes.float8_e4m3fnuz),
    torch.float8_e5m2fnuz: (torch.int8, ml_dtypes.float8_e5m2fnuz),
}
"""dtypes that numpy lacks: the integers of their size, and their name in ml_dtypes."""
_SMALL_BACK = {np.dtype(theirs): (ours, bits) for ours, (bits, theirs) in _SMALL.items()}


def as_array(tensor: Any) -> Array:
    """The tensor's elements, sharing its memory where it is dense. Complex gets a last axis."""
    plain = tensor.detach()
    if plain.is_complex():
        plain = torch.view_as_real(plain)  # as the ONNX exporters write it
    if plain.device.type != "cpu":
        plain = plain.cpu()
    plain = plain.resolve_conj().resolve_neg()
    if plain.dtype in _SMALL:
        bits, dtype = _SMALL[plain.dtype]
        return np.asarray(plain.contiguous().view(bits).numpy().view(dtype))
    return np.asarray(plain.numpy())


def as_tensor(array: Array) -> Any:
    """A copy in torch's own memory, so that its alignment is the same on every run."""
    array = np.ascontiguousarray(array)
    if array.dtype in _SMALL_BACK:
        dtype, bits = _SMALL_BACK[array.dtype]
        whole = array.view(np.int16 if bits is torch.int16 else np.int8)
        return torch.tensor(whole).view(dtype)
    return torch.tensor(array)
