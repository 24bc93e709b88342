"""Whether the values of a graph have the types that its operators take and that it declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pyonnxtool import _core
from pyonnxtool.downgrade.type_check import misfits as operand_misfits
from pyonnxtool.downgrade.type_check import mixed_types, told
from pyonnxtool.onnx_inference import ask_onnx
from pyonnxtool.op_schemas import plain_domain, schema_at, tensor_type, versions_of
from pyonnxtool.rewriting.graphs import graphs_under
from pyonnxtool.rewriting.node_view import NodeView
from pyonnxtool.rewriting.operand import Facts
from pyonnxtool.surgery.body_check import body_misfit
from pyonnxtool.wording import plural

if TYPE_CHECKING:
    from onnx.defs import OpSchema

    from pyonnxtool._core import Function, Graph, Model, Node, Value


_KINDS: dict[str, tuple[type, ...]] = {"INT": (int,), "FLOAT": (float,), "STRING": (str, bytes)}
"""Attributes that are looked at, as the core reads them."""


def misfits(graph: Graph) -> list[str]:
    """Each operator that takes other types than it is given, and each declaration that is wrong.

    What the onnx package has no schema for, and values whose type is not known, fit everything.
    Pre: the graph holds together otherwise.
    """
    return list(_found(graph))


def _found(graph: Graph) -> Iterator[str]:
    model = graph.model
    facts = Facts(model)
    local = {(one.domain, one.name) for one in model.functions}
    imports = _imports(graph)
    for each in graphs_under(graph):
        for node in each.nodes:
            version = imports.get(plain_domain(node.domain))
            if (node.domain, node.op_type) not in local and version is not None:
                yield from _of_node(node, version, facts)
    if graph == model.graph:
        yield from _declared_otherwise(model)


def _imports(graph: Graph) -> dict[str, int]:
    top = graph
    while top.parent is not None:
        top = top.parent
    owner: Model | Function = graph.model
    for function in graph.model.functions:
        if function.graph == top:
            owner = function
    return owner.opset_imports


def _of_node(node: Node, version: int, facts: Facts) -> Iterator[str]:
    schema = schema_at(node.op_type, version, node.domain)
    if schema is None:
        if known := versions_of(node.op_type, node.domain):
            came = f"; it came with opset {min(known)}" if min(known) > version else ""
            yield f"{node.label}: there is no {node.op_type} in opset {version}{came}"
        elif not plain_domain(node.domain):
            yield f"{node.label}: ai.onnx has no operator {node.op_type}; does it have a domain?"
        return
    view = NodeView(node, version, facts)
    problem = _miscounted(view, schema) or _misset(view, schema)
    if problem := problem or _mistyped(view, schema, version) or body_misfit(node, facts):
        yield f"{node.label}: {problem}"


def _mistyped(view: NodeView, schema: OpSchema, version: int) -> str:
    for misfit in operand_misfits(view, schema):
        return f"{told(misfit, view.op_type, version)} ({str(misfit.operand)!r})"
    return mixed_types(view, schema)


def _miscounted(view: NodeView, schema: OpSchema) -> str:
    given = len(view.inputs)
    if given < schema.min_input:
        return f"{view.op_type} needs {plural(schema.min_input, 'input')} and has {given}"
    if given > schema.max_input:
        return f"{view.op_type} takes {plural(schema.max_input, 'input')} at most and has {given}"
    if len(view.outputs) > schema.max_output:
        most = plural(schema.max_output, "output")
        return f"{view.op_type} makes {most} at most and has {len(view.outputs)}"
    return ""


def _misset(view: NodeView, schema: OpSchema) -> str:
    known = schema.attributes
    for name, value in view.attributes.items():
        if name not in known:
            return f"{view.op_type} has no attribute {name}"
        if not _is_kind(value, known[name]):
            kind = str(known[name].type).rpartition(".")[2]
            return f"attribute {name} of {view.op_type} is {value!r}; it is of type {kind}"
    missing = next((n for n, one in known.items() if one.required and not view.given(n)), None)
    return f"{view.op_type} needs attribute {missing}" if missing is not None else ""


def _is_kind(value: Any, schema: OpSchema.Attribute) -> bool:
    """Whether an attribute has the type of the schema; lists of nothing have every."""
    kind = str(schema.type).rpartition(".")[2]
    items = value if isinstance(value, list) else [value]
    if isinstance(value, str) and value.startswith("@"):  # it is the function's
        return True
    if kind.endswith("S") != isinstance(value, list):
        return kind.removesuffix("S") not in _KINDS
    wanted = _KINDS.get(kind.removesuffix("S"), object)
    return all(isinstance(one, wanted) for one in items)


def _declared_otherwise(model: Model) -> Iterator[str]:
    """Values of the main graph that are declared with another dtype than what makes them makes."""
    declared = [one for one in model.graph.values if one.producer is not None and one.dtype]
    if not declared:
        return
    bare = model.copy()
    bare.graph.forget_types()
    found = _core.infer_shapes(bare, ask_onnx)
    for one in declared:
        fact = found.value(one.name)
        if fact.kind == "tensor" and fact.dtype and fact.dtype != one.dtype:
            yield _told(one, fact.dtype)


def _told(value: Value, made: str) -> str:
    maker = value.producer
    assert maker is not None
    return (
        f"{maker.label} makes {value.name!r} as {tensor_type(made)}, and it is declared as "
        f"{tensor_type(str(value.dtype))}"
    )
