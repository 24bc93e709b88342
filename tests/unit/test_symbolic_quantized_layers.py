"""Recurrent layers, attentions and embeddings with quantized weights, in standard operators."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

import pyonnxtool as pot
from support.lowered_op import NEWEST, OPSETS, check, feeds_of, model_of, refusal

MS = "com.microsoft::"
ALL = (*OPSETS, NEWEST)
RNG = np.random.default_rng(9)


def floats(*shape: int, low: float = -1, high: float = 1) -> Any:
    """Spread evenly."""
    return RNG.uniform(low, high, shape).astype(np.float32)


def integers(dtype: Any, *shape: int) -> Any:
    """All sizes of the type."""
    info = np.iinfo(dtype)
    return RNG.integers(info.min, info.max + 1, shape).astype(dtype)


def scalar(value: Any, dtype: Any = np.float32) -> Any:
    """Of no axes."""
    return np.array(value, dtype)


def lstm(dtype: Any, ways: int, *, columns: bool, zero: int) -> list[Any]:
    """All inputs of DynamicQuantizeLSTM but for lengths: 5 steps, 3 sequences, 4 to 6 numbers."""
    size = (ways, 24) if columns else (ways,)
    scales = [floats(*size, low=0.002, high=0.01) for _ in range(2)]
    zeros = np.full(size, zero, dtype)
    weights = [integers(dtype, ways, 4, 24), integers(dtype, ways, 6, 24)]
    states = [floats(ways, 48), None, floats(ways, 3, 6), floats(ways, 3, 6), floats(ways, 18)]
    return [floats(5, 3, 4), *weights, *states, scales[0], zeros, scales[1], zeros]


def on_one_thread(given: list[Any], **form: Any) -> list[Any]:
    """What onnxruntime gives. On several threads each quantizes the state of its own sequences."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    model = model_of(f"{MS}DynamicQuantizeLSTM", given, **form).SerializeToString()
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return list(session.run(None, feeds_of(given)))


@pytest.mark.parametrize(
    ("dtype", "columns", "zero"),
    [(np.uint8, False, 117), (np.int8, False, 0), (np.int8, True, 0), (np.uint8, True, 128)],
)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_lstm(dtype: Any, columns: bool, zero: int, direction: str) -> None:
    given = lstm(dtype, 1 + (direction == "bidirectional"), columns=columns, zero=zero)
    form: dict[str, Any] = {"direction": direction, "hidden_size": 6, "outputs": 3}
    constant = (1, 2, 3, 8, 9, 10, 11)
    forms: list[Any] = [((11, 17), {"constant": constant}), ((14,), {"open_sizes": True})]
    for opsets, more in forms:
        wanted = on_one_thread(given, **form)
        check(f"{MS}DynamicQuantizeLSTM", given, expected=wanted, opsets=opsets, **form, **more)
        given[5:8] = [None] * 3
    given[3] = None
    form["outputs"] = (False, True, False)
    known: dict[str, Any] = {"expected": on_one_thread(given, **form), "constant": constant}
    check(f"{MS}DynamicQuantizeLSTM", given, opsets=(23,), **known, **form)


def test_what_depends_on_threads_is_checked_on_one() -> None:
    given = lstm(np.int8, 1, columns=False, zero=0)
    model = model_of(f"{MS}DynamicQuantizeLSTM", given, 3, constant=(1, 2, 3), hidden_size=6)
    made = pot.lower(pot.from_proto(model), verify=1).report.verification
    assert made is not None
    assert not made.drifted


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        ({"clip": 3.0}, "its clip is not lowered"),
        ({"activations": ["Sigmoid", "Relu", "Tanh"]}, "its activations sigmoid, relu, tanh are"),
        ({"direction": "up"}, "its direction 'up' is not known"),
    ],
)
def test_forms_of_lstm_that_are_refused(odd: dict[str, Any], told: str) -> None:
    given = lstm(np.int8, 1, columns=False, zero=0)
    assert told in refusal(model_of(f"{MS}DynamicQuantizeLSTM", given, 3, hidden_size=6, **odd))
    given[4] = np.array([5, 4, 3], np.int32)
    model = model_of(f"{MS}DynamicQuantizeLSTM", given, 3, hidden_size=6)
    assert "its sequences have lengths of their own" in refusal(model)
    model = model_of(f"{MS}DynamicQuantizeLSTM", given[:8], 3, hidden_size=6)
    assert "it has no scales and zero points of its weights" in refusal(model)


