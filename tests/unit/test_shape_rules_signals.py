"""Shapes of quantized numbers, signals, random numbers, strings and training steps: as onnxruntime
makes them, with names in the place of sizes, and what is said of sizes that do not fit."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from support.one_node import Constant, Given, contradiction, dims, real_shapes, reasons, shapes


def _number(number: float, dtype: str = "int64") -> Constant:
    return Constant(np.array(number, dtype))


@pytest.mark.parametrize("opset", [10, 13, 19, 21, 23])
def test_quantized_as_onnxruntime_does(opset: int) -> None:
    one, zero = _number(0.5, "float32"), _number(0, "int8")
    for more in ([one], [one, zero]):
        inputs = [[2, 3], *more]
        assert shapes("QuantizeLinear", *inputs, opset=opset) == real_shapes(
            "QuantizeLinear", *inputs, opset=opset
        )
        back = [Given([2, 3], "int8"), *more]
        assert shapes("DequantizeLinear", *back, opset=opset) == real_shapes(
            "DequantizeLinear", *back, opset=opset
        )
    assert shapes("DynamicQuantizeLinear", [2, 3], outputs=3) == real_shapes(
        "DynamicQuantizeLinear", [2, 3], outputs=3
    )


def test_the_type_of_a_quantized_tensor_may_be_said() -> None:
    x = ["n", 64]
    assert shapes("QuantizeLinear", x, [], output_dtype=TensorProto.INT16) == [(x, "int16")]
    blocks = [x, ["n", 2]]
    assert shapes("QuantizeLinear", *blocks, output_dtype=TensorProto.INT4, block_size=32) == [
        (x, "int4")
    ]
    how = {"output_dtype": TensorProto.FLOAT16, "opset": 23}
    assert shapes("DequantizeLinear", Given(x, "int8"), [], **how) == [(x, "float16")]


@pytest.mark.parametrize("opset", [17, 20])
def test_transforms_as_onnxruntime_makes_them(opset: int) -> None:
    for parts, onesided, inverse, length in itertools.product(
        [1, 2], [0, 1], [0, 1], [None, 7, 12]
    ):
        if onesided and parts != (2 if inverse else 1):
            continue
        inputs = [[2, 10, parts], *([] if length is None else [_number(length)])]
        how = {"onesided": onesided, "inverse": inverse, "opset": opset}
        assert shapes("DFT", *inputs, **how) == real_shapes("DFT", *inputs, **how), (parts, how)


def test_named_lengths_of_a_transform() -> None:
    signal = ["batch", "time", 1]
    assert dims("DFT", signal, onesided=1) == ["batch", "time//2 + 1", 2]
    assert dims("DFT", signal, None, _number(0)) == ["batch", "time", 2]
    assert dims("DFT", signal, None, Given([], "int64")) == ["batch", "time", 2]
    assert dims("DFT", signal, Given([], "int64")) == ["batch", None, 2]
    assert dims("DFT", ["batch", "bins", 2], onesided=1, inverse=1) == ["batch", "2*bins - 2", 1]


@pytest.mark.parametrize("onesided", [0, 1])
def test_short_time_transforms(onesided: int) -> None:
    step, window, length = _number(4), [8], _number(8)
    for more in ([window], [None, length], [window, length]):
        inputs = [[2, 18, 1], step, *more]
        how = {"onesided": onesided, "opset": 17}
        assert shapes("STFT", *inputs, **how) == real_shapes("STFT", *inputs, **how)
    assert dims("STFT", ["batch", "time", 1], step, window) == ["batch", "time//4 - 1", 5, 2]
    assert dims("STFT", ["batch", "time", 1], Given([], "int64"), window) == ["batch", None, 5, 2]


@pytest.mark.parametrize("op_type", ["HannWindow", "HammingWindow", "BlackmanWindow"])
def test_windows(op_type: str) -> None:
    how = {"output_datatype": TensorProto.DOUBLE, "opset": 17}
    assert shapes(op_type, _number(5), **how) == real_shapes(op_type, _number(5), **how)
    assert reasons(op_type, Given([], "int64")) == [
        f"node 'n' ({op_type}): input 0 'x0' is computed"
    ]


def test_mel_weights() -> None:
    inputs = [_number(8), _number(16), _number(8192), _number(0, "float32")]
    inputs.append(_number(4096, "float32"))
    assert shapes("MelWeightMatrix", *inputs) == real_shapes("MelWeightMatrix", *inputs)


@pytest.mark.parametrize(
    ("op_type", "inputs", "how"),
    [
        ("RandomNormal", [], {"shape": [2, 3]}),
        ("RandomUniform", [], {"shape": [2, 3], "dtype": TensorProto.DOUBLE}),
        ("RandomNormalLike", [[2, 3]], {}),
        ("RandomUniformLike", [Given([2, 3], "int32")], {"dtype": TensorProto.FLOAT}),
        ("Bernoulli", [[2, 3]], {"dtype": TensorProto.BOOL}),
        ("Multinomial", [[2, 3]], {"sample_size": 4, "dtype": TensorProto.INT64}),
        ("Multinomial", [[2, 3]], {}),
    ],
)
def test_random_numbers(op_type: str, inputs: Any, how: dict[str, Any]) -> None:
    how = {**how, "opset": 15}
    assert shapes(op_type, *inputs, **how) == real_shapes(op_type, *inputs, **how)


def test_strings() -> None:
    words = Given(["n"], "object")
    (known,) = shapes("StringNormalizer", words, stopwords=["a"])
    assert known == ([None], "string")
    assert shapes("StringNormalizer", words) == [(["n"], "string")]
    assert shapes("StringConcat", words, Given(["m", 1], "object")) == [(["m", "n"], "string")]
    assert shapes("StringSplit", words, outputs=2) == [(["n", None], "string"), (["n"], "int64")]
    assert shapes("RegexFullMatch", words, pattern="a+") == [(["n"], "bool")]


@pytest.mark.parametrize("given", [[5], [2, 5]])
def test_n_grams(given: list[int]) -> None:
    how: dict[str, Any] = {"mode": "TF", "ngram_indexes": [0, 3, 1], "ngram_counts": [0]}
    how |= {"pool_int64s": [2, 3, 5], "opset": 9, "max_skip_count": 0}
    how |= {"min_gram_length": 1, "max_gram_length": 1}
    numbers = np.zeros(given, np.int64)
    assert shapes("TfIdfVectorizer", numbers, **how) == real_shapes(
        "TfIdfVectorizer", numbers, **how
    )
    assert "ngram_indexes holds -3" in contradiction(
        "TfIdfVectorizer", numbers, **{**how, "ngram_indexes": [0, -3, 1]}
    )


def test_training_steps() -> None:
    rate, count = Given([]), Given([], "int64")
    how = {"domain": "ai.onnx.preview.training"}
    weights = [["a"], ["b", 2]]
    known = shapes("Adagrad", rate, count, *weights * 3, outputs=4, **how)
    assert [each[0] for each in known] == weights * 2
    known = shapes("Adam", rate, count, *weights * 4, outputs=6, **how)
    assert [each[0] for each in known] == weights * 3
    assert shapes("Gradient", ["a"], xs=["x0"], y="z", **how) == [(["a"], "float32")]
    assert "the node has 4 inputs, but takes 2 and 3 for each tensor" in contradiction(
        "Momentum", rate, count, *weights, outputs=2, **how
    )


X = [2, 6]
ONE = _number(4)


@pytest.mark.parametrize(
    ("op_type", "inputs", "how", "message"),
    [
        ("QuantizeLinear", [X, [5]], {}, "'x1' is 5 long on axis 0, but 'x0' is 6 long on axis 1"),
        ("QuantizeLinear", [X, [6]], {"axis": 2}, "axis is 2, but 'x0' has 2 axes"),
        (
            "QuantizeLinear",
            [X, [2, 4]],
            {"block_size": 2},
            "but 'x0' is 6 long on axis 1, in blocks",
        ),
        (
            "QuantizeLinear",
            [X, [3, 3]],
            {"block_size": 2},
            "'x1' is 3 long on axis 0, but 'x0' is 2",
        ),
        ("QuantizeLinear", [X, [3]], {"block_size": 2}, "'x1' has 1 axis, but takes 2"),
        ("DequantizeLinear", [X, [6]], {"block_size": -2}, "block_size is -2"),
        (
            "DFT",
            [[2, 8, 2]],
            {"onesided": 1},
            "has 2 parts in its last axis, but a one-sided transf",
        ),
        ("DFT", [[2, 8, 1]], {"onesided": 1, "inverse": 1}, "one-sided inverse transform takes 2"),
        ("DFT", [[2, 8, 1], None, _number(2)], {}, "axis is 2, but 'x0' has 3 axes, the last one"),
        ("DFT", [[2, 8, 1], _number(-4)], {}, "the transform is -4 long, but has to be at least 1"),
        ("DFT", [[8]], {}, "'x0' has 1 axis, but takes 2"),
        ("STFT", [[2, 8, 1], ONE, [9]], {}, "a frame of 9 is longer than the signal of 8"),
        ("STFT", [[2, 8, 1], _number(0), [4]], {}, "'x1' is 0, but has to be at least 1"),
        ("STFT", [[2, 8, 1], ONE, [5], ONE], {}, "'x2' is 5 long on axis 0, but 'x3' says 4"),
        ("STFT", [[2, 8], ONE, [5]], {}, "'x0' has 2 axes, but takes 3"),
        ("HannWindow", [_number(-1)], {}, "'x0' is -1, but is a length"),
        ("MelWeightMatrix", [_number(-8), ONE], {}, "'x0' is -8, but is a length"),
        ("RandomNormal", [], {"shape": [2, -3]}, "shape holds -3"),
        ("Multinomial", [[2, 3, 4]], {}, "'x0' has 3 axes, but takes 2"),
        ("Multinomial", [[2, 3]], {"sample_size": -1}, "sample_size is -1"),
        ("StringConcat", [[2], [3]], {}, "'x0' and 'x1': sizes 2 and 3 do not broadcast"),
    ],
)
def test_what_does_not_fit_is_named(op_type: str, inputs: Any, how: Any, message: str) -> None:
    assert message in contradiction(op_type, *inputs, **how)
