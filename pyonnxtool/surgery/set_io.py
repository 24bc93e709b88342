"""set-io: element types, sizes and order of what goes in and out of a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyonnxtool.errors import UsageError
from pyonnxtool.model import ModelLike, as_model
from pyonnxtool.proof import check_of
from pyonnxtool.rewriting import Rewrite
from pyonnxtool.surgery.border_dtypes import dtypes_asked, retype
from pyonnxtool.surgery.border_sizes import Size, resize, sizes_asked
from pyonnxtool.surgery.edit_report import EditReport, edited
from pyonnxtool.surgery.selection import selected

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pyonnxtool.proof import Proof

_NO_DTYPES: Mapping[str, str] = {}
_NO_SHAPES: Mapping[str, Sequence[Size] | None] = {}
_NO_DIMS: Mapping[str, Size] = {}


def set_io(
    given: ModelLike,
    *,
    dtypes: Mapping[str, str] = _NO_DTYPES,
    shapes: Mapping[str, Sequence[Size] | None] = _NO_SHAPES,
    dims: Mapping[str, Size] = _NO_DIMS,
    input_order: Sequence[str] = (),
    output_order: Sequence[str] = (),
    **proof: Unpack[Proof],
) -> Rewrite[EditReport]:
    """The model with inputs and outputs of other types, sizes or order.

    `dtypes`: name or glob to element type; a Cast goes between the input or output and the graph,
    which computes as it did. A glob takes only those of the same kind, floats or integers.

    `shapes`: name or glob to sizes, each a number, a name, or None for any; a shape of None says
    nothing of sizes at all. `dims`: the name of a size to another name, a number or None, wherever
    it stands; or "x[0]" for one axis. Sizes are only declared, `specialize` is what computes with
    them: what the graph says of itself inside follows, and is inferred.

    `input_order` and `output_order`: names or globs that come first, in this order.

    Raises UsageError for a name that there is not and a type or shape that does not fit; Refused
    with the nodes that were made for one size when another one is let in; or as
    `edit_report.edited` does.
    """
    check = check_of(**proof)
    if not (dtypes or shapes or dims or input_order or output_order):
        raise UsageError("say what to change: element types, sizes or the order")
    model = as_model(given)
    made = model.copy()
    changes: Counter[str] = Counter()
    wanted = dtypes_asked(made, dtypes)
    sizes, names = sizes_asked(made, shapes, dims)
    done, notes = resize(made, sizes, names) if sizes or names else (Counter[str](), [])
    changes.update(done)
    if wanted:
        done, told = retype(made, wanted)
        changes.update(done)
        notes += told
    graph = made.graph
    inputs = [value.name for value in graph.inputs]
    if (order := _ordered(input_order, inputs, "input")) != inputs:
        graph.order_inputs(order)
        changes["new order of inputs"] += 1
    outputs = [value.name for value in graph.outputs]
    if (order := _ordered(output_order, outputs, "output")) != outputs:
        graph.order_outputs(order)
        changes["new order of outputs"] += 1
    return edited("set-io", model, made, changes, check=check, notes=notes)


def _ordered(first: Sequence[str], names: list[str], what: str) -> list[str]:
    """The names, those that the patterns say first."""
    chosen = [name for pattern in first for name in selected([pattern], names, what)]
    return list(dict.fromkeys([*chosen, *names]))
