"""Attention that samples feature maps, place by place."""

from __future__ import annotations

import numpy as np

from pyonnxtool.references import REFERENCES, Array
from pyonnxtool.references._sampling import bilinear


@REFERENCES.add("mmcv::MMCVMultiScaleDeformableAttention")
@REFERENCES.add("mmdeploy::MMCVMultiScaleDeformableAttention")
def deformable_attention(
    value: Array, shapes: Array, starts: Array, locations: Array, weights: Array, **unused: object
) -> Array:
    """[batch, queries, heads * width], with its arguments as the symbolic names them."""
    batch, _, heads, width = value.shape
    queries = locations.shape[1]
    made = np.zeros((batch, queries, heads, width))
    for at in np.ndindex(weights.shape):
        image, query, head, level, _ = at
        height, wide = (int(one) for one in shapes[level])
        first = int(starts[level])
        pixels = value[image, first : first + height * wide, head].astype(float)
        x, y = (float(one) for one in locations[at])
        found = bilinear(pixels.T.reshape(width, height, wide), y * height - 0.5, x * wide - 0.5)
        made[image, query, head] += float(weights[at]) * found
    return made.reshape(batch, queries, heads * width)
