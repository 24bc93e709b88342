"""A whole model at a higher opset: nodes that changed go through the onnx package's converter.

One node at a time, so that weights are never touched, all that does not change stays byte for byte,
bodies and functions are taken along, and what the converter cannot do is told of each node.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper, version_converter

from pyonnxtool.downgrade.descent import Descended
from pyonnxtool.downgrade.function_body import type_proto
from pyonnxtool.downgrade.functions import opened
from pyonnxtool.downgrade.old_ir import ir_version_of
from pyonnxtool.downgrade.steps import step_of
from pyonnxtool.downgrade.type_check import unknown_to
from pyonnxtool.op_schemas import plain_domain, same_meaning, schema_at, versions_of
from pyonnxtool.rewriting import Refusal
from pyonnxtool.rewriting.graphs import graphs_of, names_of
from pyonnxtool.rewriting.node_view import NodeView
from pyonnxtool.rewriting.operand import Facts
from pyonnxtool.rewriting.placing import replace
from pyonnxtool.rewriting.tape import Names, Tape

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ValueInfoProto

    from pyonnxtool._core import Model, Node
    from pyonnxtool.rewriting.operand import Operand

_SMALL = 1024
"""Elements of a constant that the converter is shown: axes and the like."""
_IR_VERSION = 8
"""Of the models that the converter is given; initializers need not be inputs in it."""
_SAME = ("SAME_UPPER", "SAME_LOWER")
_ODD_PADDING = "an odd padding has its larger half at the other end from opset 11 on; give `pads`"
_GROUPS = "its scale and bias are for each group below opset 21, and for each channel from there on"

_WANTS_MORE = frozenset({("Split", 18)})
"""Optional to the schema, and yet there has to be one: equal parts are a number from there on."""


def raised(given: Model, target: int) -> tuple[Model, Descended]:
    """A copy of the model at the target opset, and what was done; of no use if that was refused.

    Pre: the target is above the opset that the model imports.
    """
    model = given.copy()
    before = model.opset_imports.get("", 1)
    ir_version = max(model.ir_version, ir_version_of(target))
    model, closed = opened(model, target, ir_version)
    done = Descended(refusals=closed)
    names, facts = Names(names_of(model)), Facts(model)
    views = [
        NodeView(node, before, facts)
        for node in _standard(model)
        if not same_meaning("", node.op_type, before, target)
    ]
    made = [(view, _raised(view, target, names)) for view in views]
    for view, result in made:
        if isinstance(result, Refusal):
            done.refusals.append(result)
        elif result is not None:
            _place(view, *result, done)
    model.set_opset_import("", target)
    model.set_ir_version(ir_version)
    if not done.refusals:
        done.refusals = [
            view.refuse(f"the onnx package's converter leaves it, yet {why}")
            for view in (NodeView(node, target, facts) for node in _standard(model))
            if (why := unknown_to(view, target))
            and not same_meaning("", view.op_type, before, target)
        ]
    return model, done


def _standard(model: Model) -> list[Node]:
    """Nodes of ai.onnx, those of inner bodies first: an edit of a node moves its bodies."""
    return [
        node
        for graph in reversed(list(graphs_of(model)))
        for node in graph.nodes
        if not plain_domain(node.domain)
    ]


def _place(view: NodeView, outputs: list[str], tape: Tape, done: Descended) -> None:
    rule = f"{view.op_type} {view.opset} -> {tape.opset}: by the onnx package's converter"
    done.changes[rule] += 1
    added, passed = replace(view, outputs, tape)
    done.stands_for += passed
    for node in added:
        done.rules |= {name: rule for name in node.output_names if name}


def _raised(view: NodeView, target: int, names: Names) -> tuple[list[str], Tape] | Refusal | None:
    """The node above: its outputs by new names, and what makes them; None: it stays as it is."""
    crossed = [v for v in versions_of(view.op_type) if view.opset < v <= target]
    if reason := _beyond_the_converter(view, crossed):
        return view.refuse(reason)
    if view.node.subgraphs or all(_is_free(view.op_type, version) for version in crossed):
        return None
    node = view.to_proto()
    node.domain = ""  # the converter does not know the other name of ai.onnx
    try:
        made = version_converter.convert_version(_alone(view, node), target)
    except Exception as error:  # of several kinds: whatever the converter's C++ throws
        return view.refuse(f"the onnx package's converter refuses it: {_bare(error)}")
    for one in made.graph.node:
        _keep_meaning(one, view.opset)
    if list(made.graph.node) == [node]:
        return None
    return _on_tape(view, made, target, names)


def _is_free(op_type: str, version: int) -> bool:
    """Whether an older node is the newer operator as it is; the converter takes 15 ms to say so."""
    step = step_of(op_type, version)
    free = step is not None and step.free and not step.newer.deprecated
    return free and (op_type, version) not in _WANTS_MORE


def _beyond_the_converter(view: NodeView, crossed: Sequence[int]) -> str:
    """Why the node cannot be handed to it, which does not know what changed; "" when it can be."""
    if view.node.subgraphs:
        steps = [step_of(view.op_type, version) for version in crossed]
        kept = all(step is not None and step.keeps_signature for step in steps)
        return "" if kept else "its bodies are given otherwise from there on; export it anew"
    if schema_at(view.op_type, view.opset) is None:
        return f"there is no {view.op_type} in opset {view.opset}"
    if view.op_type == "GroupNormalization" and 21 in crossed:
        return _GROUPS
    if view.op_type == "ConvTranspose" and 11 in crossed and view.attr("auto_pad") in _SAME:
        return _ODD_PADDING
    return ""


def _alone(view: NodeView, node: NodeProto) -> ModelProto:
    """The node as a model: constants as they are where they are small, all else as an input."""
    inputs = list(dict.fromkeys(one for one in view.inputs if one))
    outputs = [one for one in view.outputs if one]
    small = {one: array for one in inputs if (array := _small(one)) is not None}
    graph = helper.make_graph(
        [node],
        "node",
        [_declared(one) for one in inputs if one not in small],
        [_declared(one) for one in outputs],
        [numpy_helper.from_array(array, str(one)) for one, array in small.items()],
    )
    version = helper.make_opsetid("", view.opset)
    return helper.make_model(graph, ir_version=_IR_VERSION, opset_imports=[version])


def _small(operand: Operand) -> NDArray[Any] | None:
    shape = operand.static_shape
    plain = operand.dtype in ("float32", "float64", "int32", "int64", "bool")
    return operand.const if plain and shape is not None and prod(shape) <= _SMALL else None


def _declared(operand: Operand) -> ValueInfoProto:
    return helper.make_value_info(str(operand), type_proto(operand.fact))


def _keep_meaning(node: NodeProto, before: int) -> None:
    """Before opset 11, Resize and Upsample went by the corner and down; later that is said."""
    if node.op_type != "Resize" or before >= 11:
        return
    given = {one.name: one for one in node.attribute}
    if "coordinate_transformation_mode" not in given:
        node.attribute.append(helper.make_attribute("coordinate_transformation_mode", "asymmetric"))
        if "mode" not in given or given["mode"].s == b"nearest":
            node.attribute.append(helper.make_attribute("nearest_mode", "floor"))


def _on_tape(view: NodeView, made: ModelProto, target: int, names: Names) -> tuple[list[str], Tape]:
    """The converter's nodes with names that are free; its constants are those of the tape."""
    tape = Tape(target, view.label or view.op_type, names)
    renamed = {str(one): str(one) for one in view.inputs}
    tensors = {one.name: one for one in made.graph.initializer if one.name not in renamed}
    tensors |= {one.output[0]: one.attribute[0].t for one in made.graph.node if _is_tensor(one)}
    renamed |= {name: tape.const(*_typed(view, one)) for name, one in tensors.items()}
    nodes = [one for one in made.graph.node if not set(one.output) & set(tensors)]
    ours = set(map(str, view.outputs))
    for node in nodes:
        renamed |= {name: tape.fresh(name) for name in node.output if name}
    for node in nodes:
        last = ours & set(node.output)
        for field in (node.input, node.output):
            field[:] = [renamed.get(name, name) for name in field]
        node.name = view.node.name if last else next(filter(None, node.output), node.op_type)
        tape.put(node)
    return [renamed[name] if name else "" for name in map(str, view.outputs)], tape


def _typed(view: NodeView, tensor: TensorProto) -> tuple[NDArray[Any], str | None]:
    """A constant, with the dtype of the node's operand where the converter makes it float32."""
    array = numpy_helper.to_array(tensor)
    follows = view.op_type in ("Clip", "Pad") and array.dtype == "float32"
    return array, view.arg(0).dtype if follows else None


def _is_tensor(node: NodeProto) -> bool:
    return node.op_type == "Constant" and [one.name for one in node.attribute] == ["value"]


def _bare(error: Exception) -> str:
    """What the converter says, without the place in its source and in one line."""
    text = " ".join(str(error).split())
    return text.partition("failed: ")[2] or text
