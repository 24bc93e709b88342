"""What the function of a rule is given: the nodes and values that its pattern has found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyonnxtool.errors import UsageError
from pyonnxtool.rewriting.operand import Operand
from pyonnxtool.rewriting.pattern import Step

if TYPE_CHECKING:
    from pyonnxtool._core import Graph
    from pyonnxtool.rewriting.found import Found
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Facts
    from pyonnxtool.rewriting.pattern import Pattern
    from pyonnxtool.rewriting.refusal import Refusal


class Match:
    """A place where a pattern fits.

    `match["x"]` is what stands for the parameter `x` of the pattern: an operand, which a tape takes
    and which knows its dtype, shape, rank and elements, or the value of an attribute. One that an
    optional part would have had is falsy.
    """

    def __init__(self, pattern: Pattern, found: Found, facts: Facts) -> None:
        self._pattern, self._found, self._facts = pattern, found, facts
        self.root: NodeView = next(iter(found.nodes.values()))
        """The node that makes the pattern's first output."""
        self.graph: Graph = self.root.graph
        self.opset: int = self.root.opset
        """Of ai.onnx, of the graph or function around the match."""
        self.outputs: tuple[Operand, ...] = found.outputs
        """What is replaced, in the order in which the pattern gives it."""

    def __getitem__(self, name: str) -> Any:
        """Raises UsageError for a name that is no parameter of the pattern."""
        if name not in self._pattern.names:
            known = ", ".join(self._pattern.names)
            raise UsageError(f"the pattern has no parameter {name!r}; it has: {known}")
        missing = Operand("", self.graph, self._facts)
        return self._found.values.get(name, missing)

    @property
    def nodes(self) -> tuple[NodeView, ...]:
        """All nodes of the match, the root first."""
        return tuple(self._found.nodes.values())

    def node(self, name: str) -> NodeView:
        """The node that the pattern calls so (`.named("conv")`), or the only one of this operator.

        Raises UsageError when there is none, or several.
        """
        called = [step for step in self._found.nodes if _called(self._pattern, step) == name]
        found = called or [step for step, view in self._found.nodes.items() if view.op_type == name]
        if len(found) == 1:
            return self._found.nodes[found[0]]
        count = "no node" if not found else f"{len(found)} nodes"
        raise UsageError(f"the match has {count} called {name!r}; name it: op.Conv(x).named('c')")

    def refuse(self, reason: str, advice: str = "") -> Refusal:
        """What a rule returns to leave this place as it is: why, and what would help."""
        return self.root.refuse(reason, advice)

    def refuse_dynamic(self, what: str) -> Refusal:
        """A refusal because `what` is only known when the model runs: "the shape of q"."""
        return self.root.refuse_dynamic(what)


def _called(pattern: Pattern, wanted: Step) -> str:
    return next((made.name for made in pattern.made if made.step is wanted and made.name), "")
