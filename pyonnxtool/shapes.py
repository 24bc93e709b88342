"""Shapes of all values of a model, inferred: what is fixed, what depends on names, what stays open.

Nothing is run. Where the core has no rule for an operator, the onnx package is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyonnxtool import _core
from pyonnxtool.model import ModelLike, as_model
from pyonnxtool.onnx_inference import ask_onnx

Number = int | float | str | None
"""A number, an expression of named sizes ("h//2"), or None for what only the data decides."""


@dataclass(frozen=True)
class ShapedValue:
    """A value with what is known of it before the model runs."""

    value: str
    """Its name."""
    graph: str
    node: str
    """The node that makes it; empty for an input."""
    op_type: str
    """The operator that makes it; empty for an input."""
    kind: str
    dtype: str | None
    """Type of the elements; of a sequence or optional, of the tensors in it."""
    shape: tuple[Number, ...] | None
    """Each a number, an expression of named sizes, or null where only the data decides; null in all
    where even the rank is not known."""
    elements: tuple[Number, ...] | None
    """Elements of shape arithmetic; null where they are not tracked."""
    reasons: tuple[str, ...]
    """Why sizes are not known."""

    @property
    def state(self) -> str:
        """`fixed`, `named` (sizes depend on names alone), or `open`."""
        if self.kind not in {"tensor", "sequence", "optional"} or self.shape is None:
            return "open"
        if any(size is None for size in self.shape):
            return "open"
        return "named" if any(isinstance(size, str) for size in self.shape) else "fixed"


@dataclass(frozen=True)
class Unruled:
    """A node whose operator has no shape rule here."""

    node: str
    op_type: str
    domain: str
    graph: str
    outputs: tuple[str, ...]
    by_onnx: bool
    """The onnx package's inference knew something of it; otherwise nothing is known but what the
    file declares."""
    is_call: bool
    """It calls a function of the model, and a node in that is what has no rule."""


@dataclass(frozen=True)
class Contradiction:
    """A node whose inputs do not fit together."""

    node: str
    op_type: str
    message: str
    """Names the node and both sizes."""


@dataclass(frozen=True)
class Shapes:
    """Inferred types and shapes of all values that are no weights."""

    values: tuple[ShapedValue, ...]
    without_rule: tuple[Unruled, ...]
    """Nodes for whose operator there is no shape rule."""
    contradictions: tuple[Contradiction, ...]
    """Nodes whose inputs do not fit together: what they make is not known."""


def infer_shapes(given: ModelLike) -> Shapes:
    """Shapes of a model: a path, a Model or an `onnx.ModelProto`.

    Raises ModelError for a file that is no model, and for a cycle.
    """
    model = as_model(given)
    facts = _core.infer_shapes(model, ask_onnx)
    told = facts.by_fallback
    functions = {(function.domain, function.name) for function in model.functions}
    doubts = {node: f"{node.label}: there is no shape rule" for node in facts.without_rule}
    doubts |= {node: f"{node.label}: its inputs contradict" for node, _ in facts.contradictions}
    return Shapes(
        values=tuple(values_of(model.graph, Known(facts, doubts), "main")),
        without_rule=tuple(
            Unruled(
                node=node.name or first_output(node),
                op_type=node.op_type,
                domain=node.domain,
                graph=place_of(node.graph),
                outputs=tuple(name for name in node.output_names if name),
                by_onnx=node in told,
                is_call=(node.domain, node.op_type) in functions,
            )
            for node in facts.without_rule
        ),
        contradictions=tuple(
            Contradiction(node.name or first_output(node), node.op_type, message)
            for node, message in facts.contradictions
        ),
    )


@dataclass(frozen=True)
class Known:
    """Facts, and why the values of some nodes have none."""

    facts: _core.ShapeFacts
    doubts: dict[_core.Node, str]

    def shaped(self, value: _core.Value, place: str, node: _core.Node | None = None) -> ShapedValue:
        """A value as reports tell it."""
        fact = self.facts.value(value.name, value.graph)
        inner = fact.inner if fact.kind in {"sequence", "optional"} and fact.inner else fact
        doubt = self.doubts.get(node) if node and inner.dims is None else None
        return ShapedValue(
            value=value.name,
            graph=place,
            node=node.name if node else "",
            op_type=node.op_type if node else "",
            kind=fact.kind,
            dtype=inner.dtype,
            shape=None if inner.dims is None else tuple(inner.dims),
            elements=None if fact.elements is None else tuple(fact.elements),
            reasons=(doubt,) if doubt else tuple(inner.reasons),
        )


def values_of(graph: _core.Graph, known: Known, place: str) -> Iterator[ShapedValue]:
    """Inputs, then what each node makes, producers first; bodies before what their node makes."""
    weights = {tensor.name for tensor in graph.initializers}
    for value in graph.inputs:
        if value.name not in weights:
            yield known.shaped(value, place)
    for node in graph.order():
        for name, body in bodies(node):
            yield from values_of(body, known, f"{place}/{node.name or first_output(node)}.{name}")
        for output in node.outputs:
            if output is not None:
                yield known.shaped(output, place, node)


def bodies(node: _core.Node) -> Iterator[tuple[str, _core.Graph]]:
    """Each body of a node with the attribute that holds it."""
    if not node.subgraphs:
        return
    for name, held in node.attributes.items():
        for one in held if isinstance(held, list) else [held]:
            if isinstance(one, _core.Graph):
                yield name, one


def place_of(graph: _core.Graph) -> str:
    """`main`, or the names of the nodes around a body: `main/loop.body`."""
    parent = graph.parent
    if parent is None:
        return "main"
    for node in parent.nodes:
        for name, body in bodies(node):
            if body == graph:
                return f"{place_of(parent)}/{node.name or first_output(node)}.{name}"
    raise AssertionError("a body belongs to a node of its parent")


def first_output(node: _core.Node) -> str:
    """What a node without a name is called by."""
    return next((name for name in node.output_names if name), "?")
