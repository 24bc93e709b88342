"""Sequences and optionals whose items are known: the items themselves, where they have to be."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.downgrade.type_check import misfits
from pyonnxtool.onnx_inference import ask_onnx
from pyonnxtool.op_schemas import schema_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyonnxtool._core import Model
    from pyonnxtool.rewriting.node_view import NodeView

_SEQUENCES = {"Construct", "Empty", "Insert", "Erase", "At", "Length", "Map"}
_OPTIONALS = {"Optional", "OptionalGetElement", "OptionalHasElement"}
_OF_CONTAINERS = frozenset(
    {f"Sequence{each}" for each in _SEQUENCES}
    | {"SplitToSequence", "ConcatFromSequence"}
    | _OPTIONALS
)
_WITH_BODIES = frozenset(["If", "Loop", "Scan"])
_MOST_TURNS = 64
"""Bodies that run more often stay: the model would grow too much."""


def unpacked(model: Model, views: Iterable[NodeView]) -> tuple[Counter[str], list[tuple[str, str]]]:
    """What was done, and (value, old value) where one took the place of another; in place.

    `views` are nodes that the next lower opset has not, or has otherwise. Nothing is done unless
    some of them read or make sequences or optionals. If, Loop and Scan that hand them on are only
    opened where those below take nothing but tensors.
    """
    control = found = False
    for view in views:
        found = found or view.op_type in _OF_CONTAINERS
        control = control or _hands_on(view)
    if not found and not control:
        return Counter(), []
    done, replaced = _core.take_apart(model, control, _MOST_TURNS, ask_onnx)
    return Counter(dict(done)), [(new, old) for old, new in replaced]


def _hands_on(view: NodeView) -> bool:
    """Whether it takes or gives a sequence or an optional, and does not below."""
    below = schema_at(view.op_type, view.opset - 1)
    if view.op_type not in _WITH_BODIES or below is None:
        return False
    return any(not one.type.startswith("tensor(") for one in misfits(view, below))
