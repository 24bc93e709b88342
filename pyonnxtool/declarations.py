"""Declared shapes that follow what can be inferred: exporters declare some that are not so."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.onnx_inference import ask_onnx
from pyonnxtool.rewriting.graphs import graphs_under

if TYPE_CHECKING:
    from pyonnxtool._core import Model

Size = int | str | None
_WORD = re.compile(r"[A-Za-z_]\w*")


def declare_as_inferred(model: Model, names: Collection[str], *, invented: bool) -> None:
    """Declare what is inferred where that says more than the model does, or something else.

    `names` are those of open sizes of the inputs. With `invented`, other names are the exporter's
    own, a new one for each value, and are forgotten where they are not inferred.
    """
    facts = _core.infer_shapes(model, ask_onnx)
    for graph in graphs_under(model.graph):
        for value in graph.values:
            declared = value.shape
            if value.is_input or value.is_outer or value.kind != "tensor" or declared is None:
                continue
            inferred = facts.value(value.name, graph).dims
            sizes = _followed(declared, inferred, names, invented=invented)
            if sizes != declared:
                graph.declare(value.name, value.dtype, sizes)


def _followed(
    declared: Sequence[Size],
    inferred: Sequence[int | float | str | None] | None,
    names: Collection[str],
    *,
    invented: bool,
) -> tuple[Size, ...]:
    known: list[Size] = [
        size if isinstance(size, int) or (isinstance(size, str) and _is_of(size, names)) else None
        for size in (inferred if inferred is not None else [None] * len(declared))
    ]
    if len(known) != len(declared):
        return tuple(known)
    own = [
        None if invented and isinstance(size, str) and not _is_of(size, names) else size
        for size in declared
    ]
    return tuple(old if new is None else new for old, new in zip(own, known, strict=True))


def _is_of(size: str, names: Collection[str]) -> bool:
    """Whether the expression is one of these names only."""
    return all(word in names for word in _WORD.findall(size))
