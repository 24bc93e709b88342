"""Operators that know their operands in one order of axes only: each says why."""

from __future__ import annotations

import onnx
import pytest

from support.one_node import Given, node_model
from support.relaid import refusal

STEPS = "it steps along axis 0 of its input"
PLANES = "its images have their batch and channels first"
HEADS = "its heads and their sizes have fixed places"

FIXED = [
    (node_model("LSTM", [[5, 2, 3], [1, 16, 3], [1, 16, 4]], hidden_size=4), STEPS),
    (node_model("GRU", [[5, 2, 3], [1, 12, 3], [1, 12, 4]], hidden_size=4), STEPS),
    (node_model("RNN", [[5, 2, 3], [1, 4, 3], [1, 4, 4]], hidden_size=4), STEPS),
    (node_model("GridSample", [[1, 3, 4, 5], [1, 6, 7, 2]]), PLANES),
    (node_model("RoiAlign", [[1, 3, 8, 8], [2, 4], Given([2], "int64")]), PLANES),
    (
        node_model("NonMaxSuppression", [[1, 9, 4], [1, 2, 9]]),
        "its boxes and scores have fixed places",
    ),
    (node_model("Attention", [[1, 2, 3, 4]] * 3, opset=23), HEADS),
    (node_model("MultiHeadAttention", [[1, 3, 8]] * 3, domain="com.microsoft", num_heads=2), HEADS),
]


@pytest.mark.parametrize(
    ("model", "reason"), FIXED, ids=[model.graph.node[0].op_type for model, _ in FIXED]
)
def test_one_order_of_axes_only(model: onnx.ModelProto, reason: str) -> None:
    rank = len(model.graph.input[0].type.tensor_type.shape.dim)
    assert refusal(model, "x0", list(range(rank))[::-1]).endswith(reason)
