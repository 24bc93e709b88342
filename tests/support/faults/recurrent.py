"""Faults of LSTM and GRU: gate order, direction, the reset gate's place."""

from __future__ import annotations

import numpy as np

from support.faults.site import Site

GATES = {"LSTM": 4, "GRU": 3}


def gates_swapped(site: Site) -> str | None:
    """iofc written as ifoc (or zrh as rzh), in all three weights, as a converter's slip does."""
    gates = GATES.get(site.node.op_type)
    weights = [site.const(i) for i in (1, 2, 3)]
    if gates is None or any(weight is None for weight in weights):
        return None
    one, other = (1, 2) if gates == 4 else (0, 1)
    for index, weight in enumerate(weights, start=1):
        blocks = np.split(weight, gates * (2 if index == 3 else 1), axis=1)
        for start in range(0, len(blocks), gates):
            first, second = start + one, start + other
            blocks[first], blocks[second] = blocks[second], blocks[first]
        site.put(index, np.concatenate(blocks, axis=1))
    return f"gates {one} and {other} swapped"


def directions_swapped(site: Site) -> str | None:
    weight = site.const(1)
    if site.node.op_type not in GATES or weight is None or weight.shape[0] != 2:
        return None
    for index in (1, 2, 3):
        site.put(index, site.const(index)[::-1])
    return "the weights of the two directions are swapped"


def direction(site: Site) -> str | None:
    if site.node.op_type not in GATES or site.attr("direction", "forward") != "forward":
        return None
    site.set("direction", "reverse")
    return "reads the sequence backwards"


def reset_place(site: Site) -> str | None:
    if site.node.op_type != "GRU":
        return None
    site.set("linear_before_reset", 1 - site.attr("linear_before_reset", 0))
    return "linear_before_reset flipped"


PLANTERS = {
    "rnn_gates": gates_swapped,
    "rnn_directions_swapped": directions_swapped,
    "rnn_direction": direction,
    "gru_reset": reset_place,
}
