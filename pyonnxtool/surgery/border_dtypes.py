"""Inputs and outputs of another element type, with Casts between them and the graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pyonnxtool.errors import UsageError
from pyonnxtool.rewriting.operand import Facts
from pyonnxtool.surgery.exact_casts import cast_target, dtype_called, holds, kind_of
from pyonnxtool.surgery.selection import selected

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Model, Node, Value


def dtypes_asked(model: Model, asked: Mapping[str, str]) -> dict[str, str]:
    """Each input and output that gets another element type, to that.

    A glob takes those of the same kind: floats for a float, integers for an integer. A name says
    what it means. Raises UsageError.
    """
    graph = model.graph
    opset = model.opset_imports.get("", 1)
    ports = {value.name: value for value in (*graph.inputs, *graph.outputs)}
    found: dict[str, str] = {}
    for pattern, text in asked.items():
        dtype = dtype_called(text, opset)
        names = selected([pattern], ports, "input or output")
        if pattern not in ports:
            names = [name for name in names if _alike(ports[name], dtype)]
            if not names:
                raise UsageError(
                    f"{pattern}={text}: none of these inputs and outputs is of that kind; a name "
                    "in full is taken as it is, whatever it is now"
                )
        for name in names:
            _check(ports[name], name, text)
            if found.setdefault(name, dtype) != dtype:
                raise UsageError(f"{name!r} cannot be both {found[name]} and {dtype}")
    return {name: dtype for name, dtype in found.items() if ports[name].dtype != dtype}


def _alike(port: Value, dtype: str) -> bool:
    now = port.dtype if port.kind == "tensor" else None
    return now is not None and kind_of(now) == kind_of(dtype)


def _check(port: Value, name: str, text: str) -> None:
    if port.kind != "tensor" or port.dtype is None:
        now = "of a type that is not declared" if port.kind == "unknown" else f"a {port.kind}"
        raise UsageError(f"{name}={text}: {name!r} is {now}; only tensors have an element type")
    if port.dtype == "string":
        raise UsageError(f"{name}={text}: {name!r} is of strings, which no Cast here makes numbers")


def retype(model: Model, wanted: Mapping[str, str]) -> tuple[Counter[str], list[str]]:
    """Give inputs and outputs of the model these types; what was done, and what to know of it.

    An input goes through a Cast to what it was, an output through one from what it was. A Cast that
    only undoes such a one is left out.
    """
    graph = model.graph
    edit = _Retyping(model)
    inputs = [value.name for value in graph.inputs if value.name in wanted]
    for name in inputs:
        edit.input(name, wanted[name])
    for value in graph.outputs:
        if value.name in wanted and value.name not in inputs:
            edit.output(value.name, wanted[value.name])
    graph.sort()
    return edit.changes, edit.notes


class _Retyping:
    def __init__(self, model: Model) -> None:
        self.changes: Counter[str] = Counter()
        self.notes: list[str] = []
        self._graph: Graph = model.graph
        self._opset = model.opset_imports.get("", 1)
        self._facts = Facts(model)

    def input(self, name: str, dtype: str) -> None:
        """The graph goes on with a Cast of the input to what it was."""
        graph = self._graph
        value = graph.value(name)
        old, shape = value.dtype, value.shape
        assert old is not None
        if value.initializer is not None:
            raise UsageError(
                f"{name}={dtype}: input {name!r} has a default, which would have to be of the new "
                "type too; take it off the inputs or the weights first"
            )
        if not holds(old, dtype):
            self.notes.append(
                f"input {name!r} is cast from {dtype} to {old}, which cannot hold all of its values"
            )
        direct = [node for node in value.consumers if _casts(node) and holds(old, dtype)]
        inner = graph.fresh_name(f"{name}_{old}")
        cast = self._cast("", inner, old)  # reads nothing yet, so that it stays out of this:
        graph.replace_uses(name, inner)
        cast.set_inputs([name])
        for node in direct:
            self._read(node, name, dtype)
        if graph.value(inner).consumers:
            graph.declare(inner, old, shape)
        else:
            graph.remove_node(cast)
            self.changes["Casts put in"] -= 1
        graph.declare(name, dtype, shape)
        self.changes["inputs with another element type"] += 1

    def _read(self, cast: Node, name: str, dtype: str) -> None:
        """A Cast of the input takes it as it comes now; it goes if that is what it makes."""
        cast.set_inputs([name])
        if cast.attributes.get("to") != cast_target(dtype, self._opset):
            return
        self.changes["Casts that are not needed any more"] += 1
        made = cast.output_names[0]
        if self._graph.value(made).is_output:
            cast.remove_attribute("to")
            cast.set_op_type("Identity")
        else:
            self._graph.replace_uses(made, name)
            self._graph.remove_node(cast)

    def output(self, name: str, dtype: str) -> None:
        """The output comes from a Cast of what it was."""
        graph = self._graph
        value = graph.value(name)
        old, shape = value.dtype, value.shape
        assert old is not None
        inner = graph.fresh_name(f"{name}_{old}")
        producer = value.producer
        if producer is not None:
            outputs = [inner if one == name else one for one in producer.output_names]
            producer.set_outputs(outputs)
        elif value.initializer is not None:
            graph.set_initializer(value.initializer, inner)
            graph.remove_initializer(name)
        graph.replace_uses(name, inner)
        source, source_type = self._before_cast(producer, old)
        if not source:
            source, source_type = inner, old
        elif not graph.value(inner).consumers and producer is not None:
            graph.remove_node(producer)
            self.changes["Casts that are not needed any more"] += 1
        if source == inner:
            graph.declare(inner, old, shape)
        if source_type == dtype:
            graph.add_node("Identity", [source], [name], graph.fresh_name(f"{name}_identity"))
        else:
            self._cast(source, name, dtype)
        if not holds(dtype, source_type):
            self.notes.append(
                f"output {name!r} is cast from {source_type} to {dtype}: "
                + _loss(source_type, dtype)
            )
        graph.declare(name, dtype, shape)
        self.changes["outputs with another element type"] += 1

    def _before_cast(self, producer: Node | None, old: str) -> tuple[str, str]:
        """What is cast to the output as it was, and its type; "" where it is no exact Cast."""
        if producer is None or not _casts(producer) or not producer.input_names:
            return "", ""
        source = producer.input_names[0]
        self._facts.forget()
        fact = self._facts.of(source, self._graph)
        dtype = fact.dtype if fact is not None and fact.kind == "tensor" else None
        return (source, dtype) if dtype and dtype != "string" and holds(old, dtype) else ("", "")

    def _cast(self, source: str, made: str, dtype: str) -> Node:
        node = self._graph.add_node("Cast", [source] if source else [], [made], made)
        node.set_attribute("to", cast_target(dtype, self._opset))
        self.changes["Casts put in"] += 1
        return node


def _casts(node: Node) -> bool:
    whole = bool(node.input_names and node.output_names)
    return whole and node.op_type == "Cast" and node.domain in ("", "ai.onnx")


def _loss(old: str, dtype: str) -> str:
    if kind_of(old) == "float" and kind_of(dtype) == "float":
        return "values are rounded, and those beyond its range become infinite"
    if kind_of(old) == "float":
        return "fractions are cut off, and what does not fit is undefined"
    return "what does not fit is cut to the lowest bits" if kind_of(dtype) == "int" else "rounded"
