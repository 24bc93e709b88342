"""The float32 values of a model, by the graph that defines them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool import _core
from pyonnxtool.onnx_inference import ask_onnx
from pyonnxtool.rewriting.graphs import graphs_under

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool._core import Fact, Graph, Model, Node, Tensor, Value

_WEIGHTS_ARE_NO_INPUTS = 4
"""From this IR version on."""

Key = tuple["Graph", str]
"""A value: the graph that defines it, and its name."""


class Values:
    """What values there are, of which type, and which of them are constants."""

    def __init__(self, model: Model) -> None:
        self.graphs = list(graphs_under(model.graph))
        """Outer ones first."""
        self._facts = _core.infer_shapes(model, ask_onnx)
        self._defined: dict[Graph, dict[str, Value]] = {
            graph: {value.name: value for value in graph.values if not value.is_outer}
            for graph in self.graphs
        }
        self._parents = {graph: graph.parent for graph in self.graphs}
        self.lists_weights = model.ir_version < _WEIGHTS_ARE_NO_INPUTS
        """Weights are inputs too, and nobody means to feed them."""
        self._constants: dict[Key, Tensor | None] = {}

    def key(self, graph: Graph, name: str) -> Key | None:
        """The value that a node of this graph means; None for an omitted operand."""
        place: Graph | None = graph if name else None
        while place is not None:
            if name in self._defined[place]:
                return place, name
            place = self._parents[place]
        return None

    def first_input(self, node: Node) -> Key | None:
        """None also for a node that has none, which is malformed for most."""
        return self.key(node.graph, next(iter(node.input_names), ""))

    def first_output(self, node: Node) -> Key | None:
        """Likewise."""
        return self.key(node.graph, next(iter(node.output_names), ""))

    def value(self, key: Key) -> Value:
        """The value itself."""
        return self._defined[key[0]][key[1]]

    def fact(self, key: Key) -> Fact:
        """What is known of its type and shape."""
        return self._facts.value(key[1], key[0])

    def kind(self, key: Key) -> str:
        """What type it has: "float32", "items" of a sequence that may be of it, "other", "unknown".

        Other are all types that have nothing to do with float32.
        """
        fact = self.fact(key)
        if fact.kind == "tensor" and fact.dtype is not None:
            return "float32" if fact.dtype == "float32" else "other"
        if fact.kind in ("sequence", "optional"):
            inner = fact.inner
            whole = inner is not None and inner.kind == "tensor" and inner.dtype not in (None, "")
            return "other" if whole and inner is not None and inner.dtype != "float32" else "items"
        declared = self.value(key)
        if declared.kind == "tensor" and declared.dtype:
            return "float32" if declared.dtype == "float32" else "other"
        return "unknown"

    def tensor(self, key: Key) -> Tensor | None:
        """The elements of a constant: an initializer that nobody feeds, or a Constant node."""
        if key not in self._constants:
            value = self.value(key)
            producer = value.producer
            fed = value.is_input and not self.lists_weights
            found = None if fed else value.initializer
            if found is None and producer is not None and is_plain(producer, "Constant"):
                found = constant_of(producer)
            self._constants[key] = found
        return self._constants[key]

    def known(self, key: Key) -> NDArray[Any] | None:
        """The elements where shape arithmetic came out as numbers."""
        elements = self.fact(key).elements
        if elements is None or not all(isinstance(one, int | float) for one in elements):
            return None
        return np.array(elements, dtype=np.float64)


def is_plain(node: Node, *op_types: str) -> bool:
    """Whether it is one of these operators of ai.onnx."""
    return node.op_type in op_types and node.domain in ("", "ai.onnx")


def constant_of(node: Node) -> Tensor | None:
    """What a Constant node holds, where that is a tensor or floats."""
    attributes = node.attributes
    held = attributes.get("value")
    if isinstance(held, _core.Tensor):
        return held
    for name in ("value_float", "value_floats"):
        if name in attributes and not isinstance(attributes[name], str):
            return _core.Tensor(np.array(attributes[name], np.float32))
    return None
