"""The function body that an operator's schema has, as nodes in place of the operator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from onnx import (
    AttributeProto,
    FunctionProto,
    GraphProto,
    NodeProto,
    TypeProto,
    helper,
    numpy_helper,
)

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.meaning import CHANGED_MEANING
from pyonnxtool.downgrade.steps import step_of
from pyonnxtool.rewriting.tape import elem_type

if TYPE_CHECKING:
    from pyonnxtool._core import Fact
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


def expanded(view: NodeView, tape: Tape) -> Decision:
    """The node as the body that its schema defines; the tape is then for the body's opset.

    Refused when there is none for the node's opset or below, or when it depends on types that are
    not known.
    """
    found = function_of(view)
    if found is None:
        return view.refuse(_no_way(view))
    function, version = found
    tape.opset = _reach(function.node, version, view.opset)
    names = dict(zip(function.input, view.inputs, strict=False))
    names |= dict.fromkeys(function.input[len(view.inputs) :], "")
    for node in function.node:
        for made in node.output:
            if made:
                names[made] = tape.fresh(made)
    attributes = {one.name: one for one in view.to_proto().attribute}
    for name in view.schema.attributes:
        default = view.schema.attributes[name].default_value
        if default.type and name not in attributes:
            attributes[name] = default
    for node in function.node:
        tape.put(_bound(node, names, attributes, tape))
    made = zip(function.output, view.outputs, strict=False)
    return [names[name] if wanted else "" for name, wanted in made]


def _reach(nodes: Iterable[NodeProto], version: int, opset: int) -> int:
    """The highest opset, up to `opset`, in which nodes of this version are valid and mean the same.

    A body may be older than the operator. Were its nodes of that old opset, those that changed in
    between would be left in a form that a target in between does not have.
    """
    for above in range(version + 1, opset + 1):
        for node in nodes:
            step = step_of(node.op_type, above)
            if step is not None and (not step.free or (node.op_type, above) in ADAPTERS):
                return above - 1
    return opset


def _no_way(view: NodeView) -> str:
    unknown = [one for one in view.inputs if one and one.type is None]
    schema: Any = view.schema  # the package's stub lacks what is asked of it here
    if unknown and schema.context_dependent_function_opset_versions:
        return f"its function body depends on the type of {str(unknown[0])!r}, which is not known"
    step = step_of(view.op_type, view.schema.since_version)
    assert step is not None
    if step.older is None:
        return f"{view.op_type} is new in opset {step.version}, and nothing below does the same"
    told = f"{view.op_type} was changed in opset {step.version}, and no way down is known"
    meaning = CHANGED_MEANING.get((view.op_type, step.version))
    why = [*step.changes, *([meaning] if meaning else [])]
    return f"{told}: {'; '.join(why)}" if why else told


def function_of(view: NodeView) -> tuple[FunctionProto, int] | None:
    """The body for the node and the opset that it is written in, at most the node's own."""
    schema: Any = view.schema  # the package's stub lacks what is asked of it here
    fixed = [v for v in schema.function_opset_versions if v <= view.opset]
    if fixed:
        body = schema.get_function_with_opset_version(max(fixed))
        return FunctionProto.FromString(body), max(fixed)
    depending = [v for v in schema.context_dependent_function_opset_versions if v <= view.opset]
    if not depending:
        return None
    if any(one and one.type is None for one in view.inputs):
        return None  # the package's own code follows types that are not there, and crashes
    types = [type_proto(one.fact).SerializeToString() for one in view.inputs]
    body = _built(schema, max(depending), view.to_proto(), types)
    return (FunctionProto.FromString(body), max(depending)) if body else None


def _built(schema: Any, version: int, node: NodeProto, types: list[bytes]) -> bytes:
    try:
        return bytes(
            schema.get_context_dependent_function_with_opset_version(
                version, node.SerializeToString(), types
            )
        )
    except Exception:  # of several kinds: the schema's code dislikes the node
        return b""


def type_proto(fact: Fact | None) -> TypeProto:
    """As far as dtype and sizes are known; empty for an omitted operand."""
    if fact is None:
        return TypeProto()
    if fact.kind == "sequence" and fact.inner is not None:
        return helper.make_sequence_type_proto(type_proto(fact.inner))
    if fact.kind == "optional" and fact.inner is not None:
        return helper.make_optional_type_proto(type_proto(fact.inner))
    if fact.dtype is None:
        return TypeProto()
    sizes = None if fact.dims is None else [_size(one) for one in fact.dims]
    return helper.make_tensor_type_proto(elem_type(fact.dtype), sizes)


def _size(size: int | float | str | None) -> int | None:
    return size if isinstance(size, int) else None


def unwrapped(body: GraphProto, tape: Tape) -> list[str]:
    """Put the nodes of a body without inputs on the tape: the names of its outputs."""
    names = {one.name: tape.const(numpy_helper.to_array(one)) for one in body.initializer}
    names |= {made: tape.fresh(made) for node in body.node for made in node.output if made}
    for node in body.node:
        tape.put(_bound(node, names, {}, tape))
    return [names.get(one.name, one.name) for one in body.output]


def _bound(
    node: NodeProto,
    names: Mapping[str, str],
    attributes: Mapping[str, AttributeProto],
    tape: Tape,
) -> NodeProto:
    """A node of the body with names of the graph, and attributes that it takes from the node."""
    made = NodeProto(op_type=node.op_type, domain=node.domain)
    made.input.extend(names.get(name, name) for name in node.input)
    made.output.extend(names.get(name, name) for name in node.output)
    made.name = next(filter(None, made.output), node.op_type)
    for each in node.attribute:
        if each.ref_attr_name:
            if each.ref_attr_name in attributes:
                taken = AttributeProto()
                taken.CopyFrom(attributes[each.ref_attr_name])
                taken.name = each.name
                made.attribute.append(taken)
            continue
        kept = made.attribute.add()
        kept.CopyFrom(each)
        if each.type == AttributeProto.GRAPH:
            kept.g.CopyFrom(_bound_body(each.g, names, attributes, tape))
    return made


def _bound_body(
    graph: GraphProto,
    names: Mapping[str, str],
    attributes: Mapping[str, AttributeProto],
    tape: Tape,
) -> GraphProto:
    own = {one.name for one in graph.input}
    own |= {name for node in graph.node for name in node.output if name}
    inside = {**names, **{name: tape.fresh(name) for name in sorted(own)}}
    made = GraphProto()
    made.CopyFrom(graph)
    for info in [*made.input, *made.output]:
        info.name = inside.get(info.name, info.name)
    del made.node[:], made.value_info[:]
    made.node.extend(_bound(node, inside, attributes, tape) for node in graph.node)
    return made
