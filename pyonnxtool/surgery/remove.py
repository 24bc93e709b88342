"""remove: nodes go, and what read their outputs reads one of their inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyonnxtool.errors import ModelError, UsageError
from pyonnxtool.model import ModelLike, as_model
from pyonnxtool.proof import check_of
from pyonnxtool.rewriting import Left, Refusal, Rewrite, refused
from pyonnxtool.rewriting.graphs import is_there
from pyonnxtool.rewriting.operand import home_of
from pyonnxtool.surgery.edit_report import EditReport, edited
from pyonnxtool.surgery.picking import called, input_place, picked
from pyonnxtool.surgery.retyping import retyped

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pyonnxtool._core import Graph, Node, Value
    from pyonnxtool.proof import Proof

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
    if not nodes:
        raise UsageError("say which nodes go: names, globs, or op:TYPE")
    going = picked(made, nodes)
    changes: Counter[str] = Counter()
    unread = 0
    refusals: list[Refusal] = []
    left: list[Left] = []
    for node in going:
        if not is_there(node):  # it was inside of another one, or only fed it
            continue
        told, label, op_type = node.label, called(node), node.op_type
        try:
            unread += _take_off(node, passing)
        except ModelError as error:
            refusals.append(Refusal(label, op_type, str(error).removeprefix(f"{told} ")))
            continue
        stays = is_there(node)
        if stays:
            left.append(Left(told, _STANDS))
        if not stays or op_type != "Identity":
            changes[f"{'replaced by Identity:' if stays else 'removed'} {op_type}"] += 1
    if refusals:
        raise refused("remove", refusals)
    notes = retyped("remove", model, made)
    changes[_UNREAD] = unread
    return edited("remove", model, made, changes, check=check, notes=notes, left=left)


def _take_off(node: Node, asked: int | str | None) -> int:
    """How many nodes went with it: what only fed it. Raises ModelError where nothing can pass."""
    graph = node.graph
    feeding = [value.name for value in [*node.inputs, *node.captured] if value is not None]
    if any(_is_read(one) for one in node.outputs if one is not None):
        node.bypass(input_place(node, asked))
    else:
        graph.remove_node(node)
    return sum(_let_go(name, graph) for name in feeding)


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
