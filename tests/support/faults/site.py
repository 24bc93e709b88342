"""One node of a model that is about to be damaged, and the ways to damage it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, helper, numpy_helper


def bodies(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The graphs that `node` holds in its attributes."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def walk(
    graph: onnx.GraphProto, owners: tuple[onnx.NodeProto, ...] = ()
) -> Iterator[tuple[onnx.GraphProto, onnx.NodeProto, tuple[onnx.NodeProto, ...]]]:
    """Every node with its graph and the control-flow nodes around it, outermost first."""
    for node in graph.node:
        yield graph, node, owners
        for body in bodies(node):
            yield from walk(body, (*owners, node))


def initializers(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    """Initializers and Constant nodes' tensors by name, those in bodies too."""
    found = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            found[node.output[0]] = node.attribute[0].t
        for body in bodies(node):
            found |= initializers(body)
    return found


class Site:
    """A node of `model` (which is changed in place) and what to blame once it is damaged."""

    def __init__(
        self,
        model: onnx.ModelProto,
        place: tuple[onnx.GraphProto, onnx.NodeProto, tuple[onnx.NodeProto, ...]],
        rng: np.random.Generator,
        tensors: dict[str, onnx.TensorProto],
    ) -> None:
        self.model = model
        self.graph, self.node, self._owners = place
        self.rng = rng
        self._tensors = tensors
        self.culprits: set[str] = set()
        """Candidate nodes that may be named; the node itself where a planter says nothing."""
        self.reference_culprits: set[str] = set()
        """Reference nodes that may be named as the counterpart: those that were removed."""

    def blamed(self) -> frozenset[str]:
        """The acceptable candidate nodes, with the control-flow nodes around the damage."""
        own = self.culprits or {self.node.name}
        return frozenset(own | {owner.name for owner in self._owners})

    @property
    def opset(self) -> int:
        """The version of the standard operators."""
        return next(o.version for o in self.model.opset_import if o.domain in ("", "ai.onnx"))

    def attr(self, name: str, default: Any = None) -> Any:
        """An attribute's value, strings as `str`."""
        for attribute in self.node.attribute:
            if attribute.name == name:
                value = helper.get_attribute_value(attribute)
                return value.decode() if isinstance(value, bytes) else value
        return default

    def set(self, name: str, value: Any) -> None:
        """Set or replace an attribute; None removes it."""
        kept = [item for item in self.node.attribute if item.name != name]
        if value is not None:
            kept.append(helper.make_attribute(name, value))
        del self.node.attribute[:]
        self.node.attribute.extend(kept)

    def const(self, index: int) -> NDArray[Any] | None:
        """The constant that is input `index`, as a copy; None when it is computed."""
        if index >= len(self.node.input) or self.node.input[index] not in self._tensors:
            return None
        return numpy_helper.to_array(self._tensors[self.node.input[index]]).copy()

    def put(self, index: int, data: NDArray[Any]) -> None:
        """Give input `index` other contents: in place, or a copy where others read it too."""
        name = self.node.input[index]
        tensor = self._tensors[name]
        data = np.asarray(data).astype(numpy_helper.to_array(tensor).dtype)
        readers = [other for _, other, _ in walk(self.model.graph) if name in other.input]
        if len(readers) == 1:
            tensor.CopyFrom(numpy_helper.from_array(data, tensor.name))
            return
        copy = self.fresh(name)
        self.model.graph.initializer.append(numpy_helper.from_array(data, copy))
        self.node.input[index] = copy

    def add_const(self, data: Any, dtype: Any = np.float32) -> str:
        """A new initializer."""
        name = self.fresh("planted")
        self.model.graph.initializer.append(numpy_helper.from_array(np.asarray(data, dtype), name))
        return name

    def fresh(self, hint: str) -> str:
        """A value or node name that the model does not use."""
        return f"{hint}_{int(self.rng.integers(1 << 40)):x}"

    def readers(self, value: str) -> list[str]:
        """Names of the nodes that read `value`, and of those in whose bodies they are."""
        found = [(node, owners) for _, node, owners in walk(self.graph) if value in node.input]
        return [node.name for reader, owners in found for node in (reader, *owners)]

    def position(self) -> int:
        """The node's index in its graph."""
        return next(i for i, other in enumerate(self.graph.node) if other is self.node)

    def insert_before(
        self, index: int, *steps: tuple[str, tuple[str, ...], dict[str, Any]]
    ) -> None:
        """Send input `index` through a chain of new nodes; the new nodes may be blamed too.

        In a step's inputs "." is the chain's value so far.
        """
        value, at = self.node.input[index], self.position()
        for offset, (op_type, inputs, attributes) in enumerate(steps):
            name = self.fresh(f"{self.node.name}/{op_type}")
            names = [value if item == "." else item for item in inputs]
            value = f"{name}_out"
            self.graph.node.insert(
                at + offset, helper.make_node(op_type, names, [value], name=name, **attributes)
            )
            self.culprits.add(name)
        self.node = self.graph.node[at + len(steps)]
        self.node.input[index] = value
        self.culprits.add(self.node.name)

    def replace(self, op_type: str, inputs: Iterable[str], **attributes: Any) -> None:
        """Make the node another operator with the same output."""
        self.node.op_type = op_type
        names = list(inputs)
        del self.node.attribute[:]
        self.node.input[:] = names
        self.node.attribute.extend(
            helper.make_attribute(key, value) for key, value in attributes.items()
        )

    def remove(self) -> bool:
        """Take the node out; its readers read its first input. False at a graph output."""
        output, source = self.node.output[0], self.node.input[0]
        if any(output == item.name for item in self.graph.output):
            return False
        self.culprits |= set(self.readers(output))
        for _, other, _ in walk(self.graph):
            other.input[:] = [source if item == output else item for item in other.input]
        self.reference_culprits.add(self.node.name)
        self.graph.node.remove(self.node)
        return True
