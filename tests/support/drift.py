"""Pairs that differ by rounding alone, amplified later. The amplifier must never be blamed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

from support.equivalents import rewritten
from support.graph_builder import Builder, Case, Feed
from support.ort_runs import run
from support.zoo.layers import linear, reduce_mean

WIDTH = 64


@dataclass(frozen=True)
class DriftPair:
    """Two models that are equal but for rounding upstream of something ill-conditioned."""

    name: str
    reference: onnx.ModelProto
    candidate: onnx.ModelProto
    feeds: tuple[Feed, ...]


def _trunk(b: Builder) -> str:
    x = b.input("x", [4, WIDTH])
    for _ in range(2):
        x = b.op("Tanh", b.op("Mul", linear(b, x, WIDTH, WIDTH), b.const(1.5)))
    return linear(b, x, WIDTH, WIDTH)


def _trunk_value(name: str) -> np.ndarray:
    """What the trunk of the model `name` gives on its first sample."""
    b = Builder(name)
    b.output(_trunk(b), "y", 2)
    case = b.case()
    return run(case.model, case.feeds)[0][0]


def centred_and_scaled(b: Builder, y: str) -> str:
    y = b.op("Add", y, b.const(100.0))
    return b.op("Mul", b.op("Sub", y, reduce_mean(b, y, -1)), b.const(1e4))


def sharp_softmax(b: Builder, y: str) -> str:
    apart = b.op("Sub", y, b.const(_trunk_value(b.name), hint="near"))
    return b.op("Softmax", b.op("Mul", apart, b.const(3e6)), axis=-1)


def nearly_equal(b: Builder, y: str) -> str:
    near = b.const(np.exp(_trunk_value(b.name)) + 1e-3, hint="near")
    return b.op("Mul", b.op("Sub", b.op("Exp", y), near), b.const(1e3))


def divided_by_little(b: Builder, y: str) -> str:
    near = b.const(_trunk_value(b.name) + 1e-4, hint="near")
    return b.op("Div", b.const(1e-3), b.op("Sub", y, near))


def log_of_little(b: Builder, y: str) -> str:
    near = b.const(_trunk_value(b.name) + 1e-5, hint="near")
    return b.op("Log", b.op("Abs", b.op("Sub", y, near)))


def fast_wave(b: Builder, y: str) -> str:
    return b.op("Sin", b.op("Mul", y, b.const(3e4)))


def steep(b: Builder, y: str) -> str:
    return b.op("Exp", b.op("Mul", y, b.const(20.0)))


def flat_norm(b: Builder, y: str) -> str:
    """The variance that is normalized away is hardly more than the noise."""
    little = 1e-6 * np.cos(np.arange(WIDTH))
    y = b.op("Sub", y, b.const(_trunk_value(b.name) + little, hint="near"))
    return b.op(
        "LayerNormalization", y, b.const(np.ones(WIDTH)), b.const(np.zeros(WIDTH)), epsilon=1e-14
    )


def variance_by_squares(b: Builder, y: str) -> str:
    """E[y^2] - E[y]^2 with a large mean."""
    y = b.op("Add", y, b.const(50.0))
    mean = reduce_mean(b, y, -1)
    square = reduce_mean(b, b.op("Mul", y, y), -1)
    return b.op("Sub", square, b.op("Mul", mean, mean))


def threshold(b: Builder, y: str) -> str:
    """One rounding more or less decides which branch is taken."""
    edge = b.const(_trunk_value(b.name), hint="edge")
    return b.op("Where", b.op("Greater", y, edge), y, b.op("Neg", y))


def rounding_step(b: Builder, y: str) -> str:
    edge = b.const(_trunk_value(b.name) + 0.5, hint="edge")
    return b.op("Mul", b.op("Floor", b.op("Sub", b.op("Add", y, b.const(0.5)), edge)), y)


def ranking(b: Builder, y: str) -> str:
    """Ties but for rounding: which comes first is anyone's guess."""
    flat = b.op("Sub", y, b.const(_trunk_value(b.name), hint="near"))
    _, index = b.ops("TopK", flat, b.ints(5), count=2, axis=-1)
    return b.op("GatherElements", y, index, axis=-1)


def chaotic(b: Builder, y: str) -> str:
    """Every step doubles an error."""
    y = b.op("Sigmoid", y)
    for _ in range(14):
        left = b.op("Sub", b.const(1.0), y)
        y = b.op("Mul", b.op("Mul", b.const(3.9), y), left)
    return y


AMPLIFIERS: dict[str, Callable[[Builder, str], str]] = {
    rule.__name__: rule
    for rule in (
        centred_and_scaled, sharp_softmax, nearly_equal, divided_by_little, log_of_little,
        fast_wave, steep, flat_norm, variance_by_squares, threshold, rounding_step, ranking,
        chaotic,
    )
}  # fmt: skip


def _jittered(model: onnx.ModelProto) -> onnx.ModelProto:
    """Weights moved by one unit in the last place: what a conversion of weights may do."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for tensor in copy.graph.initializer:
        data = numpy_helper.to_array(tensor)
        if data.shape == (WIDTH, WIDTH) and data.dtype == np.float32:
            moved = np.nextafter(data, np.float32(np.inf), dtype=np.float32)
            tensor.CopyFrom(numpy_helper.from_array(moved, tensor.name))
    return copy


def drift_pairs() -> Iterator[DriftPair]:
    """Every amplifier behind every source of rounding noise."""
    for name, amplifier in AMPLIFIERS.items():
        case = _amplified(name, amplifier)
        permuted = rewritten(case.model, "reduction_permuted")
        assert permuted is not None
        yield DriftPair(f"{name}/permuted", case.model, permuted, case.feeds)
        yield DriftPair(f"{name}/jittered", case.model, _jittered(case.model), case.feeds)


def _amplified(name: str, amplifier: Callable[[Builder, str], str]) -> Case:
    b = Builder(f"drift_{name}")
    b.output(amplifier(b, _trunk(b)), "y", 2)
    return b.case(samples=1)
