"""GroupQueryAttention of com.microsoft in standard operators."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto

from support.downgraded import run_ort
from support.lowered_op import (
    NEWEST,
    OPSETS,
    check,
    distance,
    feeds_of,
    lowered,
    model_of,
    refusal,
)

Array = NDArray[Any]
ALL = (*OPSETS, NEWEST)
OP = "com.microsoft::GroupQueryAttention"
HEADS, KV_HEADS, SIZE, LONGEST = 4, 2, 16, 12
KIND = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16}
RNG = np.random.default_rng(0)


def some(*shape: int, dtype: str = "float32") -> Array:
    """Normal numbers."""
    return RNG.standard_normal(shape).astype(dtype)


def operands(
    batch: int,
    length: int,
    past: int | None = None,
    total: list[int] | None = None,
    *,
    packed: bool = False,
    dtype: str = "float32",
) -> list[Array | None]:
    """Query, key, value, past key and value, lengths less 1, and the largest length."""
    counts = [HEADS + 2 * KV_HEADS] if packed else [HEADS, KV_HEADS, KV_HEADS]
    inputs: list[Array | None] = [some(batch, length, n * SIZE, dtype=dtype) for n in counts]
    inputs += [None] * (3 - len(inputs))
    room = (batch, KV_HEADS, past or 0, SIZE)
    inputs += [None if past is None else some(*room, dtype=dtype) for _ in range(2)]
    lengths = total or [length] * batch
    return [*inputs, np.array(lengths, np.int32) - 1, np.array(max(lengths), np.int32)]


def caches(pairs: int, dtype: str = "float32") -> list[Array]:
    """Cosines and sines of each position."""
    angles = np.arange(LONGEST)[:, None] * 100.0 ** -(np.arange(pairs) / pairs)
    return [np.cos(angles).astype(dtype), np.sin(angles).astype(dtype)]


def run(
    inputs: list[Array | None], outputs: int = 3, dtype: str = "float32", **options: Any
) -> None:
    """Compare with onnxruntime."""
    kinds = [KIND[dtype]] * outputs
    heads = {"num_heads": HEADS, "kv_num_heads": KV_HEADS}
    check(OP, inputs, outputs, types=kinds, **{"opsets": (17,), **heads, **options})


STEPS = {
    "a prompt": (2, 5, None, None),
    "a prompt and a buffer": (2, 5, 9, None),
    "the next of one": (1, 1, 4, [5]),
    "the next of several": (2, 1, 9, [6, 3]),
    "the next, of a full cache": (2, 1, 5, [6, 6]),
    "several more": (1, 3, 4, [7]),
    "several more in a buffer": (1, 3, 9, [7]),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_steps(step: str, packed: bool) -> None:
    opsets = (11, 13, 26) if packed else ALL
    run(operands(*STEPS[step], packed=packed), opsets=opsets)
    rotary = [*operands(*STEPS[step], packed=packed), *caches(SIZE // 2)]
    run(rotary, do_rotary=1, constant=(7, 8), opsets=opsets)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("opset", [11, 17, 23])
def test_open_sizes(step: str, opset: int) -> None:
    """All but those of heads, which no model leaves open."""
    inputs = [*operands(*STEPS[step]), *caches(SIZE // 2)]
    options = {"num_heads": HEADS, "kv_num_heads": KV_HEADS, "do_rotary": 1}
    model = model_of(OP, inputs, 3, opset=opset, **options)
    for info in model.graph.input:
        dims = info.type.tensor_type.shape.dim
        for place, dim in enumerate(dims):
            if place < len(dims) - 1 and (len(dims) == 3 or place in (0, 2)):
                dim.dim_param = f"{info.name}_{place}"
    fed = feeds_of(inputs)
    for info, rank in zip(model.graph.output, (3, 4, 4), strict=True):
        info.type.tensor_type.shape.CopyFrom(onnx.TensorShapeProto(dim=[{}] * rank))
    for ours, theirs in zip(run_ort(model, fed), run_ort(lowered(model), fed), strict=True):
        assert distance(ours, theirs) <= 8


@pytest.mark.parametrize("step", ["a prompt", "the next of several", "several more in a buffer"])
@pytest.mark.parametrize(
    "options",
    [
        {"local_window_size": 2},
        {"softcap": 1.5},
        {"scale": 0.3},
        {"causal": 0},
        {"do_rotary": 1, "rotary_interleaved": 1},
    ],
    ids=str,
)
def test_attributes(step: str, options: dict[str, Any]) -> None:
    inputs = operands(*STEPS[step])
    if "do_rotary" in options:
        inputs += caches(SIZE // 2)
    run(inputs, opsets=(11, 23), **options)


def test_a_part_of_each_head_is_rotated_at_given_positions() -> None:
    """Of 32 elements in a head 16 are rotated: onnxruntime wants multiples of 16."""
    heads = {"num_heads": HEADS // 2, "kv_num_heads": KV_HEADS // 2}
    query, past = some(1, 3, 4 * 2 * SIZE), [some(1, 1, 4, 2 * SIZE) for _ in range(2)]
    sizes = [np.array([6], np.int32), np.array(7, np.int32)]
    inputs = [query, None, None, *past, *sizes, *caches(SIZE // 2)]
    for places in (None, np.array([[4, 5, 6]]), np.array([[1, 3, 8]])):
        run([*inputs, places], do_rotary=1, constant=(7, 8), opsets=(11, 23), **heads)


@pytest.mark.parametrize("step", ["a prompt", "the next of several", "several more in a buffer"])
def test_a_bias_and_a_sink(step: str) -> None:
    inputs = operands(*STEPS[step])
    batch, length, _, _ = STEPS[step]
    total = int(inputs[6])  # type: ignore[arg-type]
    for shape in ((1, 1), (batch, HEADS)):
        bias = some(*shape, length, total)
        run([*inputs, None, None, None, bias], softcap=2.0)
    sink = some(HEADS)
    run([*inputs, None, None, None, None, sink], opsets=(11, 23))
    run([*inputs, None, None, None, bias, sink], local_window_size=2)
    run(inputs, smooth_softmax=1)


@pytest.mark.parametrize("kind", [1, 2])
def test_scores_that_are_shown(kind: int) -> None:
    for step in ("a prompt", "the next, of a full cache", "several more in a buffer"):
        run(operands(*STEPS[step]), 4, qk_output=kind, opsets=(11, 23))


@pytest.mark.parametrize("step", STEPS)
def test_of_float16(step: str) -> None:
    inputs = [*operands(*STEPS[step], dtype="float16"), *caches(SIZE // 2, "float16")]
    run(inputs, dtype="float16", do_rotary=1, opsets=(13, 23))


def test_heads_that_are_normalized() -> None:
    """As if queries and keys had been normalized before."""
    inputs = operands(2, 5)
    weights = [some(SIZE), some(SIZE)]
    plain = list(inputs)
    for place, weight in enumerate(weights):
        heads = np.asarray(inputs[place]).reshape(2, 5, -1, SIZE).astype(np.float64)
        root = np.sqrt((heads**2).mean(-1, keepdims=True) + 1e-6)
        plain[place] = (heads / root * weight).astype(np.float32).reshape(2, 5, -1)
    options = {"num_heads": HEADS, "kv_num_heads": KV_HEADS}
    expected = run_ort(model_of(OP, plain, 3, **options), feeds_of(plain))
    check(OP, [*inputs, *[None] * 7, *weights], 3, expected=expected, types=[1] * 3, **options)


def test_what_is_refused() -> None:
    def told(inputs: list[Array | None], **options: Any) -> str:
        counts = {"num_heads": HEADS, "kv_num_heads": KV_HEADS}
        return refusal(model_of(OP, inputs, 3, **{**counts, **options}))

    given = operands(1, 1, 4, [5])
    assert "4 heads of queries are no multiple of 3 of keys" in told(given, kv_num_heads=3)
    assert "5 heads do not divide the hidden size 64" in told(given, num_heads=5, kv_num_heads=1)
    assert "its cache is quantized" in told(given, k_quant_type="PER_TENSOR")
    assert "sliding_window_cache=1 moves the rows" in told(given, sliding_window_cache=1)
    assert "do_rotary=1 needs cosines and sines" in told(given, do_rotary=1)
    assert "of two inputs that go together one is omitted" in told([*given[:4], None, *given[5:]])
    model = model_of(OP, operands(1, 5), open_sizes=True, num_heads=HEADS, kv_num_heads=KV_HEADS)
    assert "the size of a head is only known when the model runs" in refusal(model)
