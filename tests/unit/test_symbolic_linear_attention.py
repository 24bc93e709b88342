"""Attentions and convolutions with a state in standard operators."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto

from support.downgraded import run_ort
from support.lowered_op import NEWEST, OPSETS, check, feeds_of, model_of, refusal

Array = NDArray[Any]
ALL = (*OPSETS, NEWEST)
ATTENTION = "com.microsoft::LinearAttention"
GATE = "com.microsoft::LinearAttentionGate"
CONV = "com.microsoft::CausalConvWithState"
BATCH, LENGTH, SIZE, VALUES = 2, 5, 4, 6
RNG = np.random.default_rng(0)


def some(*shape: int) -> Array:
    """Normal numbers."""
    return RNG.standard_normal(shape, dtype=np.float32)


def operands(rule: str, heads: int, kv_heads: int, *, by_element: bool) -> list[Array | None]:
    """Query, key, value, the state, and what the rule needs."""
    gates = kv_heads * (SIZE if by_element else 1)
    return [
        some(BATCH, LENGTH, heads * SIZE),
        some(BATCH, LENGTH, kv_heads * SIZE) / 3,
        some(BATCH, LENGTH, kv_heads * VALUES),
        some(BATCH, kv_heads, SIZE, VALUES) if by_element else None,
        -np.abs(some(BATCH, LENGTH, gates)) if "gated" in rule else None,
        np.abs(some(BATCH, LENGTH, kv_heads)) if "delta" in rule else None,
    ]


@pytest.mark.parametrize("rule", ["linear", "gated", "delta", "gated_delta"])
@pytest.mark.parametrize(("heads", "kv_heads"), [(2, 2), (4, 2), (2, 4)])
def test_linear_attention(rule: str, heads: int, kv_heads: int) -> None:
    for by_element in (False, True):
        check(
            ATTENTION,
            operands(rule, heads, kv_heads, by_element=by_element),
            2,
            types=[1, 1],
            opsets=ALL if rule == "gated_delta" and heads != kv_heads else (17,),
            q_num_heads=heads,
            kv_num_heads=kv_heads,
            update_rule=rule,
        )


def windowed(operator: str, inputs: list[Array | None], **options: Any) -> None:
    """A window of one state is that state, with an axis more; onnxruntime has that on GPUs."""
    model = model_of(operator, inputs, 2, **options)
    made, state = run_ort(model, feeds_of(inputs))
    inputs = [*inputs]
    inputs[3] = None if inputs[3] is None else inputs[3][None]
    found = [made, state[None]]
    check(operator, inputs, 2, expected=found, opsets=(11, 23), state_window=1, **options)


def test_a_window_of_one_state() -> None:
    given = operands("gated_delta", 2, 2, by_element=True)
    windowed(ATTENTION, given, q_num_heads=2, kv_num_heads=2)
    inputs = [some(BATCH, 6, LENGTH), some(6, 1, 3), some(6), some(BATCH, 6, 2)]
    windowed(CONV, [*inputs], activation="silu")


def test_the_gate() -> None:
    a, b = some(2, 3, 4), some(2, 3, 4)
    vectors = [some(4), some(4)]
    check(GATE, [a, *vectors, b], 2, types=[1, 1], opsets=ALL)
    check(GATE, [a, *vectors], opsets=(17,))
    halves = [a.astype(np.float16), *vectors, b.astype(np.float16)]
    kinds = [TensorProto.FLOAT16] * 2
    wide = [halves[0].astype(np.float32), *vectors, halves[3].astype(np.float32)]
    expected = run_ort(model_of(GATE, wide, 2), feeds_of(wide))
    check(GATE, halves, 2, expected=[one.astype(np.float16) for one in expected], types=kinds)


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize("last", [0, 1])
def test_causal_conv_with_state(last: int, open_sizes: bool) -> None:
    for activation, dilation, past in itertools.product(("none", "silu"), (1, 2), (0, 1)):
        x = some(BATCH, LENGTH, 2, 3) if last else some(BATCH, 6, LENGTH)
        length = 2 * dilation
        state = some(BATCH, length, 2, 3) if last else some(BATCH, 6, length)
        check(
            CONV,
            [x, some(6, 1, 3), some(6), state if past else None],
            2,
            types=[1, 1],
            opsets=ALL if activation == "silu" and dilation == 2 else (17,),
            constant=(1, 2),
            open_sizes=open_sizes,
            activation=activation,
            dilation=dilation,
            channels_last=last,
        )


def test_a_kernel_of_one_tap() -> None:
    """Carries nothing."""
    x, weight = some(BATCH, 6, LENGTH), some(6, 1, 1)
    state = np.zeros((BATCH, 6, 0), np.float32)
    check(CONV, [x, weight], 2, expected=[x * weight[:, :, 0], state], opsets=(11, 23))


def test_what_is_refused() -> None:
    given = operands("linear", 2, 2, by_element=False)
    heads = {"q_num_heads": 2, "kv_num_heads": 2, "update_rule": "linear"}
    model = model_of(ATTENTION, given, 2, state_window=3, **heads)
    assert "state_window=3 keeps more states than the last one" in refusal(model)
    model = model_of(ATTENTION, given, 2, **{**heads, "kv_num_heads": 3})
    assert "2 heads of queries do not divide 3 of keys" in refusal(model)
    model = model_of(ATTENTION, given, 2, open_sizes=True, **heads)
    assert "the size of a head is only known when the model runs" in refusal(model)
    inputs = [some(BATCH, 6, LENGTH), some(6, 1, 3)]
    assert "ndim=2 is not 1" in refusal(model_of(CONV, inputs, 2, ndim=2))
    assert "activation='tanh' is neither" in refusal(model_of(CONV, inputs, 2, activation="tanh"))
    model = model_of(CONV, inputs, 2, open_sizes=True)
    assert "the shape of its weights is only known when the model runs" in refusal(model)
