"""insert: an operator, or a small model, is put between a value and what reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pyonnxtool._core import Model, Value
from pyonnxtool.errors import ModelError, UsageError
from pyonnxtool.model import ModelLike, as_model
from pyonnxtool.proof import check_of
from pyonnxtool.rewriting import Refusal, Rewrite, refused
from pyonnxtool.rewriting.operand import Facts
from pyonnxtool.surgery.edit_function import tidy
from pyonnxtool.surgery.edit_report import EditReport, edited
from pyonnxtool.surgery.op_building import OpBuilder
from pyonnxtool.surgery.op_text import parsed
from pyonnxtool.surgery.picking import OP, called, graphs_in, input_place, is_constant, picked
from pyonnxtool.surgery.retyping import retyped
from pyonnxtool.surgery.selection import selected
from pyonnxtool.surgery.snippet import snippet_for

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pyonnxtool._core import Node
    from pyonnxtool.proof import Proof

Insertion: TypeAlias = ModelLike | Callable[[Value], Value]
"""An operator as text, the file of a small model or the model, or a function that builds nodes."""

_FILES = (".onnx", ".onnxtxt", ".pb")


def insert(
    given: ModelLike,
    what: Insertion,
    *,
    after: Sequence[str] = (),
    before: Sequence[str] = (),
    slot: int | str | None = None,
    operands: Mapping[str, str] = {},
    name: str = "",
    **proof: Unpack[Proof],
) -> Rewrite[EditReport]:
    """The model with something put on edges; the one that is given stays as it is.

    `what` is an operator such as "Relu", "Clip(_, 0, 6)" or "vendor::Fence(_, level=2)", where _ is
    the value (`op_text.parsed` says all that can be written), a small model, or a function that is
    given the value and returns what its readers get instead. A small model has one output; its
    inputs are the value and values that are called the same, or that `operands` names.

    `after` are values: all that reads them reads what is made of them. `before` are nodes, of which
    one input is replaced: the one of the number or schema name `slot`, or the only one that is no
    constant. Both are names, globs, or operators ("op:Conv"), in bodies and functions too; after a
    node is after what it makes first, before a value is before all that reads it. Inputs and
    outputs of the model keep their names, and types are declared anew where they change.

    Raises UsageError for what there is not, and Refused where an operator would be given types or
    sizes that it does not take.
    """
    check = check_of(**proof)
    model = as_model(given)
    made = model.copy()
    edges = set(_made_by_named(made)).intersection(before)
    values = _values(made, [*after, *(one for one in before if one in edges)])
    nodes = picked(made, [one for one in before if one not in edges])
    if not values and not nodes:
        raise UsageError("say where: after which values, or before which nodes")
    label, build = _builder(made, what, operands, name)
    refusals: list[Refusal] = []
    for value in values:
        refusals += _tried("", "", "", partial(value.graph.insert_after, value, build))
    for node in nodes:
        edit = partial(_lead, node, build, slot)
        refusals += _tried(called(node), node.op_type, node.label, edit)
    refusals += _tried("", "", "", partial(tidy, made))
    if refusals:
        raise refused("insert", refusals)
    notes = retyped("insert", model, made)
    changes = {f"inserted {label}": len(values) + len(nodes)}
    return edited("insert", model, made, changes, check=check, notes=notes)


def _tried(name: str, op_type: str, label: str, edit: Callable[[], object]) -> Iterator[Refusal]:
    try:
        edit()
    except ModelError as error:
        yield Refusal(name, op_type, str(error).removeprefix(f"{label} "))


def _values(model: Model, patterns: Sequence[str]) -> list[Value]:
    """Values of these names, and first outputs of nodes of these names or operators."""
    found: dict[Value, None] = {}
    nodes = {called(node) for graph in graphs_in(model) for node in graph.nodes}
    there = [value for graph in graphs_in(model) for value in graph.values if not value.is_outer]
    names = {value.name for value in there}
    for pattern in patterns:
        if pattern not in names and (pattern.startswith(OP) or pattern in nodes):
            made = [next(iter(node.outputs), None) for node in picked(model, [pattern])]
            found |= {value: None for value in made if value is not None}
            continue
        exact = pattern in names  # a glob means no constants
        open_to = there if exact else [one for one in there if not is_constant(one)]
        chosen = set(selected([pattern], [one.name for one in open_to], "value"))
        found |= {value: None for value in open_to if value.name in chosen}
    return list(found)


def _made_by_named(model: Model) -> list[str]:
    """Values that are called otherwise than every node: none of these is meant by their names."""
    nodes = [node for graph in graphs_in(model) for node in graph.nodes]
    there = {called(node) for node in nodes}
    return [name for node in nodes for name in node.output_names if name and name not in there]


def _builder(
    model: Model, what: Insertion, operands: Mapping[str, str], name: str
) -> tuple[str, Callable[[Value], Value]]:
    """How messages call it, and what puts it after a value."""
    if callable(what) and not isinstance(what, Model):
        return "what the function builds", what
    if isinstance(what, str | PathLike) and not _is_file(fspath(what)):
        call = parsed(fspath(what))
        if operands:
            raise UsageError("operands are inputs of a small model; write them into the operator")
        builder = OpBuilder(Facts(model), model.opset_imports.get("", 0), name)
        return call.called, lambda value: builder.build(call, value)
    snippet = as_model(what)
    label = Path(snippet.path).name or snippet.graph.name or "a model"
    return label, snippet_for(model, snippet, operands).build


def _is_file(text: str) -> bool:
    """Whether it is meant as a file, be it there or not; an operator may have dots too."""
    return text.endswith(_FILES) or ("(" not in text and "." in text and Path(text).is_file())


def _lead(node: Node, build: Callable[[Value], Value], slot: int | str | None) -> None:
    """One input of the node is what is built of it."""
    place = input_place(node, slot)
    inputs = node.inputs
    value = inputs[place]
    assert value is not None
    inputs[place] = build(value)
    node.set_inputs(inputs)
