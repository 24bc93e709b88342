"""Shapes of normalizations, softmax, losses, recurrent layers and attention: as onnxruntime makes
them, with names in the place of sizes, and what is said of sizes that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from support.one_node import Given, contradiction, dims, real_shapes, shapes

IMAGE = [2, 6, 4, 5]
CHANNELS = [[6]] * 4


@pytest.mark.parametrize(
    ("op_type", "inputs", "how"),
    [
        ("BatchNormalization", [IMAGE, *CHANNELS], {"opset": 7}),
        ("BatchNormalization", [IMAGE, *[[6, 4, 5]] * 4], {"opset": 7, "spatial": 0}),
        ("BatchNormalization", [IMAGE, *CHANNELS], {"opset": 9}),
        ("BatchNormalization", [IMAGE, *CHANNELS], {"opset": 9, "outputs": 5}),
        ("BatchNormalization", [IMAGE, *CHANNELS], {"opset": 14}),
        ("BatchNormalization", [IMAGE, *CHANNELS], {"opset": 15, "outputs": 3, "training_mode": 1}),
        ("InstanceNormalization", [IMAGE, [6], [6]], {"opset": 20}),
        ("GroupNormalization", [IMAGE, [6], [6]], {"opset": 21, "num_groups": 2}),
        ("LayerNormalization", [IMAGE, [5], [5]], {"outputs": 3}),
        ("LayerNormalization", [IMAGE, [4, 5]], {"axis": 2, "outputs": 3}),
        ("LayerNormalization", [Given(IMAGE, "float16"), Given([5], "float16")], {"outputs": 3}),
        ("RMSNormalization", [IMAGE, [5]], {"opset": 23}),
        ("LRN", [IMAGE], {"size": 3}),
        ("LpNormalization", [IMAGE], {"opset": 20}),
        ("MeanVarianceNormalization", [IMAGE], {}),
        ("Softmax", [IMAGE], {"opset": 11}),
        ("Softmax", [IMAGE], {"axis": 2}),
        ("LogSoftmax", [IMAGE], {"axis": -4}),
        ("Hardmax", [IMAGE], {}),
    ],
)
def test_as_onnxruntime_makes_them(op_type: str, inputs: Any, how: dict[str, Any]) -> None:
    real = real_shapes(op_type, *inputs, **how)
    assert real is not None
    assert shapes(op_type, *inputs, **how) == real


def test_statistics_of_named_sizes() -> None:
    known = shapes("LayerNormalization", ["batch", "tokens", 64], [64], outputs=3, axis=1)
    each = ["batch", 1, 1]
    assert [sizes for sizes, _ in known] == [["batch", "tokens", 64], each, each]


def test_the_scale_decides_the_type_of_an_rms_normalization() -> None:
    half = Given([5], "float16")
    assert shapes("RMSNormalization", IMAGE, half, opset=23) == [(IMAGE, "float16")]


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("more", [[], [4], [4, 5]])
def test_losses_as_onnxruntime_makes_them(reduction: str, more: list[int]) -> None:
    labels = np.zeros([2, *more], np.int64)
    inputs = [[2, 3, *more], labels, [3]]
    for op_type, outputs in (("NegativeLogLikelihoodLoss", 1), ("SoftmaxCrossEntropyLoss", 2)):
        how: dict[str, Any] = {"opset": 13, "outputs": outputs, "reduction": reduction}
        assert shapes(op_type, *inputs, **how) == real_shapes(op_type, *inputs, **how)


CELLS = [("RNN", 1, 2), ("GRU", 3, 2), ("LSTM", 4, 3)]


@pytest.mark.parametrize(("op_type", "gates", "outputs"), CELLS)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_recurrent_layers(op_type: str, gates: int, outputs: int, direction: str) -> None:
    ways = 2 if direction == "bidirectional" else 1
    weights = [[ways, gates * 8, 3], [ways, gates * 8, 8]]
    for opset in (7, 14, 21):
        how = {"hidden_size": 8, "direction": direction, "outputs": outputs, "opset": opset}
        if direction == "bidirectional" and op_type == "RNN":
            how["activations"] = ["Tanh", "Tanh"]
        inputs = [[5, 2, 3], *weights]
        assert shapes(op_type, *inputs, **how) == real_shapes(op_type, *inputs, **how)
    known = shapes(op_type, ["steps", "batch", 3], *weights, **how)
    assert [each[0] for each in known] == [["steps", ways, "batch", 8]] + [[ways, "batch", 8]] * (
        outputs - 1
    )
    known = shapes(op_type, ["batch", "steps", 3], *weights, **how, layout=1)
    assert [each[0] for each in known] == [["batch", "steps", ways, 8]] + [["batch", ways, 8]] * (
        outputs - 1
    )


def test_the_hidden_size_follows_from_the_weights() -> None:
    assert dims("LSTM", ["t", "b", 3], [1, 32, 3], [1, 32, 8]) == ["t", 1, "b", 8]
    assert dims("LSTM", ["t", "b", 3], [1, 32, 3], Given(None)) == ["t", 1, "b", 8]


def test_attention_as_onnxruntime_makes_it() -> None:
    how: dict[str, Any] = {"opset": 23, "outputs": 4}
    apart = [[2, 8, 5, 16], [2, 4, 6, 16], [2, 4, 6, 12]]
    assert shapes("Attention", *apart, **how) == real_shapes("Attention", *apart, **how)
    packed = [[2, 5, 128], [2, 6, 64], [2, 6, 48]]
    heads = {"q_num_heads": 8, "kv_num_heads": 4}
    assert shapes("Attention", *packed, **how, **heads) == real_shapes(
        "Attention", *packed, **how, **heads
    )
    past = [None, [2, 4, 3, 16], [2, 4, 3, 12]]
    assert shapes("Attention", *apart, *past, **how) == real_shapes(
        "Attention", *apart, *past, **how
    )


def test_attention_over_a_named_past() -> None:
    new, kept = ["batch", 8, "new", 64], ["batch", 8, "past", 64]
    known = shapes("Attention", new, new, new, None, kept, kept, opset=23, outputs=4)
    assert [each[0] for each in known] == [
        *(new, ["batch", 8, "new + past", 64], ["batch", 8, "new + past", 64]),
        ["batch", 8, "new", "new + past"],
    ]
    (mixed,) = shapes(
        "FlexAttention", new, kept, ["batch", 8, "past", 32], domain="ai.onnx.preview"
    )
    assert mixed == (["batch", 8, "new", 32], "float32")


def test_linear_attention_keeps_a_state() -> None:
    inputs = [["batch", "steps", 64], ["batch", "steps", 32], ["batch", "steps", 48]]
    how: dict[str, Any] = {"opset": 27, "outputs": 2, "q_num_heads": 4, "kv_num_heads": 2}
    assert shapes("LinearAttention", *inputs, **how) == [
        (["batch", "steps", 96], "float32"),
        (["batch", 2, 16, 24], "float32"),
    ]
    assert "'x3' is 9 long on axis 2, but the state after it is 16" in contradiction(
        "LinearAttention", *inputs, ["batch", 2, 9, 24], **how
    )


def test_rotary_embedding_turns_in_place() -> None:
    inputs = [["batch", 8, "steps", 64], [100, 32], [100, 32], Given(["batch", "steps"], "int64")]
    assert dims("RotaryEmbedding", *inputs, opset=23) == ["batch", 8, "steps", 64]


WEIGHTS = [[1, 32, 3], [1, 32, 8]]
LABELS = Given([2, 4], "int64")


@pytest.mark.parametrize(
    ("op_type", "inputs", "how", "message"),
    [
        ("BatchNormalization", [IMAGE, *[[5]] * 4], {}, "'x1' is 5 long on axis 0, but 'x0' has 6"),
        ("InstanceNormalization", [IMAGE, [6], [5]], {}, "'x2' is 5 long on axis 0, but 'x0' has"),
        ("GroupNormalization", [IMAGE, [6], [6]], {"num_groups": 4}, "6 channels, which do not"),
        ("GroupNormalization", [IMAGE, [6], [6]], {"num_groups": 0}, "num_groups is 0"),
        ("GroupNormalization", [IMAGE, [2], [2]], {"num_groups": 2}, "'x1' is 2 long on axis 0"),
        ("LayerNormalization", [IMAGE, [4]], {}, "'x1' is 4 long on axis 0, but 'x0' is 5 long"),
        ("LayerNormalization", [[5], [4, 5]], {}, "'x1' has 2 axes, but 'x0' has 1"),
        ("LayerNormalization", [IMAGE, [5]], {"axis": 4}, "axis is 4, but 'x0' has 4 axes"),
        ("RMSNormalization", [IMAGE, [4]], {}, "'x1' is 4 long on axis 0, but 'x0' is 5 long"),
        ("Softmax", [IMAGE], {"axis": 4}, "axis is 4, but 'x0' has 4 axes"),
        ("Softmax", [[4]], {"opset": 11}, "axis is 1, but 'x0' has 1 axis"),
        ("NegativeLogLikelihoodLoss", [[3], LABELS], {}, "'x0' has 1 axis, but takes 2"),
        ("NegativeLogLikelihoodLoss", [[2, 3], LABELS], {}, "'x1' has 2 axes, but 'x0' has 2, one"),
        ("NegativeLogLikelihoodLoss", [[2, 3, 5], LABELS], {}, "'x1' is 4 long on axis 1, but"),
        ("SoftmaxCrossEntropyLoss", [[2, 3, 4], LABELS, [5]], {}, "'x2' is 5 long on axis 0, but"),
        ("LSTM", [[5, 2, 4], *WEIGHTS], {}, "'x1' is 3 long on axis 2, but 'x0' has 4 features"),
        ("LSTM", [[5, 3], *WEIGHTS], {}, "'x0' has 2 axes, but takes 3"),
        ("LSTM", [[5, 2, 3], *WEIGHTS], {"hidden_size": 9}, "'x1' is 32 long on axis 1, but"),
        ("LSTM", [[5, 2, 3], [1, 32, 3], [1, 32, 7]], {"hidden_size": 8}, "'x2' is 7 long on"),
        ("LSTM", [[5, 2, 3], *WEIGHTS], {"hidden_size": -8}, "hidden_size is -8"),
        ("LSTM", [[5, 2, 3], *WEIGHTS], {"direction": "bidirectional"}, "layer has 2 directions"),
        ("GRU", [[5, 2, 3], *WEIGHTS, None, [7]], {}, "'x4' is 7 long on axis 0, but 'x0' has a"),
        ("RotaryEmbedding", [[5, 2], [9, 1], [9, 1]], {}, "'x0' has 2 axes, but takes 3 or 4"),
    ],
)
def test_what_does_not_fit_is_named(op_type: str, inputs: Any, how: Any, message: str) -> None:
    assert message in contradiction(op_type, *inputs, **{"opset": 23, **how})


HEADS = {"q_num_heads": 8, "kv_num_heads": 4}
Q, K, V = [2, 8, 5, 16], [2, 4, 6, 16], [2, 4, 6, 12]


@pytest.mark.parametrize(
    ("inputs", "how", "message"),
    [
        ([[2, 5], K, V], {}, "'x0' has 2 axes, but takes 3 or 4"),
        ([Q, [2, 4, 6, 8], V], {}, "heads of 'x0' are 16 wide, but those of 'x1' 8"),
        ([Q, K, [2, 4, 7, 12]], {}, "'x1' has 6 positions, but 'x2' has 7"),
        ([Q, [3, 4, 6, 16], V], {}, "'x0' has a batch of 2, but 'x1' of 3"),
        ([Q, [2, 3, 6, 16], V], {}, "'x0' has 8 heads, which do not divide into the 3 of 'x1'"),
        (
            [[2, 5, 99], [2, 6, 64], [2, 6, 48]],
            HEADS,
            "'x0' is 99 wide, which does not divide into",
        ),
        ([[2, 5, 64], [2, 6, 64], [2, 6, 48]], {"q_num_heads": -8}, "q_num_heads is -8"),
        ([Q, K, V, None, [2, 4, 3], [2, 4, 3, 12]], {}, "'x4' has 3 axes, but takes 4"),
    ],
)
def test_heads_that_do_not_fit_are_named(inputs: Any, how: Any, message: str) -> None:
    assert message in contradiction("Attention", *inputs, opset=23, outputs=4, **how)
