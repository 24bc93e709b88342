"""A value of a graph by its name, with what is known of it before the model runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool import _core
from pyonnxtool.onnx_inference import ask_onnx
from pyonnxtool.op_schemas import tensor_type

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool._core import Fact, Graph, Model, Node, ShapeFacts

Dim = int | float | str | None


class Facts:
    """Types and shapes of a model; inferred when first asked for, and again for new values."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._found: ShapeFacts | None = None
        self._current = False
        self._obscure: set[str] = set()
        """Values that inference says nothing of."""
        self._known: dict[tuple[Graph, str], Fact] = {}

    def outdated(self) -> None:
        """An edit made values that are not known yet. Older ones keep their facts."""
        self._current = False

    def forget(self) -> None:
        """An edit gave values other types."""
        self._found = None
        self._current = False
        self._obscure.clear()
        self._known.clear()

    def of(self, name: str, graph: Graph) -> Fact | None:
        """None where the graph and those around it have no such value."""
        if (graph, name) in self._known:
            return self._known[graph, name]
        home = home_of(name, graph)
        if home is None:
            return None
        fact = self._found.value(name, home) if self._found is not None else None
        unknown = fact is None or fact.kind == "unknown"
        if unknown and not self._current and name not in self._obscure:
            self._found = _core.infer_shapes(self._model, ask_onnx)
            self._current = True
            fact = self._found.value(name, home)
            if fact.kind == "unknown":
                self._obscure.add(name)
        if fact is not None and fact.kind != "unknown":
            self._known[graph, name] = fact
        return fact


def home_of(name: str, graph: Graph) -> Graph | None:
    """The innermost graph, from this one outwards, that defines the value."""
    place: Graph | None = graph
    while place is not None:
        if place.defines(name):
            return place
        place = place.parent
    return None


def type_text(fact: Fact | None) -> str | None:
    """As schemas write it: "tensor(float)", "seq(tensor(int64))"; None when it is not known."""
    if fact is None:
        return None
    if fact.kind == "tensor":
        return tensor_type(fact.dtype) if fact.dtype else None
    inner = type_text(fact.inner) if fact.kind in ("sequence", "optional") else None
    if inner is None:
        return None
    return f"seq({inner})" if fact.kind == "sequence" else f"optional({inner})"


class Operand(str):
    """The name of a value ("" when it is omitted), and what is known of the value."""

    graph: Graph
    _facts: Facts

    def __new__(cls, name: str, graph: Graph, facts: Facts) -> Operand:
        """`name` is that of a value of the graph, or of one around it."""
        made = super().__new__(cls, name)
        made.graph = graph
        made._facts = facts
        return made

    @property
    def fact(self) -> Fact | None:
        """All that the shape rules found."""
        return self._facts.of(str(self), self.graph) if self else None

    @property
    def type(self) -> str | None:
        """As schemas write it; None when it is not known."""
        return type_text(self.fact)

    @property
    def dtype(self) -> str | None:
        """Of a tensor: "float32"; None when it is not known or no tensor."""
        fact = self.fact
        return fact.dtype if fact is not None else None

    @property
    def dims(self) -> list[Dim] | None:
        """Sizes: a number, an expression of named sizes ("h//2"), None; None in all: no rank."""
        fact = self.fact
        return fact.dims if fact is not None else None

    @property
    def rank(self) -> int | None:
        """How many axes it has; None when that is not known."""
        dims = self.dims
        return None if dims is None else len(dims)

    @property
    def shape(self) -> tuple[int | None, ...] | None:
        """Sizes that are numbers, None for each other; None in all when there is no rank."""
        dims = self.dims
        if dims is None:
            return None
        return tuple(size if isinstance(size, int) else None for size in dims)

    @property
    def static_shape(self) -> tuple[int, ...] | None:
        """The shape when all sizes are numbers, else None."""
        shape = self.shape
        if shape is None or None in shape:
            return None
        return tuple(size for size in shape if size is not None)

    @property
    def const(self) -> NDArray[Any] | None:
        """The elements when they do not depend on the inputs of the model, else None.

        Of an initializer (not one that is an input too: whoever runs the model may feed another),
        a Constant node, or shape arithmetic that came out as numbers.
        """
        if not self:
            return None
        home = home_of(str(self), self.graph)
        if home is None:
            return None
        value = home.value(str(self))
        if value.initializer is not None:
            return None if value.is_input else value.initializer.numpy()
        producer = value.producer
        if producer is not None and producer.op_type == "Constant" and not producer.domain:
            known = _constant_of(producer.attributes)
            if known is not None:
                return known
        return self._known_elements()

    def _known_elements(self) -> NDArray[Any] | None:
        fact = self.fact
        shape = self.static_shape
        if fact is None or shape is None or fact.elements is None or fact.dtype is None:
            return None
        if not all(isinstance(one, int | float) for one in fact.elements):
            return None
        return np.array(fact.elements, dtype=fact.dtype).reshape(shape)

    @property
    def producer(self) -> Node | None:
        """The node that makes it; None for an input or an initializer."""
        home = home_of(str(self), self.graph) if self else None
        return None if home is None else home.value(str(self)).producer

    def beside(self, name: str) -> Operand:
        """Another value as it is seen from the same graph."""
        return Operand(name, self.graph, self._facts)

    @property
    def consumers(self) -> int:
        """How many nodes of its graph read it, and one more for an output of the graph."""
        value = self.graph.value(str(self))
        return len(value.consumers) + value.is_output


def _constant_of(attributes: dict[str, Any]) -> NDArray[Any] | None:
    tensor = attributes.get("value")
    if isinstance(tensor, _core.Tensor):
        return tensor.numpy()
    if isinstance(tensor, str):  # so torch's exporter leaves the texts that it has no operator for
        return np.array(tensor, object)
    dtypes = {"int": np.int64, "float": np.float32, "string": object}
    for kind, dtype in dtypes.items():
        for name in (f"value_{kind}", f"value_{kind}s"):
            if name in attributes and not str(attributes[name]).startswith("@"):
                return _array_of(attributes[name], dtype)
    return None


def _array_of(value: Any, dtype: Any) -> NDArray[Any] | None:
    try:
        return np.array(value, dtype=dtype)
    except (TypeError, ValueError, OverflowError):  # an attribute of another kind
        return None
