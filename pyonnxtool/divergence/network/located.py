"""Where a culprit is in the network that the model was exported from, and what is done there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pyonnxtool.divergence.network.provenance import module_of, source_of, source_of_node
from pyonnxtool.divergence.network.side import NetworkBackend
from pyonnxtool.errors import ModelError
from pyonnxtool.report import Culprit, WeightRow

if TYPE_CHECKING:
    from pyonnxtool._core import Node
    from pyonnxtool.backends._traced import Traced
    from pyonnxtool.divergence.case import Case

_LONGEST_CALL = 160


def located(case: Case, weights: Sequence[WeightRow], culprit: Culprit) -> Culprit:
    """The culprit with its module and source line; against a network, also what that computes."""
    node = _node(case, culprit)
    if node is None:
        return culprit
    found = replace(culprit, module=module_of(node), source=source_of_node(node))
    backend = case.reference.backend
    if not isinstance(backend, NetworkBackend):
        return found
    names = (*culprit.outputs, *culprit.reference_outputs)
    value = next((backend.traced[name] for name in names if name in backend.traced), None)
    if value is None:
        return found
    return replace(
        found,
        module=value.module or found.module,
        source=source_of(value.trace) or found.source,
        reference_node=value.name.partition("/")[0],
        reference_outputs=(value.name,),
        why="; ".join(_reasons(node, value, weights)),
    )


def _node(case: Case, culprit: Culprit) -> Node | None:
    if culprit.graph != "main" or not culprit.outputs:
        return None
    try:
        return case.candidate.model.graph.value(culprit.outputs[0]).producer
    except ModelError:
        return None


def _reasons(node: Node, value: Traced, weights: Sequence[WeightRow]) -> list[str]:
    """A weight that differs says it all; otherwise, what the network does in the node's place."""
    read = set(node.input_names)
    found = [
        f"weight {row.name!r} differs from the parameter {row.reference_name!r} in {row.changed} "
        f"elements, by up to {row.metrics.get('max_abs') or 0.0:.3g}"
        for row in weights
        if row.name in read and row.changed
    ]
    if found:
        return found
    call = value.call if len(value.call) <= _LONGEST_CALL else f"{value.call[:_LONGEST_CALL]}..."
    what = f"a step ({value.op}) of {call}" if value.step else call
    return [f"PyTorch computes {what} here, and gets something else from the same values"]
