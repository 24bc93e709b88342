"""An output of a graph that an older value is to be: what makes that makes the output instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Node
    from pyonnxtool.rewriting.match import Match


def taken_over(match: Match, outputs: Sequence[str]) -> dict[str, str]:
    """Older value to the output of the graph whose name it can have; no Identity is needed there.

    Not inputs, weights, what is an output already or is made around this graph. `outputs` are what
    takes the place of the match's.
    """
    graph, inside = match.graph, {view.node for view in match.nodes}
    found: dict[str, str] = {}
    for old, new in zip(map(str, match.outputs), map(str, outputs), strict=True):
        if not old or new in found or not graph.value(old).is_output or not graph.defines(new):
            continue
        value = graph.value(new)
        if value.producer is not None and value.producer not in inside and not value.is_output:
            found[new] = old
    return found


def take_over(graph: Graph, names: dict[str, str]) -> None:
    """Give these values the names of outputs of the graph, which no node makes any more."""
    for old, name in names.items():
        producer = graph.value(old).producer
        assert producer is not None
        producer.set_outputs([name if one == old else one for one in producer.output_names])
        graph.replace_uses(old, name)


def is_idle(match: Match, outputs: Sequence[str]) -> bool:
    """Whether an Identity would be replaced by one: an output that has to have its own name."""
    root: Node = match.root.node
    alone = len(match.nodes) == 1 and root.op_type == "Identity" and not root.domain
    if not alone or list(map(str, outputs)) != list(root.input_names):
        return False
    return match.graph.value(str(match.outputs[0])).is_output and not taken_over(match, outputs)
