"""GRU, LSTM and RNN at lower opsets: layout=1 in all directions, with states and lengths."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from tests.support.downgraded import check, lowered, random_feeds, run_ort, source

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def model(op: str, direction: str, layout: int, optional: str, opset: int = 22) -> str:
    """A layer; `optional` has b for biases, l for lengths, h for states, c for those of cells."""
    ways, gates = 2 if direction == "bidirectional" else 1, GATES[op]
    size, batch, time, wide = 4, 2, 5, 3
    state = f"{batch},{ways},{size}" if layout else f"{ways},{batch},{size}"
    given = {
        "x": f"float[{batch},{time},{wide}]" if layout else f"float[{time},{batch},{wide}]",
        "w": f"float[{ways},{gates * size},{wide}]",
        "r": f"float[{ways},{gates * size},{size}]",
        "b": f"float[{ways},{2 * gates * size}]",
        "l": f"int32[{batch}]",
        "h": f"float[{state}]",
        "c": f"float[{state}]",
    }
    names = [name if name in "xwr" + optional else "" for name in given]
    infos = ", ".join(f"{kind} {name}" for name, kind in given.items() if name in names)
    outputs = ["y", "last"] + (["cells"] if op == "LSTM" else [])
    made = ", ".join(
        f"float[{','.join('?' * (4 - (place > 0)))}] {out}" for place, out in enumerate(outputs)
    )
    attributes = f'hidden_size = {size}, direction = "{direction}", layout = {layout}'
    node = f"{', '.join(outputs)} = {op} <{attributes}> ({', '.join(names).rstrip(', ')})"
    return source(f"g ({infos}) => ({made}) {{ {node} }}", opset)


@pytest.mark.parametrize("op", GATES)
@pytest.mark.parametrize("target", [13, 9, 7])
def test_batch_first(op: str, target: int) -> None:
    for optional in ("", "b", "bh" + "c" * (op == "LSTM")):
        check(model(op, "forward", 1, optional), target, ulp=8)


@pytest.mark.parametrize("op", GATES)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_batch_first_is_time_first_of_turned_operands(op: str, direction: str) -> None:
    """Neither backend has layout=1 in all directions, so that it is told from layout=0."""
    optional = "blh" + "c" * (op == "LSTM")
    feeds = random_feeds(onnx.parser.parse_model(model(op, direction, 0, optional)))
    feeds["l"] = np.array([5, 3], np.int32)
    turned = {
        name: one.swapaxes(0, 1).copy() if name in "xhc" else one for name, one in feeds.items()
    }
    expected = run_ort(onnx.parser.parse_model(model(op, direction, 0, optional)), feeds)
    made = lowered(model(op, direction, 1, optional), 13)
    found = run_ort(made, turned)
    assert all("layout" not in [one.name for one in node.attribute] for node in made.graph.node)
    np.testing.assert_array_equal(expected[0].transpose(2, 0, 1, 3), found[0])
    for ours, theirs in zip(expected[1:], found[1:], strict=True):
        np.testing.assert_array_equal(ours.swapaxes(0, 1), theirs)


@pytest.mark.parametrize("op", GATES)
def test_time_first_stays_as_it_is(op: str) -> None:
    made = check(model(op, "bidirectional", 0, "blh"), 7)
    assert [node.op_type for node in made.graph.node] == [op]
