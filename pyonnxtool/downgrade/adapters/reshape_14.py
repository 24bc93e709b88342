"""Reshape from 14 to 13: without `allowzero`; there 0 means a size of the input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._shapes import may_be_empty, reshaped
from pyonnxtool.downgrade.adapters._size_expressions import is_positive, is_zero_only_with
from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.rewriting.decision import Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_PLAIN = Edit(drop=["allowzero"])


@ADAPTERS.add(("Reshape", 14))
def _without_allowzero(node: NodeView, tape: Tape) -> Decision:
    """14 -> 13: without `allowzero`; empty tensors keep their shape."""
    if not node.attr_int("allowzero"):
        return _PLAIN
    known = node.const_ints("shape")
    if known is None:
        return _to_run_time_shape(node, tape)
    return _PLAIN if 0 not in known else _empty(node, known, tape)


def _to_run_time_shape(node: NodeView, tape: Tape) -> Decision:
    data, shape = node["data"], node["shape"]
    sizes = _elements(shape)
    open_ones = [at for at, size in enumerate(sizes) if not isinstance(size, int)]
    if len(open_ones) == 1 and 0 not in sizes and -1 not in sizes:
        written = [size if isinstance(size, int) else -1 for size in sizes]
        return Edit(drop=["allowzero"], inputs=[data, tape.ints(written)])
    unsure = _not_sure(data, shape)
    if unsure == []:
        return _PLAIN
    rank = shape.static_shape
    if rank is None or unsure is None:
        return node.refuse_dynamic("how many sizes `shape` has")
    if len(unsure) > 1:
        return reshaped(tape, data, shape, rank[0])
    return Edit(drop=["allowzero"], inputs=[data, _with_open_size(shape, unsure[0], tape)])


def _with_open_size(shape: Operand, at: int, tape: Tape) -> str:
    """The shape with -1 at a place; where another size is 0, that is an error."""
    (length,), producer = shape.static_shape or (0,), shape.producer
    if producer is not None and producer.op_type == "Concat" and not producer.domain:
        pieces = [shape.beside(name) for name in producer.input_names]
        if len(pieces) == length and all(piece.static_shape == (1,) for piece in pieces):
            given = [tape.ints([-1]) if place == at else one for place, one in enumerate(pieces)]
            return tape.op("Concat", *given, axis=0)
    stays = tape.const([place != at for place in range(length)])
    return tape.op("Where", stays, shape, tape.ints([-1]))


def _elements(shape: Operand) -> list[int | float | str | None]:
    fact, length = shape.fact, shape.static_shape
    if fact is not None and fact.elements is not None:
        return list(fact.elements)
    return [None] * (length[0] if length else 0)


def _not_sure(data: Operand, shape: Operand) -> list[int] | None:
    """Places of `shape` where a 0 may meet another size of the input; None: not even their number.

    A -1 anywhere says that there is no 0; so does an input that has elements.
    """
    sizes, dims = _elements(shape), data.dims or []
    if not may_be_empty(data) or -1 in sizes:
        return []
    if shape.static_shape is None:
        return None
    return [
        at
        for at, size in enumerate(sizes)
        if not is_positive(size) and not (at < len(dims) and is_zero_only_with(size, dims[at]))
    ]


def _empty(node: NodeView, sizes: list[int], tape: Tape) -> Decision:
    """A tensor of no elements, whatever is reshaped."""
    data, shape = node["data"], node["data"].shape or ()
    if -1 in sizes:
        return node.refuse("`shape` has both 0 and -1, and allowzero=1")
    if all(at < len(shape) and shape[at] == 0 for at, size in enumerate(sizes) if size == 0):
        return _PLAIN
    if data.dtype is None:
        return node.refuse("the element type of `data` is not known")
    return tape.const(np.zeros(sizes, numpy_dtype(data.dtype)))
