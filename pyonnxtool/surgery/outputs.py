"""outputs: values of the graph become outputs of the model, or no longer are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyonnxtool.errors import UsageError
from pyonnxtool.model import ModelLike, as_model
from pyonnxtool.proof import check_of
from pyonnxtool.rewriting import Rewrite
from pyonnxtool.rewriting.operand import Facts
from pyonnxtool.surgery.edit_report import EditReport, edited
from pyonnxtool.surgery.selection import selected

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pyonnxtool._core import Graph, Model
    from pyonnxtool.proof import Proof


def outputs(
    given: ModelLike,
    *,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    **proof: Unpack[Proof],
) -> Rewrite[EditReport]:
    """The model with more outputs, or fewer; the one that is given stays as it is.

    `add` and `remove` are names or globs: of values that nodes of the main graph make, and of
    outputs. New ones come last, in the order of the graph, with dtype and shape as far as they can
    be inferred. What only removed outputs needed stays in the graph; `extract` cuts it off.

    Raises UsageError for a name that there is not and when no output would be left, or as
    `edit_report.edited` does.
    """
    check = check_of(**proof)
    model = as_model(given)
    made = model.copy()
    graph = made.graph
    going = selected(remove, [value.name for value in graph.outputs], "output")
    if not add and not going:
        raise UsageError("say which outputs to add or to remove")
    coming = [name for name in selected(add, _made_in(graph), "value") if _is_new(graph, name)]
    for name in going:
        graph.remove_output(name)
    _add(made, coming)
    if not graph.outputs:
        raise UsageError("a model needs an output; add one when you remove all that it has")
    changes = {"outputs added": len(coming), "outputs removed": len(going)}
    return edited("outputs", model, made, changes, check=check)


def _made_in(graph: Graph) -> list[str]:
    return [name for node in graph.nodes for name in node.output_names if name]


def _is_new(graph: Graph, name: str) -> bool:
    return not graph.value(name).is_output


def _add(model: Model, names: Sequence[str]) -> None:
    graph = model.graph
    facts = Facts(model)
    for name in names:
        fact = facts.of(name, graph)
        known = fact is not None and fact.kind == "tensor" and fact.dtype
        graph.add_output(name)
        if fact is not None and known:
            sizes = None if fact.dims is None else [_declared(size) for size in fact.dims]
            graph.declare(name, fact.dtype, sizes)


def _declared(size: int | float | str | None) -> int | str | None:
    return size if isinstance(size, int | str) else None
