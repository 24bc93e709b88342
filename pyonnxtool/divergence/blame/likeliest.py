"""Which node of a region to look at first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyonnxtool.divergence.blame.moved_axes import NO_FORMS
from pyonnxtool.divergence.blame.why import (
    attribute_differences,
    differences,
    narrows,
    own_differences,
)
from pyonnxtool.divergence.compare import compare
from pyonnxtool.divergence.constants import constant

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Node
    from pyonnxtool.divergence.blame.moved_axes import Forms

MOVING = frozenset(
    {"Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Expand", "Gather"}
)
"""Operators that optimizers insert and that compute nothing."""
_PART = 0.5
"""Of a weight's elements: where more differ, it may have been rewritten as a whole."""
_DAMAGE = 5
"""The least weight that no optimizer gives a node."""


class Blame:
    """Ranks the nodes of a candidate's region, `theirs`, against the reference's, `ours`.

    What an optimizer does not do on its own weighs most: a cast to fewer bits, another attribute,
    a weight of which most elements are left as they were. Then operators that the reference's
    region has fewer of, weights that are different throughout (folding does that, too), other
    values that are read, and nodes without a counterpart: those of an optimizer's own operators,
    and those that only move elements.
    """

    def __init__(
        self,
        reference: Model,
        candidate: Model,
        ours: Sequence[Node],
        partner: Mapping[int, int],
        source: Mapping[str, str],
        forms: Forms = NO_FORMS,
    ) -> None:
        self._reference, self._candidate, self._source = reference, candidate, source
        self._ours, self._partner, self._forms = ours, partner, forms
        self._narrowing = any(narrows(node) for node in ours)

    def likeliest(self, theirs: Sequence[Node]) -> Node:
        """The first of the nodes that weigh most; the last node where none weighs anything."""
        spare = Counter(node.op_type for node in self._ours)
        best, most = theirs[-1], 0
        for node in theirs:
            found = self._weight(node, spare[node.op_type] == 0)
            spare[node.op_type] = max(0, spare[node.op_type] - 1)
            if found > most:
                best, most = node, found
        return best

    def shows_damage(self, node: Node) -> bool:
        """Whether the node differs in itself, in what no optimizer changes on its own."""
        other = self.counterpart(node)
        if other is not None and other.op_type != node.op_type:
            return node.domain == other.domain
        return self._weight(node, False) >= _DAMAGE

    def counterpart(self, node: Node) -> Node | None:
        """The node that it is paired with; else the only one of the region that it can be."""
        partner = self._partner.get(node.id)
        if partner is not None:
            return self._reference.graph.node(partner)
        if narrows(node) and not self._narrowing:
            return None
        taken = set(self._partner.values())
        free = [o for o in self._ours if o.id not in taken and o.op_type != "Constant"]
        same = [other for other in free if other.op_type == node.op_type]
        return same[0] if len(same) == 1 else free[0] if len(free) == 1 else None

    def _weight(self, node: Node, spare: bool) -> int:
        if narrows(node) and not self._narrowing:
            return 7
        other = self.counterpart(node)
        if other is None and node.op_type == "Identity":
            return 0
        if other is None or other.op_type != node.op_type:
            return 4 if spare and not node.domain and node.op_type not in MOVING else 1
        if attribute_differences(other, node, self._forms):
            return 6
        if own_differences(self._reference, other, self._candidate, node, self._forms):
            return 5 if self._partly(other, node) else 3
        read = (self._reference, other, self._candidate, node, self._source, self._forms)
        return 2 if differences(*read) else 0

    def _partly(self, ours: Node, theirs: Node) -> bool:
        """Whether a constant keeps its shape and most of its elements, or is a single number."""
        for one, other in zip(ours.input_names, theirs.input_names, strict=False):
            left = constant(self._reference, one) if one else None
            right = constant(self._candidate, other) if other else None
            if left is None or right is None:
                continue
            stats = compare(left.numpy(), right.numpy()).stats
            if stats is not None and 0 < stats.unequal <= max(_PART * stats.count, 1):
                return True
        return False
