"""Bitwise operators, shifts and BitCast of integers, computed by older arithmetic: bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from support.downgraded import check, lowered, refusal, run_ort, source

INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
TARGETS = [17, 12, 10, 9, 7]


def edges(dtype: str, seed: int, count: int = 40) -> Any:
    """Random integers of every size, and the ends of the range."""
    info = np.iinfo(dtype)
    rng = np.random.default_rng(seed)
    found = rng.integers(info.min, info.max, count, dtype=dtype, endpoint=True)
    found[::2] >>= rng.integers(0, info.bits, len(found[::2])).astype(dtype)
    found[:5] = [info.min, info.max, 0, 1, info.max // 2]
    return found


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("op", ["And", "Or", "Xor"])
def test_bitwise(op: str, dtype: str, to: int) -> None:
    text = f"g ({dtype}[5,1,8] x, {dtype}[5,8] y) => ({dtype}[5,5,8] z) {{ z = Bitwise{op}(x, y) }}"
    feeds = {"x": edges(dtype, 0).reshape(5, 1, 8), "y": edges(dtype, 1).reshape(5, 8)[::-1]}
    check(source(text, 26), to, feeds)


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("shape", [(), (0,), (4, 0)])
def test_bitwise_of_a_scalar_and_of_nothing(dtype: str, shape: tuple[int, ...]) -> None:
    kind = f"{dtype}[{','.join(map(str, shape))}]" if shape else dtype
    text = f"g ({kind} x) => ({kind} y) {{ y = BitwiseXor(x, x) }}"
    feeds = {"x": np.zeros(shape, dtype)}
    check(source(text, 26), 17, feeds)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_bitwise_not(dtype: str) -> None:
    text = f"g ({dtype}[40] x) => ({dtype}[40] y) {{ y = BitwiseNot(x) }}"
    for to in TARGETS:
        check(source(text, 26), to, {"x": edges(dtype, 2)})


@pytest.mark.parametrize("mask", [0, 1, 7, 127, 5, 126])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_a_mask_of_low_bits_is_a_remainder(dtype: str, mask: int) -> None:
    text = (
        f"g ({dtype}[40] x) => ({dtype}[40] y, {dtype}[40] z) <{dtype} m = {{{mask}}}>"
        "{ y = BitwiseAnd(x, m) z = BitwiseAnd(m, x) }"
    )
    made = check(source(text, 26), 17, {"x": edges(dtype, 3)})
    ops = [node.op_type for node in made.graph.node]
    assert ("MatMul" not in ops) == (mask in (1, 7, 127))


def shifts(dtype: str) -> tuple[Any, Any]:
    """Every edge with every amount that matters, those out of range too."""
    bits = np.iinfo(dtype).bits
    amounts = [0, 1, 3, bits - 2, bits - 1, bits, bits + 1, 127 if bits > 8 else 100]
    amounts += [] if dtype.startswith("u") else [-1, -bits]
    values = edges(dtype, 4, 16)
    return np.repeat(values, len(amounts)), np.tile(np.array(amounts, dtype), len(values))


def expected(x: Any, amounts: Any, right: bool) -> Any:
    """The text of opset 28, in Python's integers."""
    bits = np.iinfo(x.dtype).bits
    found = []
    for value, amount in zip(x.tolist(), amounts.tolist(), strict=True):
        if 0 <= amount < bits:
            found.append(value >> amount if right else value << amount)
        else:
            found.append(-1 if right and value < 0 else 0)
    wrapped = [one % (1 << 64) for one in found]
    return np.array(wrapped, np.uint64).astype(x.dtype)


@pytest.mark.parametrize("to", [27, *TARGETS])
@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("direction", ["LEFT", "RIGHT"])
@pytest.mark.parametrize("fixed", [False, True])
def test_shifts(direction: str, dtype: str, to: int, fixed: bool) -> None:
    x, amounts = shifts(dtype)
    size = len(x)
    given = f"{dtype}[{size}] y"
    weights = f"<{given} = {{{', '.join(map(str, amounts.tolist()))}}}>" if fixed else ""
    text = (
        f"g ({dtype}[{size}] x{'' if fixed else ', ' + given}) => ({dtype}[{size}] z) {weights}"
        f'{{ z = BitShift<direction="{direction}">(x, y) }}'
    )
    feeds = {"x": x} if fixed else {"x": x, "y": amounts}
    found = lowered_output(source(text), to, feeds)
    np.testing.assert_array_equal(found, expected(x, amounts, direction == "RIGHT"))


def lowered_output(text: str, to: int, feeds: Any) -> Any:
    """Of the lowered model alone: the reference evaluator leaves large amounts to the machine."""
    made = lowered(text, to)
    try:
        return run_ort(made, feeds)[0]
    except Exception:
        return ReferenceEvaluator(made).run(None, feeds)[0]


@pytest.mark.parametrize(
    ("given", "to_type", "number"),
    [("int32", "uint32", 12), ("uint8", "int8", 3), ("int64", "uint64", 13), ("bool", "uint8", 2)],
)
def test_bit_cast_of_integers(given: str, to_type: str, number: int) -> None:
    text = f"g ({given}[40] x) => ({to_type}[40] y) {{ y = BitCast<to={number}>(x) }}"
    x = np.arange(40) % 3 == 0 if given == "bool" else edges(given, 5)
    check(source(text, 26), 25, {"x": x})
    check(source(text, 26), 13, {"x": x})


def test_bit_cast_of_a_constant_is_a_constant() -> None:
    text = "g () => (int32[2] y) <float[2] x = {1.5, -0.0}> { y = BitCast<to=6>(x) }"
    made = check(source(text, 26), 17, {})
    assert "BitCast" not in [node.op_type for node in made.graph.node]


def test_bits_of_floats_are_refused() -> None:
    text = "g (float[2] x) => (int32[2] y) { y = BitCast<to=6>(x) }"
    assert "the bits of float32 as int32" in refusal(source(text, 26), 25)
