"""If, Loop and Scan of a type that they do not take: values pass through bodies in a wider one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import helper

from pyonnxtool.downgrade.dtypes import can_cast, holds
from pyonnxtool.downgrade.forms import FORMS
from pyonnxtool.rewriting.tape import elem_type

if TYPE_CHECKING:
    from onnx import GraphProto, ValueInfoProto

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_WIDE = "float32"


@FORMS.add("If")
@FORMS.add("Loop")
@FORMS.add("Scan")
def _widened(node: NodeView, tape: Tape, dtype: str) -> Decision | None:
    """Casts on either side of the border of a body, and of the node."""
    if not holds(_WIDE, dtype) or dtype == _WIDE or not can_cast(dtype, tape.opset):
        return None
    first_in, first_out = {"If": (1, 0), "Loop": (2, 1), "Scan": (0, 0)}[node.op_type]
    states = 0 if node.op_type == "If" else len(node.inputs) - first_in
    if node.op_type == "Scan":
        states -= node.attr_int("num_scan_inputs")
    given = [place for place, one in enumerate(node.inputs) if one.dtype == dtype]
    wide = {place for place, one in enumerate(node.outputs) if one.dtype == dtype}
    carried = {place - first_in for place in given if place - first_in < states}
    if any(place < states for place in wide - carried):
        return None  # what is carried has one type all along
    wide |= carried
    leaving = [place + first_out for place in sorted(wide)]
    proto = node.to_proto()
    bodies = [one.g for one in proto.attribute if one.HasField("g")]
    for body in bodies:
        if len(body.input) <= max(given, default=-1) or len(body.output) <= max(
            leaving, default=-1
        ):
            return None
    for place in given:
        proto.input[place] = tape.cast(node.inputs[place], _WIDE)
    for body in bodies:
        _enter(body, given, dtype, tape)
        _leave(body, leaving, tape)
    outputs = [tape.fresh(node.op_type) if one else "" for one in node.outputs]
    proto.output[:] = outputs
    proto.name = next(filter(None, outputs), node.label)
    tape.put(proto)
    for place in sorted(wide):
        if place < len(outputs) and outputs[place]:
            outputs[place] = tape.cast(outputs[place], dtype)
    return outputs


def _enter(body: GraphProto, places: list[int], dtype: str, tape: Tape) -> None:
    """Inputs of a body come in the wide type, and are what they were for its nodes."""
    for place in places:
        info = body.input[place]
        wide = tape.fresh(info.name)
        narrowed = helper.make_node("Cast", [wide], [info.name], wide, to=elem_type(dtype))
        body.node.insert(0, narrowed)
        _renamed(info, wide)


def _leave(body: GraphProto, places: list[int], tape: Tape) -> None:
    """Outputs of a body leave it in the wide type."""
    for place in places:
        info = body.output[place]
        wide = tape.fresh(info.name)
        widened = helper.make_node("Cast", [info.name], [wide], wide, to=elem_type(_WIDE))
        body.node.append(widened)
        _renamed(info, wide)


def _renamed(info: ValueInfoProto, name: str) -> None:
    info.name = name
    if info.type.HasField("tensor_type"):
        info.type.tensor_type.elem_type = elem_type(_WIDE)