def qattention(signed: Any, *, columns: bool) -> list[Any]:
    """2 sequences of 5, 2 heads of 4, of 6 numbers."""
    scale = floats(24, low=0.002, high=0.01) if columns else scalar(0.007)
    zero = np.full(24, 3, signed) if columns else scalar(5, signed)
    given = [integers(np.uint8, 2, 5, 6), integers(signed, 6, 24), floats(24), scalar(0.02), scale]
    return [*given, None, scalar(121, np.uint8), zero]


MASKS = [
    None,
    np.array([3, 5], np.int32),
    np.array([5, 4, 1, 0], np.int32),
    (np.arange(10).reshape(2, 5) % 4 > 0).astype(np.int32),
    (np.arange(50).reshape(2, 5, 5) % 3 > 0).astype(np.int32),
]


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("signed", [np.uint8, np.int8])
def test_qattention(mask: Any, signed: Any) -> None:
    form = {"num_heads": 2, "constant": (1, 2, 3, 4, 6, 7)}
    given = qattention(signed, columns=signed == np.int8)
    given[5] = mask
    check(f"{MS}QAttention", given, opsets=(11, 17), **form)
    check(f"{MS}QAttention", given, opsets=(13,), unidirectional=1, **form)
    form["constant"] = (1, 2)
    check(f"{MS}QAttention", given, opsets=(23,), open_sizes=True, scale=0.3, **form)


@pytest.mark.parametrize("causal", [0, 1])
def test_qattention_with_a_past(causal: int) -> None:
    form = {"num_heads": 2, "outputs": 2, "unidirectional": causal}
    given = [*qattention(np.int8, columns=False), floats(2, 2, 2, 3, 4)]
    known = (1, 2, 3, 4, 6, 7)
    check(f"{MS}QAttention", given, opsets=ALL, constant=known, **form)
    given[5] = np.ones((2, 8), np.int32)
    given[5][1, 2:4] = 0
    check(f"{MS}QAttention", given, opsets=(11, 23), open_sizes=True, constant=(1, 2), **form)


def test_forms_of_qattention_that_are_refused() -> None:
    given = qattention(np.int8, columns=False)
    told = refusal(model_of(f"{MS}QAttention", given, constant=(1, 2), num_heads=5))
    assert "num_heads=5 does not divide the hidden size 8" in told
    told = refusal(model_of(f"{MS}QAttention", given, num_heads=2, do_rotary=1))
    assert "do_rotary and past_present_share_buffer are not lowered" in told


def embeddings(dtype: Any) -> list[Any]:
    """2 sentences of 5 words, 8 numbers each."""
    ids = np.array([[1, 4, 2, 0, 6], [3, 3, 5, 1, 0]], np.int32)
    kinds = (ids > 2).astype(np.int32)
    tables = [integers(dtype, *shape) for shape in ((7, 8), (9, 8), (2, 8), (8,), (8,))]
    mask = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32)
    scales = [scalar(value) for value in (0.01, 0.02, 0.03, 0.011, 0.007)]
    zeros = [scalar(value, dtype) for value in (1, 2, 3, 4, 5)]
    return [ids, kinds, *tables, mask, *scales, *zeros]


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
def test_embeddings(dtype: Any) -> None:
    known = (2, 3, 4, 5, 6, *range(8, 18))
    form = {"types": [1, 6], "outputs": 2}
    given = embeddings(dtype)
    operator = f"{MS}QEmbedLayerNormalization"
    check(operator, given, opsets=ALL, constant=known, **form)
    check(operator, given, opsets=(11, 23), constant=(2, 3, 4), epsilon=0.01, **form)
    fed = {"constant": (2, 3, 4, 5, 6), "open_sizes": True}
    check(operator, given, opsets=(11, 23), **fed, **form)
    for place in (1, 4, 7, 10, 15):
        given[place] = None
    check(operator, given, opsets=(11, 17), constant=known, **form)
