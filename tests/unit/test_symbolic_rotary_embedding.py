"""Rotary embeddings of com.microsoft in standard operators."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto

from support.lowered_op import NEWEST, OPSETS, check, model_of, refusal

Array = NDArray[Any]
ALL = (*OPSETS, NEWEST)
OP = "com.microsoft::RotaryEmbedding"
BATCH, LENGTH, HEADS, SIZE, LONGEST = 2, 3, 2, 8, 10
KIND = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16}
RNG = np.random.default_rng(0)


def caches(pairs: int, dtype: str = "float32") -> tuple[Array, Array]:
    """Cosines and sines of each position."""
    angles = np.arange(LONGEST)[:, None] * 10000.0 ** -(np.arange(pairs) / pairs)
    return np.cos(angles).astype(dtype), np.sin(angles).astype(dtype)


POSITIONS = {
    "each": RNG.integers(0, LONGEST, (BATCH, LENGTH)),
    "the first": np.array([4]),
    "a scalar": np.array(2),
}


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_rotary_embedding(dtype: str, positions: str, open_sizes: bool) -> None:
    plain = RNG.standard_normal((BATCH, LENGTH, HEADS * SIZE)).astype(dtype)
    by_heads = RNG.standard_normal((BATCH, HEADS, LENGTH, SIZE)).astype(dtype)
    for x, interleaved, rotary in itertools.product((plain, by_heads), (0, 1), (0, 4)):
        partial = {"rotary_embedding_dim": rotary} if rotary else {}
        check(
            OP,
            [x, POSITIONS[positions], *caches((rotary or SIZE) // 2, dtype)],
            opsets=ALL if positions == "each" else (11, 23),
            constant=(1, 2, 3) if positions == "the first" else (2, 3),
            open_sizes=open_sizes,
            types=[KIND[dtype]],
            interleaved=interleaved,
            num_heads=HEADS,
            **partial,
        )


def test_heads_are_told_by_the_caches() -> None:
    x = RNG.standard_normal((BATCH, LENGTH, HEADS * SIZE), np.float32)
    check(OP, [x, POSITIONS["each"], *caches(SIZE // 2)], constant=(2, 3))


@pytest.mark.parametrize("open_sizes", [False, True])
def test_gemma(open_sizes: bool) -> None:
    angles = RNG.standard_normal((BATCH, LENGTH, SIZE), np.float32)
    for dtype in ("float32", "float16"):
        states = RNG.standard_normal((4, BATCH, HEADS, LENGTH, SIZE)).astype(dtype)
        cos, sin = (one(angles)[:, None].astype(dtype) for one in (np.cos, np.sin))
        found = [states[i] * cos + states[i + 1] * sin for i in (0, 2)]
        check(
            "com.microsoft::GemmaRotaryEmbedding",
            [angles, *states],
            2,
            expected=found,
            opsets=ALL,
            types=[KIND[dtype]] * 2,
            open_sizes=open_sizes,
        )


def test_what_is_refused() -> None:
    x = RNG.standard_normal((BATCH, LENGTH, HEADS * SIZE), np.float32)
    cos, sin = caches(SIZE // 2)

    def told(*inputs: Array, open_sizes: bool = False, **options: Any) -> str:
        return refusal(model_of(OP, list(inputs), open_sizes=open_sizes, **options))

    first = POSITIONS["the first"]
    assert "'x0' has rank 2" in told(x[0], first, cos, sin)
    assert "rotary_embedding_dim needs num_heads" in told(
        x, first, cos, sin, rotary_embedding_dim=4
    )
    assert "neither num_heads nor the sizes" in told(x, first, cos, sin, open_sizes=True)
    assert "heads of 6 elements do not divide the hidden size 16" in told(
        x, first, cos[:, :3], sin[:, :3]
    )
    assert "`scale` has no meaning that runtimes agree on" in told(x, first, cos, sin, scale=0.5)
