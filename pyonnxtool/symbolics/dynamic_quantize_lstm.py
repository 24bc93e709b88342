"""DynamicQuantizeLSTM of com.microsoft: an LSTM whose products are of integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._quantized import combined, named
from pyonnxtool.symbolics._sizes import size_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_DIRECTIONS = {"forward": (0,), "reverse": (1,), "bidirectional": (0, 1)}
_GATES = ["sigmoid", "tanh", "tanh"]
_X, _W, _R, _B, _LENGTHS, _H, _C, _P, _W_SCALE, _W_ZERO, _R_SCALE, _R_ZERO = range(12)


@SYMBOLICS.add("com.microsoft::DynamicQuantizeLSTM")
def dynamic_quantize_lstm(node: NodeView, tape: Tape) -> Decision:
    """Scan of DynamicQuantizeLinear, MatMulInteger and the gates.

    The state of all sequences of a batch is quantized at once in each step. So does onnxruntime on
    one thread, bit for bit; on several it does so in parts, and differs from itself by about 0.001.
    """
    ways = _DIRECTIONS.get(node.attr_str("direction", "forward"))
    if (refusal := _refusal(node)) is not None:
        return refusal
    if ways is None:
        return node.refuse(f"its direction {node.attr_str('direction')!r} is not known")
    x = tape.many("DynamicQuantizeLinear", node.inputs[_X], outputs=3)
    done = [_one_way(node, tape, x, place, backwards) for place, backwards in enumerate(ways)]
    one = tape.ints([1]), tape.ints([0])
    states, hidden, cells = (
        [tape.op("Unsqueeze", way[kind], one[kind > 0]) for way in done] for kind in range(3)
    )
    if len(ways) == 1:
        return states[0], hidden[0], cells[0]
    return (
        tape.op("Concat", *states, axis=1),
        tape.op("Concat", *hidden, axis=0),
        tape.op("Concat", *cells, axis=0),
    )


def _refusal(node: NodeView) -> Refusal | None:
    if len(node.inputs) <= _R_ZERO:
        return node.refuse("it has no scales and zero points of its weights")
    if node.arg(_LENGTHS):
        return node.refuse("its sequences have lengths of their own")
    asked = [str(one).lower() for one in node.attr("activations", [])]
    if any(one != _GATES[place % 3] for place, one in enumerate(asked)):
        return node.refuse(f"its activations {', '.join(asked)} are not Sigmoid, Tanh, Tanh")
    for name in ("clip", "input_forget"):
        if node.attr(name, 0):
            return node.refuse(f"its {name} is not lowered")
    return None


def _one_way(
    node: NodeView, tape: Tape, x: Sequence[str], place: int, backwards: int
) -> tuple[str, ...]:
    """States of all steps (steps, batch, hidden), the last one, and the last cells."""
    gates = _product(tape, x, node, (_W, _W_SCALE, _W_ZERO), place)
    recurrence = [_part(tape, node.inputs[one], place) for one in (_R, _R_SCALE, _R_ZERO)]
    bias = _bias(tape, node.arg(_B), place)
    peepholes = _peepholes(tape, node.arg(_P), place)
    hidden = _state(node, tape, node.arg(_H), place)
    cells = _state(node, tape, node.arg(_C), place)

    def step(inner: Tape, given: tuple[str, ...]) -> list[tuple[str, str, int | None]]:
        h, c, x_gates = given
        quantized = inner.many("DynamicQuantizeLinear", h, outputs=3)
        total = inner.op("Add", x_gates, _scaled(inner, quantized, *recurrence))
        if bias:
            total = inner.op("Add", total, bias)
        h, c = _gated(inner, total, c, peepholes)
        return [(h, "float32", 2), (c, "float32", 2), (h, "float32", 2)]

    floats: list[tuple[str, str, int | None]] = [(one, "float32", 2) for one in ("h", "c", "x")]
    last, cell, states = tape.many(
        "Scan",
        *(hidden, cells, gates),
        outputs=3,
        body=tape.body(floats, step),
        num_scan_inputs=1,
        scan_input_directions=[backwards],
        scan_output_directions=[backwards],
    )
    return states, last, cell


def _gated(tape: Tape, total: str, cells: str, peepholes: Sequence[str]) -> tuple[str, str]:
    """The next state and cells, of the sums of all gates: input, output, forget, cell."""
    i, o, f, c = tape.many("Split", total, outputs=4, axis=-1, num_outputs=4)
    if peepholes:
        i = tape.op("Add", i, tape.op("Mul", peepholes[0], cells))
        f = tape.op("Add", f, tape.op("Mul", peepholes[2], cells))
    kept = tape.op("Mul", tape.op("Sigmoid", f), cells)
    added = tape.op("Mul", tape.op("Sigmoid", i), tape.op("Tanh", c))
    new = tape.op("Add", kept, added)
    if peepholes:
        o = tape.op("Add", o, tape.op("Mul", peepholes[1], new))
    return tape.op("Mul", tape.op("Sigmoid", o), tape.op("Tanh", new)), new


def _product(
    tape: Tape, x: Sequence[str], node: NodeView, places: Sequence[int], place: int
) -> str:
    return _scaled(tape, x, *(_part(tape, node.inputs[one], place) for one in places))


def _scaled(tape: Tape, x: Sequence[str], weights: str, scale: str, zero: str) -> str:
    """MatMulInteger, times both scales. Zero points of all columns are the same."""
    integers, x_scale, x_zero = x
    total = tape.op("MatMulInteger", integers, weights, x_zero, zero)
    both = named(tape, combined(tape, "Mul", x_scale, scale))
    return tape.op("Mul", tape.cast(total, "float32"), both)


def _part(tape: Tape, operand: Operand, place: int) -> str:
    """Of one direction."""
    known = operand.const
    if known is not None:
        return tape.const(np.array(known[place]))
    return tape.op("Gather", operand, tape.const(np.array(place, np.int64)), axis=0)


def _bias(tape: Tape, operand: Operand, place: int) -> str:
    """That of the input plus that of the state; "" when there is none."""
    if not operand:
        return ""
    both = tape.many("Split", _part(tape, operand, place), outputs=2, axis=0, num_outputs=2)
    return tape.op("Add", *both)


def _peepholes(tape: Tape, operand: Operand, place: int) -> tuple[str, ...]:
    """Of the gates of input, output and forget; () when there are none."""
    if not operand:
        return ()
    return tape.many("Split", _part(tape, operand, place), outputs=3, axis=0, num_outputs=3)


def _state(node: NodeView, tape: Tape, operand: Operand, place: int) -> str:
    if operand:
        return _part(tape, operand, place)
    batch = size_of(node.inputs[_X], 1).vector(tape)
    width = size_of(node.inputs[_R], 1).vector(tape)
    shape = tape.op("Concat", batch, width, axis=0)
    return tape.op("ConstantOfShape", shape, value=np.zeros(1, np.float32))
