"""The rows of a report on a quantized model: noise of values, layers and weights, worst first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.divergence.blame.why import label
from pyonnxtool.divergence.constants import constant
from pyonnxtool.divergence.quantized.faults import clipped_share, float_weights, integers_of, like
from pyonnxtool.divergence.quantized.noise import (
    OPERANDS,
    Quantization,
    decibels,
    introduced_db,
    signal_power,
)
from pyonnxtool.divergence.quantized.numbers import Steps, carried_steps
from pyonnxtool.divergence.quantized.weights import dequantized_constant
from pyonnxtool.divergence.watch import watch
from pyonnxtool.findings import QuantizedRow

if TYPE_CHECKING:
    from pyonnxtool._core import Node
    from pyonnxtool.divergence.case import Case
    from pyonnxtool.divergence.compare import Array
    from pyonnxtool.divergence.sweep import Measured, Swept


_COARSE_DB = 15.0


@dataclass(frozen=True)
class _Ends:
    """Shares of the integers that lie at the ends of their range, and of numbers beyond them."""

    low: float = 0.0
    high: float = 0.0
    beyond: float = 0.0


def quantized_rows(case: Case, swept: Swept) -> tuple[QuantizedRow, ...]:
    """Nothing where the candidate is not quantized otherwise than the reference."""
    quantization = case.quantization
    if quantization is None:
        return ()
    compared = [m for m in swept.values.values() if introduced_db(m.introduced) is not None]
    made = [(measured, quantization.expected(measured, swept)) for measured in compared]
    noisy = [(measured, expected) for measured, expected in made if expected is not None]
    ends = _ends(case, [measured for measured, _ in noisy])
    rows = [
        _row(quantization, measured, swept, expected, ends.get(measured.pair.candidate, _Ends()))
        for measured, expected in noisy
    ]
    return (
        *sorted(rows, key=lambda row: row.introduced_db),
        *sorted(_weights(case, quantization), key=lambda row: row.introduced_db),
    )


def noise_reason(rows: tuple[QuantizedRow, ...]) -> str:
    """Why nobody is to blame for what quantization does."""
    told = "no layer adds more noise than its quantization steps explain; it adds up"
    worst = next((row for row in rows if row.kind != "weight"), None)
    if worst is None:
        return told
    text = f"{told} (the worst by itself: {worst.node}, SQNR {worst.introduced_db:.1f} dB)"
    if worst.introduced_db >= _COARSE_DB:
        return text
    return f"{text}; steps so coarse leave little of a value: look at its range first"


def _row(
    quantization: Quantization, measured: Measured, swept: Swept, expected: float, ends: _Ends
) -> QuantizedRow:
    name = measured.pair.candidate
    nodes = quantization.region(name, swept)
    main: Node = next((node for node in nodes if node.op_type in OPERANDS), nodes[-1])
    steps = _steps(quantization, name)
    excess = quantization.excess(measured, swept)
    return QuantizedRow(
        kind="layer" if main.op_type in OPERANDS else "activation",
        node=label(main),
        op_type=main.op_type,
        value=name,
        reference_value=measured.pair.reference,
        dtype=steps.dtype if steps is not None else "",
        scale=float(np.max(steps.scale)) if steps is not None else None,
        zero_point=int(steps.zero.reshape(-1)[0]) if steps is not None else None,
        sqnr_db=introduced_db(measured.accumulated),
        introduced_db=_number(introduced_db(measured.introduced)),
        explained_db=decibels(signal_power(measured), expected),
        at_low=ends.low,
        at_high=ends.high,
        beyond=ends.beyond,
        status="fault" if excess is not None and excess > 1.0 else "noise",
    )


def _number(value: float | None) -> float:
    return math.inf if value is None else value


def _steps(quantization: Quantization, name: str) -> Steps | None:
    return quantization.steps_of(name) or carried_steps(quantization.model, name)


def _integers(case: Case, quantization: Quantization, name: str) -> str:
    """The value of integers behind a compared value; empty where there is none."""
    node = quantization.model.graph.value(name).producer
    if node is None:
        return ""
    if node.op_type == "DequantizeLinear":
        source = node.input_names[0]
        return "" if constant(quantization.model, source) is not None else source
    return name if carried_steps(quantization.model, name) is not None else ""


def _ends(case: Case, noisy: list[Measured]) -> dict[str, _Ends]:
    """Of the values with static steps, on the first sample: a run of each side more."""
    quantization = case.quantization
    assert quantization is not None
    behind = {m.pair.candidate: _integers(case, quantization, m.pair.candidate) for m in noisy}
    behind = {name: integers for name, integers in behind.items() if integers}
    if not behind:
        return {}
    steps = {name: _steps(quantization, name) for name in behind}
    known = {name: one for name, one in steps.items() if one is not None}
    sample = case.samples[0]
    counted: dict[str, tuple[float, float]] = {}
    for group in watch(case.candidate, sample.candidate, sorted(set(behind.values())), case.memory):
        counted |= {
            integers: _at_ends(value)
            for integers, value in group.items()
            if isinstance(value, np.ndarray) and value.size
        }
    beyond = _beyond(case, {m.pair.candidate: m.pair.reference for m in noisy}, known)
    return {
        name: _Ends(*counted.get(integers, (0.0, 0.0)), beyond.get(name, 0.0))
        for name, integers in behind.items()
        if name in known
    }


def _at_ends(integers: Array) -> tuple[float, float]:
    if integers.dtype.kind not in "iu":
        return 0.0, 0.0
    info = np.iinfo(integers.dtype)
    return float(np.mean(integers == info.min)), float(np.mean(integers == info.max))


def _beyond(case: Case, partner: dict[str, str], steps: dict[str, Steps]) -> dict[str, float]:
    sample = case.samples[0]
    wanted = {partner[name] for name in steps}
    made = [name for name in sorted(wanted) if name not in sample.reference]
    found: dict[str, float] = {}
    case.reference.begin(sample.number, sample.reference)
    for group in (sample.reference, *watch(case.reference, sample.reference, made, case.memory)):
        for name, one in steps.items():
            value = group.get(partner[name])
            if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                found[name] = clipped_share(value, one)
    return found


def _weights(case: Case, quantization: Quantization) -> list[QuantizedRow]:
    rows = []
    model = quantization.model
    for theirs, (ours, held) in float_weights(case).items():
        numbers = dequantized_constant(model, theirs)
        if numbers is None:
            continue
        given = like(held.numpy().astype(np.float64), numbers)
        if given is None:
            continue
        readers = model.graph.value(theirs).consumers
        slots = [(n, n.input_names.index(theirs)) for n in readers if theirs in n.input_names]
        steps = quantization.weight_steps(*slots[0]) if slots else None
        integers = integers_of(model, theirs)
        low, high = _at_ends(integers) if integers is not None else (0.0, 0.0)
        power = float(np.mean(np.square(given)))
        rows.append(
            QuantizedRow(
                kind="weight",
                node=label(readers[0]) if readers else "",
                op_type=readers[0].op_type if readers else "",
                value=theirs,
                reference_value=ours,
                dtype=steps.dtype if steps is not None else "",
                scale=float(np.max(steps.scale)) if steps is not None else None,
                zero_point=int(steps.zero.reshape(-1)[0]) if steps is not None else None,
                sqnr_db=None,
                introduced_db=decibels(power, float(np.mean(np.square(given - numbers)))),
                explained_db=decibels(power, steps.square_error) if steps else None,
                at_low=low,
                at_high=high,
            )
        )
    return rows
