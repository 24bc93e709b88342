"""Gates, streams beside each other and rotations by three positions, in standard operators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto

from support.lowered_op import NEWEST, OPSETS, check, model_of, refusal

Array = NDArray[Any]
ALL = (*OPSETS, NEWEST)
KIND = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16}
BATCH, LENGTH, BRANCHES, SIZE = 2, 3, 3, 8
RNG = np.random.default_rng(0)


def some(*shape: int, dtype: str = "float32") -> Array:
    """Normal numbers."""
    return RNG.standard_normal(shape).astype(dtype)


def run(operator: str, inputs: list[Array], dtype: str, outputs: int = 1, **options: Any) -> None:
    """Compare with onnxruntime."""
    options = {"opsets": (11, 23), **options}
    check(f"com.microsoft::{operator}", inputs, outputs, types=[KIND[dtype]] * outputs, **options)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("open_sizes", [False, True])
def test_gates(dtype: str, open_sizes: bool) -> None:
    x, y = some(BATCH, LENGTH, SIZE, dtype=dtype), some(BATCH, LENGTH, SIZE, dtype=dtype)
    options = {"open_sizes": open_sizes, "opsets": ALL}
    run("GatedAdd", [x, y, some(BATCH, LENGTH, 1, dtype=dtype)], dtype, **options)
    run("ScaledSiLU", [x], dtype, alpha=1.7, **options)
    run("ScaledSiLU", [x, np.array(0.3, np.float32)], dtype, **options)
    scale = some(SIZE // 2, dtype=dtype)
    for kinds in ({}, {"activation": "sigmoid"}, {"activation": "swish", "epsilon": 0.01}):
        small = x * np.asarray(0.01, dtype)  # where an epsilon counts
        run("GatedRMSNorm", [small, scale, y], dtype, constant=(1,), **options, **kinds)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("flat", [False, True])
def test_streams(flat: bool, dtype: str) -> None:
    start = (BATCH, LENGTH)
    streams = some(*start, *((BRANCHES * SIZE,) if flat else (BRANCHES, SIZE)), dtype=dtype)
    options = {"num_branches": BRANCHES} if flat else {}
    scales = ((), (SIZE,), (BRANCHES, SIZE), (BRANCHES * SIZE,))
    for shape in scales:
        tail = [some(*shape)] if shape else []
        small = streams * np.asarray(0.01, dtype)
        run("BranchwiseRMSNorm", [small, *tail], dtype, **options)
    block, mix = some(*start, SIZE, dtype=dtype), some(*start, BRANCHES, BRANCHES)
    for end in ((BRANCHES,), (BRANCHES, 1), (BRANCHES, SIZE)):
        gates = some(*start, *end)
        run("HyperConnectionPreMix", [streams, gates], dtype, reduction_scale=0.5, **options)
        run("HyperConnectionPostMix", [streams, block, gates], dtype, **options)
        run("HyperConnectionPostMix", [streams, block, gates, mix], dtype, **options)
    if flat:
        run("HyperConnectionPreMix", [streams, some(*start, BRANCHES * SIZE)], dtype, **options)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_engram_gate(dtype: str) -> None:
    key, query = (some(BATCH, LENGTH, BRANCHES, SIZE, dtype=dtype) for _ in range(2))
    value = some(BATCH, LENGTH, SIZE, dtype=dtype)
    scales = [some(BRANCHES, SIZE, dtype=dtype) for _ in range(3)]
    run("EngramGate", [key, query, value, *scales], dtype, 2, opsets=ALL)
    run("EngramGate", [key * np.asarray(0.01, dtype), query, value, *scales[:2]], dtype)


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize("layout", [0, 1])
@pytest.mark.parametrize("part", [0, 16])
def test_rotation_by_three_positions(part: int, layout: int, open_sizes: bool) -> None:
    size = 2 * part or 16
    positions = RNG.integers(0, 9, (3, BATCH, LENGTH))
    for x in (some(BATCH, 2, LENGTH, size), some(BATCH, LENGTH, 2 * size)):
        run(
            "MRotaryEmbedding",
            [x, positions, some(9, 8), some(9, 8)],
            "float32",
            constant=(2, 3),
            open_sizes=open_sizes,
            opsets=ALL if layout else (17,),
            interleaved=int(part > 0),
            mrope_layout=layout,
            mrope_section=[4, 2, 2] if layout else [3, 3, 2],
            num_heads=2,
            rotary_embedding_dim=part,
        )


def test_what_is_refused() -> None:
    def told(operator: str, inputs: list[Array], **options: Any) -> str:
        return refusal(model_of(f"com.microsoft::{operator}", inputs, **options))

    x = some(BATCH, LENGTH, SIZE)
    assert "activation='relu' is neither" in told(
        "GatedRMSNorm", [x, x[0, 0], x], activation="relu"
    )
    assert "the size of its scale is only" in told("GatedRMSNorm", [x, x[0, 0], x], open_sizes=True)
    assert "num_branches=3 does not divide 8" in told("BranchwiseRMSNorm", [x], num_branches=3)
    assert "how many streams there are" in told("BranchwiseRMSNorm", [x], open_sizes=True)
    keys = [some(1, 1, 2, 4), some(1, 1, 2, 4), some(1, 1, 4), some(2, 4), some(2, 4)]
    assert "the hidden size is only known" in told("EngramGate", keys, open_sizes=True)
    inputs = [x, np.zeros((3, BATCH, LENGTH), np.int64), some(9, 4), some(9, 4)]
    assert "has not three sections" in told("MRotaryEmbedding", inputs, mrope_section=[2, 2])
