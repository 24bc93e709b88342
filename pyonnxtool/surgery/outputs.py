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
from pyonnxtool.surgery.places import made_in, named, opened_for
from pyonnxtool.surgery.selection import selected
from pyonnxtool.surgery.type_text import dtype_text, sizes_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pyonnxtool._core import Graph, Model
    from pyonnxtool.proof import Proof


def outputs(
    given: ModelLike,
    *,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    only: Sequence[str] = (),
    **proof: Unpack[Proof],
) -> Rewrite[EditReport]:
    """The model with more outputs, fewer, or others; the one that is given stays as it is.

    `add`, `remove` and `only` are names or globs: of values that nodes of the main graph make, also
    in functions that it calls ("<call>/<name>"; such functions are opened), and of outputs. New
    outputs come last, in the order in which they are asked for, those of one glob in that of the
    graph; they get dtype and shape as far as these can be inferred. With `only` the outputs are
    these, in this order. What only removed outputs needed stays in the graph; `extract` cuts it
    off.

    Raises UsageError for a name that there is not and when no output would be left, Refused for a
    value inside the body of an If, a Loop or a Scan, or as `edit_report.edited` does.
    """
    check = check_of(**proof)
    if only and (add or remove):
        raise UsageError("give all outputs with only, or some with add and remove; not both")
    model = as_model(given)
    source, opened = opened_for("outputs", model, [*add, *only])
    made = source.copy()
    graph = made.graph
    there = [value.name for value in graph.outputs]
    coming = named("outputs", made, [*add, *only], [*made_in(graph), *_handed_through(graph)])
    going = selected(remove, there, "output")
    if only:
        going = [name for name in there if name not in set(coming)]
    if not coming and not going:
        raise UsageError("say which outputs to add or to remove")
    coming = [name for name in coming if name not in set(there)]
    for name in going:
        graph.remove_output(name)
    _add(made, coming)
    if not graph.outputs:
        raise UsageError("a model needs an output; add one when you remove all that it has")
    moved = _order(graph, named("outputs", made, only, [value.name for value in graph.outputs]))
    changes = {
        "functions opened": opened,
        "outputs added": len(coming),
        "outputs removed": len(going),
        "new order of outputs": int(moved),
    }
    return edited("outputs", model, made, changes, check=check)


def _handed_through(graph: Graph) -> list[str]:
    """Outputs that no node makes."""
    return [value.name for value in graph.outputs if value.producer is None]


def _add(model: Model, names: Sequence[str]) -> None:
    graph = model.graph
    facts = Facts(model)
    for name in names:
        fact = facts.of(name, graph)
        dtype = dtype_text(fact)
        graph.add_output(name)
        if dtype is not None:
            graph.declare(name, dtype, sizes_of(fact))


def _order(graph: Graph, wanted: Sequence[str]) -> bool:
    """Put outputs in this order; whether that moved any."""
    before = [value.name for value in graph.outputs]
    if not wanted or list(wanted) == before:
        return False
    graph.order_outputs(wanted)
    return True
