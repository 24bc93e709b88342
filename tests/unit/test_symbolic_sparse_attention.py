"""SparseAttention of com.microsoft in standard operators."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from support.lowered_op import check, model_of, refusal

Array = NDArray[Any]
OP = "com.microsoft::SparseAttention"
HEADS, KV_HEADS, SIZE, BLOCK, ROOM = 4, 2, 16, 16, 64
ENDS = np.array([[0, 1, 3, 5, 8], [0, 1, 3, 6, 9]], np.int32)
PLACES = np.array([[0, 0, 1, 1, 2, 1, 2, 3, -1], [0, 0, 1, 0, 1, 2, 0, 2, 3]], np.int32)
COUNTS = {"num_heads": HEADS, "kv_num_heads": KV_HEADS, "sparse_block_size": BLOCK}
OPTIONS: dict[str, Any] = {"types": [1] * 3, "constant": (5, 6), **COUNTS}
RNG = np.random.default_rng(0)


def some(*shape: int) -> Array:
    """Normal numbers."""
    return RNG.standard_normal(shape, dtype=np.float32)


def operands(length: int, totals: list[int], *, packed: bool = False) -> list[Array | None]:
    """Query, key, value, buffers, blocks, and lengths."""
    counts = [HEADS + 2 * KV_HEADS] if packed else [HEADS, KV_HEADS, KV_HEADS]
    inputs: list[Array | None] = [some(len(totals), length, n * SIZE) for n in counts]
    inputs += [None] * (3 - len(inputs))
    inputs += [some(len(totals), KV_HEADS, ROOM, SIZE) for _ in range(2)]
    return [*inputs, ENDS, PLACES, np.array(max(totals), np.int32), np.array(totals, np.int32)]


def caches() -> list[Array]:
    """Cosines and sines."""
    angles = np.arange(ROOM)[:, None] * 100.0 ** -(np.arange(SIZE // 2) / (SIZE // 2))
    return [np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)]


def run_in_place(model: onnx.ModelProto, inputs: list[Array | None]) -> list[Array]:
    """The kernel wants the present where the past is."""
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    values = {
        f"x{i}": ort.OrtValue.ortvalue_from_numpy(one.copy())
        for i, one in enumerate(inputs)
        if one is not None
    }
    for given in session.get_inputs():
        binding.bind_ortvalue_input(given.name, values[given.name])
    binding.bind_output("y0")
    binding.bind_ortvalue_output("y1", values["x3"])
    binding.bind_ortvalue_output("y2", values["x4"])
    session.run_with_iobinding(binding)
    return [value.numpy().copy() for value in binding.get_outputs()]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("length", "totals"), [(40, [40, 40]), (1, [1]), (3, [45])])
def test_beside_the_kernel(length: int, totals: list[int], packed: bool) -> None:
    """Of sequences of one length: of several, that of onnxruntime 1.31 mixes them up."""
    for rotary, interleaved in ((0, 0), (1, 0), (1, 1)):
        inputs = operands(length, totals, packed=packed) + (caches() if rotary else [])
        options = {"do_rotary": rotary, "rotary_interleaved": interleaved, **OPTIONS}
        expected = run_in_place(model_of(OP, inputs, 3, **options), inputs)
        check(OP, inputs, 3, expected=expected, opsets=(11, 23) if rotary else (17,), **options)


def attention(inputs: list[Array | None]) -> list[Array]:
    """Of each query by itself, over the keys of the blocks that it sees."""
    query, key, value, *buffers, ends, places, total, lengths = map(np.asarray, inputs)
    batch, length, _ = query.shape
    past = np.where(length == total, 0, lengths - length)
    made = np.zeros(query.shape, np.float64)
    presents = [one.copy() for one in buffers]
    for b in range(batch):
        for present, new in zip(presents, (key, value), strict=True):
            rows = new[b].reshape(length, KV_HEADS, SIZE).transpose(1, 0, 2)
            present[b, :, past[b] : past[b] + length] = rows
        for head, i in np.ndindex(HEADS, length):
            layout, row = head % len(ends), (past[b] + i) // BLOCK
            blocks = places[layout, ends[layout, row] : ends[layout, row + 1]]
            seen = [j for j in range(past[b] + i + 1) if j // BLOCK in blocks]
            keys, values = (one[b, head // (HEADS // KV_HEADS), seen] for one in presents)
            part = slice(head * SIZE, (head + 1) * SIZE)
            scores = keys.astype(np.float64) @ query[b, i, part] / SIZE**0.5
            weights = np.exp(scores - scores.max())
            made[b, i, part] = weights @ values / weights.sum()
    return [made.astype(np.float32), *presents]


@pytest.mark.parametrize(("length", "totals"), [(20, [20, 13]), (1, [41, 50]), (3, [45, 30])])
def test_beside_a_loop(length: int, totals: list[int]) -> None:
    inputs = operands(length, totals)
    check(OP, inputs, 3, expected=attention(inputs), opsets=(11, 23), **OPTIONS)


def test_what_is_refused() -> None:
    inputs = operands(1, [5])
    assert "which blocks it sees is only known" in refusal(model_of(OP, inputs, 3, **COUNTS))
    told = refusal(model_of(OP, inputs, 3, **{**OPTIONS, "num_heads": 3}))
    assert "its blocks are no layouts of which 3 heads have one each" in told
