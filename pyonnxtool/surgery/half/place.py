"""Puts a plan into the graphs: types, Casts where two types meet, constants."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool import _core
from pyonnxtool.rewriting import Refusal, refused
from pyonnxtool.surgery.exact_casts import cast_target
from pyonnxtool.surgery.half.plan import FLOAT, HALF
from pyonnxtool.surgery.half.values import is_plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyonnxtool._core import Graph, Model, Node
    from pyonnxtool.errors import Refused
    from pyonnxtool.surgery.half.constants import Constants
    from pyonnxtool.surgery.half.plan import Plan, Step
    from pyonnxtool.surgery.half.values import Key, Values


def constants_read(values: Values, plan: Plan) -> dict[Key, set[str]]:
    """Every float32 constant that is read, and in which types."""
    found: dict[Key, set[str]] = {}
    for step in plan.steps:
        for at, name in enumerate(step.node.input_names):
            key = values.key(step.node.graph, name)
            if key is not None and values.kind(key) == "float32" and values.tensor(key):
                found.setdefault(key, set()).add(step.wants.get(at, FLOAT))
    for graph, name, dtype in plan.ends:
        key = values.key(graph, name)
        if key is not None and values.tensor(key):
            found.setdefault(key, set()).add(dtype)
    return found


class Placement:
    """Edits one model. Pre: `values` and `plan` are of it, and its constants are converted."""

    def __init__(self, model: Model, values: Values, plan: Plan, constants: Constants) -> None:
        self.changes: Counter[str] = Counter({"nodes in float16": 0, "weights in float16": 0})
        self.stands_for: list[tuple[str, str]] = []
        """(value of the main graph, old value) of those that an output was made of."""
        self._model, self._values, self._plan, self._constants = model, values, plan, constants
        self._opset = model.opset_imports.get("", 1)
        self._called: dict[tuple[Graph, Key, str], str] = {}
        self._reading = constants_read(values, plan)

    def run(self) -> None:
        """Edit the model."""
        for key, types in self._reading.items():
            if HALF in types:
                self._constant(key, alone=types == {HALF})
        for step in self._plan.steps:
            self._apply(step)
        for graph, name, dtype in self._plan.ends:
            self._finish(graph, name, dtype)
        for graph in self._values.graphs:
            graph.sort()

    def _constant(self, key: Key, *, alone: bool) -> None:
        graph, name = key
        value = self._values.value(key)
        self.changes["weights in float16"] += 1
        called = name if alone else graph.fresh_name(f"{name}_{HALF}")
        self._called[graph, key, HALF] = called
        tensor = self._constants.half(key, called)
        if value.initializer is not None:
            graph.set_initializer(tensor, called)
            if value.is_input and not alone:
                graph.add_input(called, HALF, tensor.shape)
        if alone and value.dtype is not None:
            graph.declare(name, HALF, tensor.shape)
        maker = value.producer
        if maker is None:
            return
        if alone:
            for attribute in maker.attributes:
                maker.remove_attribute(attribute)
            maker.set_attribute("value", tensor)
        else:
            graph.add_node("Constant", [], [called], called, "", {"value": tensor}, maker)

    def _apply(self, step: Step) -> None:
        node = step.node
        inputs: list[str | None] = list(node.input_names)
        for at, dtype in step.wants.items():
            key = self._values.key(node.graph, str(inputs[at]))
            if key is not None:
                inputs[at] = self._read(node, key, dtype)
        if inputs != node.input_names:
            node.set_inputs(inputs)
        for at, dtype in step.makes.items():
            if dtype == HALF:
                self._retype(node, at)
        if HALF in step.makes.values() or HALF in step.wants.values():
            self.changes["nodes in float16"] += 1

    def _read(self, node: Node, key: Key, dtype: str) -> str:
        """What the node reads of the value: itself, or a Cast of it in the graph of the node."""
        if key in self._reading:
            if dtype == FLOAT:
                return key[1]
            return self._called[key[0], key, HALF]
        stored = self._plan.stored.get(key, FLOAT)
        if stored == dtype:
            return key[1]
        graph = node.graph
        known = (graph, key, dtype)
        if known not in self._called:
            made = graph.fresh_name(f"{key[1]}_{dtype}")
            self._cast(graph, key[1], made, dtype, node)
            self._called[known] = made
        return self._called[known]

    def _cast(
        self, graph: Graph, source: str, made: str, dtype: str, before: Node | None = None
    ) -> None:
        attributes: dict[str, Any] = {"to": cast_target(dtype, self._opset)}
        graph.add_node("Cast", [source], [made], made, "", attributes, before)
        self.changes["Casts put in"] += 1

    def _retype(self, node: Node, place: int) -> None:
        """What the node makes is float16 now."""
        if is_plain(node, "Cast"):
            node.set_attribute("to", cast_target(HALF, self._opset))
        elif is_plain(node, "ConstantOfShape"):
            node.set_attribute("value", _half_fill(node))
        self._declare(node.graph, node.output_names[place])

    def _declare(self, graph: Graph, name: str) -> None:
        value = graph.value(name)
        if value.kind == "tensor" and value.dtype == FLOAT:
            graph.declare(name, HALF, value.shape)

    def _finish(self, graph: Graph, name: str, dtype: str) -> None:
        """The output of the graph is of this type, under the name that it had."""
        key = self._values.key(graph, name)
        assert key is not None
        if key in self._reading:
            if dtype == HALF and self._reading[key] != {HALF}:
                raise _refused(name, "is a constant, and is read in float32 as well")
            return
        stored = self._plan.stored.get(key, FLOAT)
        if key[0] == graph and stored == dtype:
            return
        value = graph.value(name)
        maker = value.producer
        if maker is None or key[0] != graph:
            raise _refused(name, "is made by no node of its graph")
        shape = value.shape
        inner = graph.fresh_name(f"{name}_{stored}")
        maker.set_outputs([inner if one == name else one for one in maker.output_names])
        graph.replace_uses(name, inner)
        self._cast(graph, inner, name, dtype)
        if value.kind == "tensor":
            graph.declare(inner, stored, shape)
            graph.declare(name, dtype, shape)
        if graph == self._model.graph:
            self.stands_for.append((inner, name))


def _refused(name: str, reason: str) -> Refused:
    return refused("weights", [Refusal("", "", f"output {name!r} {reason}")])


def _half_fill(node: Node) -> Any:
    held = node.attributes.get("value")
    floats = held.numpy() if isinstance(held, _core.Tensor) else np.zeros(1, np.float32)
    return np.clip(floats, -65504, 65504, where=np.isfinite(floats), out=floats.copy()).astype(
        np.float16
    )


def declare_inputs(values: Values, plan: Plan, graphs: Iterable[Graph]) -> None:
    """Inputs of graphs are declared as the plan says."""
    for graph in graphs:
        for value in graph.inputs:
            if (
                plan.stored.get((graph, value.name)) == HALF
                and values.kind((graph, value.name)) == "float32"
            ):
                graph.declare(value.name, HALF, value.shape)
