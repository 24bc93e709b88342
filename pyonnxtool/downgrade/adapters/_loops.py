"""Loop as opset 1 has it: it carries a value at least."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import GraphProto, ValueInfoProto, helper

from pyonnxtool.rewriting.tape import elem_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.tape import Tape

FIXED_INPUTS = 2
"""Of a body: the turn, and whether it goes on. Of the node: how many turns, and the same."""


def loop(
    tape: Tape, turns: str, going: str, states: Sequence[str], body: GraphProto
) -> tuple[str, ...]:
    """A Loop; `going` may be "". Returns its outputs. The body becomes the tape's."""
    if states:
        return tape.many("Loop", turns, going, *states, outputs=len(body.output) - 1, body=body)
    before, after = tape.fresh("before"), tape.fresh("after")
    body.input.insert(FIXED_INPUTS, _flag(before))
    body.node.append(helper.make_node("Identity", [before], [after]))
    body.output.insert(1, _flag(after))
    wanted = [True] * (len(body.output) - 1)
    nothing = tape.const(False, "bool")
    return tape.many("Loop", turns, going, nothing, outputs=wanted, body=body)[1:]


def begun(tape: Tape, name: str) -> tuple[GraphProto, str]:
    """A body that always goes on, without anything else; and its turn."""
    turn, going, goes_on = (tape.fresh(one) for one in ("turn", "going", "goes_on"))
    number = helper.make_tensor_value_info(turn, elem_type("int64"), [])
    node = helper.make_node("Identity", [going], [goes_on])
    body = GraphProto(
        name=tape.fresh(name), node=[node], input=[number, _flag(going)], output=[_flag(goes_on)]
    )
    return body, turn


def _flag(name: str) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, elem_type("bool"), [])
