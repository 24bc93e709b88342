"""remove: nodes go, and what read their outputs reads one of their inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pyonnxtool.errors import ModelError, UsageError
from pyonnxtool.model import ModelLike, as_model
from pyonnxtool.op_schemas import schema_at
from pyonnxtool.proof import check_of
from pyonnxtool.rewriting import Left, Refusal, Rewrite, refused
from pyonnxtool.rewriting.operand import home_of
from pyonnxtool.rewriting.placing import graphs_under
from pyonnxtool.surgery.edit_report import EditReport, edited
from pyonnxtool.surgery.retyping import retyped
from pyonnxtool.surgery.selection import selected

if TYPE_CHECKING:
    from onnx.defs import OpSchema
    from typing_extensions import Unpack

    from pyonnxtool._core import Graph, Model, Node, Value
    from pyonnxtool.proof import Proof

_OP = "op:"
_UNREAD = "removed with them, as nothing else reads it"
_STANDS = "an input is an output by it, and both keep their names: an Identity stands between them"


def remove(
    given: ModelLike,
    nodes: Sequence[str],
    *,
    passing: int | str | None = None,
    **proof: Unpack[Proof],
) -> Rewrite[EditReport]:
    """The model without some nodes; the one that is given stays as it is.

    `nodes` are names or globs of nodes (one without a name is called as its first output), or
    operators: "op:Dropout", "op:vendor::Thing". They are looked for in bodies and functions too.
    What read the first output of a node reads one of its inputs: `passing` is its number or its
    name in the operator's schema; without it, the only one that is no constant, or of these the
    only one of the output's type. What only such a node needed goes with it. Outputs of the model
    keep their names, and types are declared anew where they change.

    Raises UsageError for nodes that there are not; Refused with each node of which several inputs
    could pass, or another output is read, and where what is left would not fit together.
    """
    check = check_of(**proof)
    model = as_model(given)
    made = model.copy()
    going = _selected(made, nodes)
    changes: Counter[str] = Counter()
    unread = 0
    refusals: list[Refusal] = []
    left: list[Left] = []
    for node in going:
        if not _is_there(node):  # it was inside of another one, or only fed it
            continue
        told, label, op_type = node.label, called(node), node.op_type
        try:
            unread += _take_off(node, passing)
        except ModelError as error:
            refusals.append(Refusal(label, op_type, str(error).removeprefix(f"{told} ")))
            continue
        stays = _is_there(node)
        if stays:
            left.append(Left(told, _STANDS))
        if not stays or op_type != "Identity":
            changes[f"{'replaced by Identity:' if stays else 'removed'} {op_type}"] += 1
    if refusals:
        raise refused("remove", refusals)
    notes = retyped("remove", model, made)
    changes[_UNREAD] = unread
    return edited("remove", model, made, changes, check=check, notes=notes, left=left)


def called(node: Node) -> str:
    """The name of a node, or what it makes."""
    return node.name or next((name for name in node.output_names if name), "")


def _selected(model: Model, patterns: Sequence[str]) -> list[Node]:
    """In the order of the graph; outer graphs first. Raises UsageError as `remove` does."""
    if not patterns:
        raise UsageError("say which nodes go: names, globs, or op:TYPE")
    nodes = [node for graph in _graphs(model) for node in graph.nodes]
    operators = [one for one in patterns if one.startswith(_OP)]
    named = selected([one for one in patterns if one not in operators], map(called, nodes), "node")
    types = selected(
        [one.removeprefix(_OP) for one in operators], map(_operator, nodes), "operator"
    )
    return [node for node in nodes if called(node) in named or _operator(node) in types]


def _graphs(model: Model) -> Iterator[Graph]:
    yield from graphs_under(model.graph)
    for function in model.functions:
        yield from graphs_under(function.graph)


def _operator(node: Node) -> str:
    plain = node.domain in ("", "ai.onnx")
    return node.op_type if plain else f"{node.domain}::{node.op_type}"


def _is_there(node: Node) -> bool:
    try:
        return bool(node.op_type)
    except ModelError:
        return False


def _take_off(node: Node, asked: int | str | None) -> int:
    """How many nodes went with it: what only fed it. Raises ModelError where nothing can pass."""
    graph = node.graph
    feeding = [value.name for value in [*node.inputs, *node.captured] if value is not None]
    if any(_is_read(one) for one in node.outputs if one is not None):
        node.bypass(_place(node, asked))
    else:
        graph.remove_node(node)
    return sum(_let_go(name, graph) for name in feeding)


def _place(node: Node, asked: int | str | None) -> int | None:
    if asked is None:
        return _of_one_type(node)
    if not isinstance(asked, str):
        return asked
    if asked.isdecimal():
        return int(asked)
    schema = _schema(node)
    names = [param.name for param in schema.inputs] if schema is not None else []
    if asked not in names:
        told = f"its inputs are called {', '.join(names)}" if names else "give its number"
        raise ModelError(f"{node.label} has no input {asked!r}; {told}")
    return names.index(asked)


def _of_one_type(node: Node) -> int | None:
    """Of several inputs that vary, the only one that the schema gives the type of the output."""
    schema = _schema(node)
    if schema is None or not schema.outputs:
        return None
    varying = [i for i, one in enumerate(node.inputs) if one is not None and not _is_constant(one)]
    names = [one.type_str for one in schema.inputs]
    wanted = schema.outputs[0].type_str
    places = [i for i in varying if names[min(i, len(names) - 1)] == wanted]
    return places[0] if len(varying) > 1 and len(places) == 1 else None


def _schema(node: Node) -> OpSchema | None:
    return schema_at(node.op_type, node.graph.model.opset_imports.get(node.domain, 0), node.domain)


def _is_constant(value: Value) -> bool:
    maker = value.producer
    return value.initializer is not None or (maker is not None and maker.op_type == "Constant")


def _let_go(name: str, graph: Graph) -> int:
    """Take away a value that nothing reads any more, and what only it needed; how many nodes."""
    home = home_of(name, graph)
    value = home.value(name) if home is not None else None
    if home is None or value is None or value.is_input or _is_read(value):
        return 0
    if value.initializer is not None:
        home.remove_initializer(value)
    maker = value.producer
    if maker is None or any(_is_read(one) for one in maker.outputs if one is not None):
        return 0
    feeding = [one.name for one in [*maker.inputs, *maker.captured] if one is not None]
    home.remove_node(maker)
    return 1 + sum(_let_go(one, home) for one in feeding)


def _is_read(value: Value) -> bool:
    return value.is_output or bool(value.consumers)
