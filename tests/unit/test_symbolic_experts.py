"""Mixtures of experts in standard operators."""

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
MOE, QMOE = "com.microsoft::MoE", "com.microsoft::QMoE"
EXPERTS, ROWS, HIDDEN, INNER = 4, 6, 32, 48
WEIGHTS = (2, 3, 4, 5)
RNG = np.random.default_rng(0)
LIMITED = {"activation_alpha": 1.702, "activation_beta": 1.0, "swiglu_limit": 0.7}


def some(*shape: int) -> Array:
    """Normal numbers."""
    return RNG.standard_normal(shape, dtype=np.float32)


def operands(factor: int = 1, *, biased: bool = True) -> list[Array | None]:
    """Rows, logits, and weights with biases of two products."""
    biases = [some(EXPERTS, factor * INNER), some(EXPERTS, HIDDEN)] if biased else [None] * 2
    first, second = some(EXPERTS, factor * INNER, HIDDEN), some(EXPERTS, HIDDEN, INNER)
    rows = some(2, ROWS // 2, HIDDEN) if biased else some(ROWS, HIDDEN)
    return [rows, some(ROWS, EXPERTS), first, biases[0], second, biases[1]]


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize("kind", ["relu", "gelu", "silu", "identity", "swiglu"])
def test_activations(kind: str, open_sizes: bool) -> None:
    linear = kind == "swiglu"
    for biased, normalized in itertools.product((False, True), (0, 1)):
        given = operands(1 + linear, biased=biased)
        for options in ({}, LIMITED) if linear else ({},):
            check(
                MOE,
                given,
                opsets=ALL if kind in ("silu", "swiglu") and normalized else (17,),
                constant=[place for place in WEIGHTS if given[place] is not None],
                open_sizes=open_sizes,
                k=1 + normalized,
                activation_type=kind,
                normalize_routing_weights=normalized,
                **({"swiglu_fusion": 1, **options} if linear else {}),
            )


def test_the_linear_part_behind_the_gate_or_apart_from_it() -> None:
    """The same as where the two alternate, which onnxruntime knows."""
    rows, logits, _, _, second, bias = operands()
    gate, linear = some(EXPERTS, INNER, HIDDEN), some(EXPERTS, INNER, HIDDEN)
    shifts = some(EXPERTS, INNER), some(EXPERTS, INNER)
    first, shift = (
        np.stack(pair, axis=2).reshape(EXPERTS, 2 * INNER, *pair[0].shape[2:])
        for pair in ((gate, linear), shifts)
    )
    options = {"k": 2, "activation_type": "swiglu", "normalize_routing_weights": 1, **LIMITED}
    inputs = [rows, logits, first, shift, second, bias]
    expected = run_ort(model_of(MOE, inputs, swiglu_fusion=1, **options), feeds_of(inputs))
    inputs[2:4] = [np.concatenate(pair, axis=1) for pair in ((gate, linear), shifts)]
    check(MOE, inputs, expected=expected, swiglu_fusion=2, opsets=(11, 23), **options)
    inputs = [rows, logits, gate, shifts[0], second, bias, linear, shifts[1]]
    check(MOE, inputs, expected=expected, swiglu_fusion=0, opsets=(11, 23), **options)


def test_float16() -> None:
    """Beside the same in float32: that of onnxruntime 1.31 is off by its own size."""
    given = [one.astype(np.float16) for one in operands() if one is not None]
    wide = [one.astype(np.float32) for one in given]
    options = {"k": 2, "activation_type": "silu"}
    (expected,) = run_ort(model_of(MOE, wide, **options), feeds_of(wide))
    found, kinds = [expected.astype(np.float16)], [TensorProto.FLOAT16]
    check(MOE, given, expected=found, types=kinds, opsets=(17, 23), **options)


def packed(bits: int, block: int, factor: int, *, zeros: bool, shares: bool) -> list[Array | None]:
    """Rows, logits, packed weights with scales, zero points, and shares of the experts."""
    weights: list[list[Array | None]] = []
    for rows, columns in ((factor * INNER, HIDDEN), (HIDDEN, INNER)):
        groups = columns // block if block else 1
        scales = np.abs(some(EXPERTS, rows, groups)) / 20
        shape = (rows, -(-groups * bits // 8)) if block else (-(-rows * bits // 8),)
        weights.append(
            [
                RNG.integers(0, 256, (EXPERTS, rows, columns * bits // 8), np.uint8),
                scales if block else scales[..., 0],
                RNG.integers(0, 256, (EXPERTS, *shape), np.uint8) if zeros else None,
            ]
        )
    (first, scale, zero), (second, other, point) = weights
    given = np.abs(some(ROWS, EXPERTS)) if shares else None
    tail = [None, None, None, zero, point, None, given]
    return [some(ROWS, HIDDEN), some(ROWS, EXPERTS), first, scale, None, second, other, None, *tail]


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("block", [0, 16])
@pytest.mark.parametrize("bits", [4, 8])
def test_packed_weights(bits: int, block: int, zeros: bool) -> None:
    """Constant weights of 8 bits in blocks are fed: with these onnxruntime rounds the rows."""
    for shares, normalized in itertools.product((False, True), (0, 1)):
        inputs = packed(bits, block, 1 + normalized, zeros=zeros, shares=shares)
        fed = bits == 8 and bool(block)
        check(
            QMOE,
            inputs,
            opsets=(11, 23) if normalized else (21,),
            constant=() if fed else [i for i in (2, 3, 5, 6, 11, 12) if inputs[i] is not None],
            k=2,
            activation_type="swiglu" if normalized else "silu",
            **({"swiglu_fusion": 1} if normalized else {}),
            normalize_routing_weights=normalized,
            expert_weight_bits=bits,
            **({"block_size": block} if block else {}),
        )


def test_what_is_refused() -> None:
    def told(operator: str, inputs: list[Array | None], **options: Any) -> str:
        return refusal(model_of(operator, inputs, **{"k": 2, **options}))

    given = operands()
    assert "activation_type='mish' is none that is known" in told(
        MOE, given, activation_type="mish"
    )
    assert "use_sparse_mixer=1 chooses experts by a rule" in told(MOE, given, use_sparse_mixer=1)
    assert "needs its input `fc3_experts_weights`" in told(MOE, given, activation_type="swiglu")
    assert "swiglu_fusion=1 is not that of 'relu'" in told(MOE, given, swiglu_fusion=1)
    inputs = [*given, some(EXPERTS, INNER, HIDDEN)]
    assert "go with swiglu and swiglu_fusion=0 alone" in told(MOE, inputs)
    model = model_of(MOE, given, open_sizes=True, k=2)
    assert "the shape of its weights is only known when the model runs" in refusal(model)
    inputs = packed(4, 0, 1, zeros=False, shares=False)
    assert "quant_type='fp4' is not that of integers" in told(QMOE, inputs, quant_type="fp4")
    assert "weights of [3, 3, 3] bits have no layout" in told(QMOE, inputs, expert_weight_bits=3)
    assert "packed for one processor" in told(QMOE, inputs, weights_prepacked=1)
    empty = [*inputs]
    empty[5] = np.zeros((EXPERTS, HIDDEN, 0), np.uint8)
    assert "the node is not as its operator wants it" in told(QMOE, empty)
    inputs[3] = None
    assert "weights are without their scales" in told(QMOE, inputs)
