"""What else mmcv and mmdeploy write into detectors."""

from __future__ import annotations

import numpy as np

from pyonnxtool.references import REFERENCES, Array


@REFERENCES.add("mmcv::MMCVCornerPool")
@REFERENCES.add("mmdeploy::MMCVCornerPool")
def corner_pool(input: Array, mode: int) -> Array:
    """The largest so far: from below, above, the right or the left."""
    axis, turned = 2 + mode // 2, mode % 2 == 0
    given = np.flip(input, axis) if turned else input
    made: Array = np.maximum.accumulate(given, axis)
    return np.flip(made, axis) if turned else made


def _running(given: Array, dim: int, *, largest: bool) -> list[Array]:
    along = np.moveaxis(given, dim, 0)
    values, places = along.copy(), np.zeros(along.shape, np.int64)
    for at in range(1, len(along)):
        better = along[at] >= values[at - 1] if largest else along[at] <= values[at - 1]
        better |= np.isnan(along[at])
        values[at] = np.where(better, along[at], values[at - 1])
        places[at] = np.where(better, at, places[at - 1])
    return [np.moveaxis(one, 0, dim) for one in (values, places)]


@REFERENCES.add("mmcv::MMCVCumMax")
@REFERENCES.add("mmcv::cummax")
@REFERENCES.add("mmdeploy::cummax")
def cummax(self: Array, dim: int) -> list[Array]:
    """The largest so far, and the last place of it."""
    return _running(self, dim, largest=True)


@REFERENCES.add("mmcv::MMCVCumMin")
@REFERENCES.add("mmcv::cummin")
@REFERENCES.add("mmdeploy::cummin")
def cummin(self: Array, dim: int) -> list[Array]:
    """The smallest so far, and the last place of it."""
    return _running(self, dim, largest=False)


@REFERENCES.add("mmcv::Mark")
@REFERENCES.add("mmdeploy::Mark")
def mark(given: Array, **unused: object) -> Array:
    """It names a place."""
    return given


@REFERENCES.add("mmdeploy::MMCVInstanceNormalization")
@REFERENCES.add("mmdeploy::TRTInstanceNormalization")
def instance_normalization(input: Array, scale: Array, bias: Array, epsilon: float) -> Array:
    """Of each channel of each image."""
    axes = tuple(range(2, input.ndim))
    given = input.astype(np.float64)
    centred = given - given.mean(axes, keepdims=True)
    shape = (-1, *[1] * len(axes))
    spread = np.sqrt(given.var(axes, keepdims=True) + epsilon)
    made: Array = centred / spread * scale.reshape(shape) + bias.reshape(shape)
    return made


@REFERENCES.add("mmdeploy::ScatterND")
def scatter_nd(data: Array, indices: Array, updates: Array) -> Array:
    """Updates at their places."""
    made = data.copy()
    made[tuple(np.moveaxis(indices, -1, 0))] = updates
    return made


@REFERENCES.add("mmdeploy::GatherTopk")
def gather_topk(data: Array, inds: Array) -> Array:
    """Of each batch, what is at its places."""
    made = [data[(*batch, inds[batch])] for batch in np.ndindex(inds.shape[:-1])]
    return np.stack(made).reshape(*inds.shape, *data.shape[inds.ndim :])


@REFERENCES.add("mmdeploy::GridPriorsTRT")
def grid_priors(base: Array, rows: Array, columns: Array, stride_h: int, stride_w: int) -> Array:
    """Anchors at each pixel."""
    pixels = np.ndindex(len(rows), len(columns))
    moves = [np.array([x * stride_w, y * stride_h] * 2, base.dtype) for y, x in pixels]
    return np.concatenate([base[:0], *(base + one for one in moves)])


@REFERENCES.add("mmdeploy::ScaledDotProductAttentionTRT")
def scaled_dot_product_attention(q: Array, k: Array, v: Array, mask: Array | None) -> list[Array]:
    """Values, weighed, and the weights."""
    scores = q.astype(np.float64) @ k.transpose(0, 2, 1) + (0 if mask is None else mask)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return [weights @ v, weights]
