"""What a body of If, Loop or Scan is fed, turn by turn."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.divergence.blame.why import label
from pyonnxtool.errors import BackendError

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Node, Value
    from pyonnxtool.backends import Output

Turns = Generator["list[Output]", "Sequence[Output]", None]
"""Yields the inputs of each turn, and is sent what the body made of them."""

BODIES = {
    "If": ("then_branch", "else_branch"),
    "Loop": ("body",),
    "Scan": ("body",),
}
"""Operators whose bodies can be run on their own, and the attributes that hold them."""


def is_control_flow(node: Node) -> bool:
    """If, Loop or Scan of the standard."""
    return node.domain in ("", "ai.onnx") and node.op_type in BODIES


def control_flow_pair(ours: Sequence[Node], theirs: Sequence[Node]) -> tuple[Node, Node] | None:
    """The If, Loop or Scan of a region and of its counterpart, when each has just one."""
    mine = [node for node in ours if is_control_flow(node)]
    other = [node for node in theirs if is_control_flow(node)]
    if len(mine) != 1 or len(other) != 1 or mine[0].op_type != other[0].op_type:
        return None
    return mine[0], other[0]


def branch_taken(condition: Output) -> str:
    """The attribute of an If that holds the body which `condition` chooses."""
    return "then_branch" if bool(np.asarray(condition).reshape(-1)[0]) else "else_branch"


def decided_by(condition: Value) -> list[str]:
    """What the Ifs are called whose branch this value chooses."""
    readers = (node for node in condition.consumers if node.op_type == "If")
    return [label(node) for node in readers if node.input_names[0] == condition.name]


def turns_of(node: Node, body: Graph, given: Sequence[Output]) -> Turns:
    """The turns of `node`, whose inputs are `given` (None: omitted).

    Raises BackendError for a Scan of opset 8, whose batches are another thing.
    """
    return _TURNS[node.op_type](node, body, given)


def as_declared(body: Graph, inputs: Sequence[Output]) -> list[Output]:
    """Single numbers in the rank that the body declares: its counter may be [] or [1]."""
    return [
        value.reshape(declared.shape)
        if isinstance(value, np.ndarray) and value.size == 1 and declared.shape in ((), (1,))
        else value
        for value, declared in zip(inputs, body.inputs, strict=True)
    ]


def _if(node: Node, body: Graph, given: Sequence[Output]) -> Turns:
    """One turn. What a branch reads is captured."""
    yield []


def _loop(node: Node, body: Graph, given: Sequence[Output]) -> Turns:
    """Until the count is reached or the condition is false."""
    count, going = (given[slot] if slot < len(given) else None for slot in (0, 1))
    state = list(given[2:])
    most = None if count is None else int(_single(count))
    turn = 0
    while (most is None or turn < most) and (going is None or bool(_single(going))):
        going = np.asarray(True if going is None else _single(going))
        outputs = yield as_declared(body, [np.asarray(turn, np.int64), going, *state])
        going, state = outputs[0], list(outputs[1 : 1 + len(state)])
        turn += 1


def _scan(node: Node, body: Graph, given: Sequence[Output]) -> Turns:
    """One slice of each scanned input a turn."""
    scanned = int(node.attributes["num_scan_inputs"])
    if len(given) != len(body.inputs):
        raise BackendError("a Scan of opset 8 is not looked into; upgrade the model to opset 9")
    state, sequences = list(given[:-scanned]), [np.asarray(one) for one in given[-scanned:]]
    axes = node.attributes.get("scan_input_axes") or [0] * scanned
    backwards = node.attributes.get("scan_input_directions") or [0] * scanned
    length = sequences[0].shape[axes[0]]
    for turn in range(length):
        slices: list[Any] = [
            sequence.take(length - 1 - turn if back else turn, axis)
            for sequence, axis, back in zip(sequences, axes, backwards, strict=True)
        ]
        outputs = yield [*state, *map(np.asarray, slices)]
        state = list(outputs[: len(state)])


def _single(value: Output) -> Any:
    return np.asarray(value).reshape(-1)[0]


_TURNS: dict[str, Callable[[Node, Graph, Sequence[Output]], Turns]] = {
    "If": _if,
    "Loop": _loop,
    "Scan": _scan,
}
