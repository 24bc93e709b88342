"""Sequences and optionals whose items are known: the items themselves, where they have to be."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.onnx_inference import ask_onnx
from pyonnxtool.op_schemas import plain_domain, same_meaning
from pyonnxtool.rewrite.operand import Facts
from pyonnxtool.rewrite.placing import graphs_of

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Node

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


def unpacked(model: Model, target: int) -> tuple[Counter[str], list[tuple[str, str]]]:
    """What was done, and (value, old value) where one took the place of another; in place.

    Nothing is done when the target has all that the model does with sequences and optionals. If,
    Loop and Scan that hand them on are only opened where the target's take nothing but tensors.
    """
    imported = model.opset_imports.get("", 1)
    nodes = [node for graph in graphs_of(model) for node in graph.nodes]
    nodes = [node for node in nodes if not plain_domain(node.domain)]
    if not any(node.op_type in _OF_CONTAINERS for node in nodes):
        return Counter(), []
    changed = [one for one in nodes if not same_meaning("", one.op_type, imported, target)]
    control = any(one.op_type in _WITH_BODIES for one in changed) and _handed_on(model, changed)
    if not control and not any(one.op_type in _OF_CONTAINERS for one in changed):
        return Counter(), []
    done, replaced = _core.take_apart(model, control, _MOST_TURNS, ask_onnx)
    return Counter(dict(done)), [(new, old) for old, new in replaced]


def _handed_on(model: Model, nodes: list[Node]) -> bool:
    """Whether a body is given, or gives, something else than tensors."""
    facts = Facts(model)
    return any(
        fact is not None and fact.kind in ("sequence", "optional")
        for node in nodes
        if node.op_type in _WITH_BODIES
        for name in [*node.input_names, *node.output_names]
        if name
        for fact in [facts.of(name, node.graph)]
    )
