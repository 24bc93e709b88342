"""Whether the bodies of a node give what the node and its other bodies take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.rewriting.operand import type_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool._core import Graph, Node
    from pyonnxtool.rewriting.operand import Facts


def body_misfit(node: Node, facts: Facts) -> str:
    """The first value that a body gives as another type than it has to be; "" when there is none.

    Branches of an If have to agree; what a Loop or a Scan carries over has to stay of one type.
    """
    bodies = node.subgraphs
    if node.domain not in ("", "ai.onnx") or not bodies:
        return ""
    if node.op_type == "If" and len(bodies) > 1:
        return _branches(bodies, facts)
    if node.op_type == "Loop":
        return _carried(node, bodies[0], 2, 1, len(node.input_names) - 2, facts)
    if node.op_type == "Scan" and node.attributes.get("num_scan_inputs") is not None:
        states = len(node.input_names) - int(node.attributes["num_scan_inputs"])
        return _carried(node, bodies[0], 0, 0, states, facts)
    return ""


def _branches(bodies: Sequence[Graph], facts: Facts) -> str:
    for one, other in zip(bodies[0].outputs, bodies[1].outputs, strict=False):
        kind = type_text(facts.of(one.name, bodies[0]))
        other_kind = type_text(facts.of(other.name, bodies[1]))
        if kind and other_kind and kind != other_kind:
            return f"a branch gives {one.name!r} as {kind}, another {other.name!r} as {other_kind}"
    return ""


def _carried(node: Node, body: Graph, first: int, made: int, count: int, facts: Facts) -> str:
    """Of what is input `first` and on of the node, and output `made` and on of the body."""
    carried = zip(node.input_names[first : first + count], body.outputs[made:], strict=False)
    for start, value in carried:
        begins = type_text(facts.of(start, node.graph))
        goes_on = type_text(facts.of(value.name, body))
        if begins and goes_on and begins != goes_on:
            return f"its body gives {value.name!r} as {goes_on}, and it begins as {begins}"
    return ""
