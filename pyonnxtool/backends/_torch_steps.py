"""What operators compute on the way, where the ONNX exporters write them as several nodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import torch

Steps: TypeAlias = "Iterator[tuple[str, Any]]"
"""The name of what is done, and its result."""


def steps_of(op: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Steps:
    """The steps of a call before its result; nothing for an operator that is one node."""
    found = _STEPS.get(op)
    if found is None:
        return
    try:
        yield from found(*args, **kwargs)
    except (TypeError, RuntimeError):  # a signature or a form that no exporter writes as steps
        return


def _linear(x: Any, weight: Any, bias: Any = None) -> Steps:
    if bias is not None:
        yield "matmul", x @ weight.transpose(-1, -2)


def _addmm(bias: Any, x: Any, weight: Any, **_: Any) -> Steps:
    yield "matmul", x @ weight


def _layer_norm(
    x: Any, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5, *_: Any
) -> Steps:
    dims = tuple(range(-len(shape), 0))
    mean = x.mean(dims, keepdim=True)
    yield "mean", mean
    yield "sub", (centred := x - mean)
    yield "pow", (squared := centred * centred)
    yield from _over_root(centred, squared.mean(dims, keepdim=True), eps, weight, bias)


def _rms_norm(x: Any, shape: Any, weight: Any = None, eps: float | None = None) -> Steps:
    dims = tuple(range(-len(shape), 0))
    yield "pow", (squared := x * x)
    eps = torch.finfo(x.dtype).eps if eps is None else eps
    yield from _over_root(x, squared.mean(dims, keepdim=True), eps, weight, None)


def _over_root(x: Any, variance: Any, eps: float, weight: Any, bias: Any) -> Steps:
    yield "mean", variance
    yield "add", (shifted := variance + eps)
    yield "sqrt", (root := shifted.sqrt())
    yield "reciprocal", root.reciprocal()
    yield "div", (normal := x / root)
    if weight is not None and bias is not None:
        yield "mul", normal * weight


def _group_norm(
    x: Any, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5, *_: Any
) -> Steps:
    yield "reshape", (split := x.reshape(x.shape[0], groups, -1))
    mean, variance = split.mean(-1, keepdim=True), split.var(-1, keepdim=True, correction=0)
    yield "instance_norm", (normal := (split - mean) / (variance + eps).sqrt())
    yield "reshape", (whole := normal.reshape(x.shape))
    if weight is not None and bias is not None:
        yield "mul", whole * weight.reshape(-1, *[1] * (x.dim() - 2))


def _gelu(x: Any, approximate: str = "none") -> Steps:
    if approximate == "tanh":
        yield "pow", (cubed := x * x * x)
        yield "mul", (small := 0.044715 * cubed)
        yield "add", (inner := x + small)
        yield "mul", (scaled := math.sqrt(2 / math.pi) * inner)
        yield "tanh", (curve := scaled.tanh())
    else:
        yield "div", (scaled := x / math.sqrt(2))
        yield "erf", (curve := scaled.erf())
    yield "add", (shifted := curve + 1)
    yield "mul", x * shifted
    yield "mul", 0.5 * shifted
    yield "mul", 0.5 * x


def _silu(x: Any, **_: Any) -> Steps:
    yield "sigmoid", x.sigmoid()


def _hardswish(x: Any) -> Steps:
    yield "add", x + 3
    yield "clip", (clipped := (x + 3).clamp(0, 6))
    yield "div", clipped / 6
    yield "mul", x * clipped


def _mish(x: Any) -> Steps:
    yield "softplus", (soft := torch.nn.functional.softplus(x))
    yield "tanh", soft.tanh()


def _attention(
    q: Any,
    k: Any,
    v: Any,
    mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Steps:
    if enable_gqa and q.shape[-3] != k.shape[-3]:
        k = k.repeat_interleave(q.shape[-3] // k.shape[-3], -3)
        yield "expand", k
        yield "expand", v.repeat_interleave(q.shape[-3] // v.shape[-3], -3)
    factor = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    turned = k.transpose(-1, -2)
    yield "transpose", turned
    yield "mul", q * factor
    yield "mul", q * math.sqrt(factor)
    yield "mul", turned * math.sqrt(factor)
    yield "matmul", q @ turned
    yield "matmul", (scores := q @ turned * factor)
    if is_causal:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).tril()
    if mask is not None:
        if mask.dtype == torch.bool:
            mask = torch.zeros_like(mask, dtype=q.dtype).masked_fill(~mask, -math.inf)
        yield "where", mask
        yield "add", (scores := scores + mask)
    yield "softmax", (weights := scores.softmax(-1))
    yield "where", weights.nan_to_num(0.0)


_STEPS: dict[str, Callable[..., Steps]] = {
    "linear": _linear,
    "addmm": _addmm,
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "group_norm": _group_norm,
    "gelu": _gelu,
    "silu": _silu,
    "hardswish": _hardswish,
    "mish": _mish,
    "scaled_dot_product_attention": _attention,
}
