"""Why a node differs from its counterpart, and what stands around it, as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.divergence.blame.attribute_defaults import is_default
from pyonnxtool.divergence.blame.moved_attributes import slots, value_of
from pyonnxtool.divergence.blame.moved_axes import (
    NO_FORMS,
    alike_elsewhere,
    expected,
    is_moved,
    moves_axes,
    normal,
)
from pyonnxtool.divergence.compare import Comparison, compare
from pyonnxtool.divergence.constants import constant
from pyonnxtool.divergence.rounding import op_info
from pyonnxtool.verdict import EPS, mismatched_non_finite

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Node, Value
    from pyonnxtool.divergence.blame.moved_axes import Forms

_WIDEST_LIST = 8
_ROUNDED = 4
"""Spacings, relative to the weight's scale, up to which two weights differ by rounding."""


def differences(
    reference: Model,
    ours: Node,
    candidate: Model,
    theirs: Node,
    source: Mapping[str, str],
    forms: Forms = NO_FORMS,
) -> list[str]:
    """What is not the same: operator, attributes, constants, the values that are read.

    `source` maps the candidate's value names to the reference's; `forms` says which of them hold
    the numbers in another form: then axes are named otherwise, and constants lie otherwise.
    """
    read = [
        _input_difference(reference, ours, candidate, theirs, slots, source, forms)
        for slots in _slots(ours, theirs)
    ]
    return _of_operator(ours, theirs, forms) + min(read, key=len)


def comes_from(ours: Node, theirs: Node) -> list[str]:
    """Inputs that another operator makes: what is read where nothing that is read is paired."""
    found = []
    for slot, (one, other) in enumerate(zip(ours.inputs, theirs.inputs, strict=False)):
        left, right = (_maker(one), _maker(other))
        if left != right and left and right:
            found.append(f"input {slot} comes from {right}, in the reference from {left}")
    return found


def _maker(value: Value | None) -> str:
    """The operator that makes a value; empty for weights and inputs."""
    node = value.producer if value is not None else None
    return node.op_type if node is not None and node.op_type != "Constant" else ""


def own_differences(
    reference: Model, ours: Node, candidate: Model, theirs: Node, forms: Forms = NO_FORMS
) -> list[str]:
    """`differences` without those in which computed values are read."""
    read = [
        [
            text
            for slot, other in slots
            for text in _constants_read(reference, ours, candidate, theirs, slot, other, forms)
        ]
        for slots in _slots(ours, theirs)
    ]
    return _of_operator(ours, theirs, forms) + min(read, key=len)


def _of_operator(ours: Node, theirs: Node, forms: Forms) -> list[str]:
    found = []
    if (ours.domain, ours.op_type) != (theirs.domain, theirs.op_type):
        found.append(f"operator differs: {theirs.op_type} instead of {ours.op_type}")
    return found + attribute_differences(ours, theirs, forms)


def _slots(ours: Node, theirs: Node) -> list[list[tuple[int, int]]]:
    """Which input of the one is set against which of the other; both ways where order is free."""
    count = max(len(ours.input_names), len(theirs.input_names))
    straight = [(slot, slot) for slot in range(count)]
    info = op_info(theirs)
    if count == 2 and info is not None and info.commutative:
        return [straight, [(0, 1), (1, 0)]]
    return [straight]


def attribute_differences(ours: Node, theirs: Node, forms: Forms = NO_FORMS) -> list[str]:
    """Attributes that do not mean the same; one that holds its default may be left out."""
    found = []
    one, other = ours.attributes, theirs.attributes
    for name in sorted(one.keys() | other.keys()):
        if moves_axes(theirs, name, forms):
            found += _axes_difference(ours, theirs, name, forms)
            continue
        if (name in one) != (name in other) and value_of(ours, name) == value_of(theirs, name):
            continue
        if name not in other:
            if not is_default(ours, name):
                found.append(f"attribute {name} is not set, the reference has {_text(one[name])}")
        elif name not in one:
            if not is_default(theirs, name):
                found.append(f"attribute {name} is {_text(other[name])}, the reference has none")
        elif _text(one[name]) != _text(other[name]) or not _equal(one[name], other[name]):
            found.append(
                f"attribute {name} differs: {_text(other[name])} instead of {_text(one[name])}"
            )
    return found


def _axes_difference(ours: Node, theirs: Node, name: str, forms: Forms) -> list[str]:
    """Axes of values that lie otherwise; nothing is said of what is not written on both sides."""
    wanted = expected(ours, theirs, name, forms)
    if wanted is None or name not in theirs.attributes or normal(theirs, name, forms) == wanted:
        return []
    given, before = theirs.attributes[name], ours.attributes[name]
    return [
        f"attribute {name} is {_text(given)}, but where the reference has {_text(before)} it would "
        f"have to be {_text(wanted)} in this layout"
    ]


def _input_difference(
    reference: Model,
    ours: Node,
    candidate: Model,
    theirs: Node,
    slots: Sequence[tuple[int, int]],
    source: Mapping[str, str],
    forms: Forms,
) -> list[str]:
    found = []
    for slot, other in slots:
        a, b = _read(ours, slot), _read(theirs, other)
        found += _constants_read(reference, ours, candidate, theirs, slot, other, forms)
        known = source.get(b)
        computed = a and b and not (constant(reference, a) or constant(candidate, b))
        if computed and known is not None and known != a:
            found.append(
                f"input {other} reads {b!r}, which is the reference's {known!r}, not {a!r}"
            )
    return found


def _read(node: Node, slot: int) -> str:
    return node.input_names[slot] if slot < len(node.input_names) else ""


def _constants_read(
    reference: Model,
    ours: Node,
    candidate: Model,
    theirs: Node,
    slot: int,
    other: int,
    forms: Forms,
) -> list[str]:
    a, b = _read(ours, slot), _read(theirs, other)
    told = {
        at for node in (ours, theirs) for name, at in slots(node).items() if name in node.attributes
    }
    if (not a or not b) and slot in told:
        return []
    if not a or not b:
        return [] if a == b else [f"input {other} is {b or 'omitted'} instead of {a or 'omitted'}"]
    left, right = constant(reference, a), constant(candidate, b)
    if left is not None and right is not None:
        if is_moved(theirs, forms) and alike_elsewhere(left.numpy(), right.numpy()):
            return []
        return _constant_difference(other, b, left.numpy(), right.numpy())
    if (left is None) != (right is None):
        return [f"input {other} is {_role(right, b)} instead of {_role(left, a)}"]
    return []


def _constant_difference(slot: int, name: str, ours: Any, theirs: Any) -> list[str]:
    found = compare(ours, theirs)
    # Folding a normalization into a weight rounds it anew, which is no reason for anything.
    if found.identical or found.relative <= _ROUNDED * EPS.get(found.dtype, 0.0):
        return []
    if found.stats is None:
        return [f"constant {name!r} (input {slot}) differs: {found.note}"]
    if found.stats.count == 1:
        return [
            f"constant {name!r} (input {slot}) is {theirs.reshape(-1)[0]} "
            f"instead of {ours.reshape(-1)[0]}"
        ]
    count = f"{_beyond_rounding(ours, theirs, found)} of {found.stats.count}"
    most = f", by up to {found.stats.max_abs:.3g}" if found.stats.max_abs else ""
    more = f" ({found.note})" if mismatched_non_finite(found.stats) else ""
    return [f"weight {name!r} (input {slot}) differs in {count} elements{most}{more}"]


def _beyond_rounding(ours: Any, theirs: Any, found: Comparison) -> int:
    """How many elements differ; in another precision, by more than its rounding."""
    assert found.stats is not None
    if ours.dtype == theirs.dtype or found.dtype not in EPS:
        return found.stats.unequal
    left, right = ours.astype(np.float64), theirs.astype(np.float64)
    return int((~(np.abs(left - right) <= _ROUNDED * EPS[found.dtype] * np.abs(left))).sum())


def _role(tensor: object, name: str) -> str:
    return f"the constant {name!r}" if tensor is not None else f"the value {name!r}"


def _equal(ours: Any, theirs: Any) -> bool:
    if hasattr(ours, "numpy") and hasattr(theirs, "numpy"):
        return compare(ours.numpy(), theirs.numpy()).identical
    if hasattr(ours, "nodes") or hasattr(theirs, "nodes"):
        return _body_text(ours) == _body_text(theirs)
    return bool(ours == theirs)


def _body_text(body: Any) -> str:
    return "; ".join(line(node) for node in body.nodes)


def _text(value: Any) -> str:
    if hasattr(value, "numpy"):
        array = value.numpy()
        if array.size <= _WIDEST_LIST:
            return np.array2string(array, separator=", ")
        return f"{value.dtype}{list(value.shape)}"
    if hasattr(value, "nodes"):
        return f"a body of {len(value.nodes)} nodes"
    if isinstance(value, list):
        items = [_text(item) for item in value[:_WIDEST_LIST]]
        return f"[{', '.join(items + ['...'] * (len(value) > _WIDEST_LIST))}]"
    # Attributes are stored as float32, of which the shortest text is what the user wrote.
    return str(np.float32(value)) if isinstance(value, float) else str(value)


def label(node: Node) -> str:
    """What a node is called in reports: its name, or its first output where it has none."""
    return node.name or next((name for name in node.output_names if name), "")


def line(node: Node) -> str:
    """One node as text: "y = Softmax<axis=1>(x)"."""
    attributes = ", ".join(f"{name}={_text(value)}" for name, value in node.attributes.items())
    return (
        f"{', '.join(node.output_names)} = {node.op_type}"
        f"{'<' + attributes + '>' if attributes else ''}({', '.join(node.input_names)})"
    )


def neighbourhood(node: Node, mark: str = ">") -> str:
    """The node between what it reads and what reads it, one line each."""
    before = _unique([value.producer for value in node.inputs if value is not None])
    after = _unique(
        [reader for value in node.outputs if value is not None for reader in value.consumers]
    )
    shown = [*(f"  {line(n)}" for n in before[:3]), f"{mark} {line(node)}"]
    shown += [f"  {line(n)}" for n in after[:3]]
    if len(after) > 3:
        shown.append(f"  ... and {len(after) - 3} more readers")
    return "\n".join(shown)


def _unique(nodes: Sequence[Node | None]) -> list[Node]:
    seen: dict[int, Node] = {}
    for node in nodes:
        if node is not None and node.op_type != "Constant":
            seen.setdefault(node.id, node)
    return list(seen.values())


def likeliest(ours: Sequence[Node], theirs: Sequence[Node], paired: Container[int]) -> Node:
    """Of the nodes of a candidate's region, the one to look at first.

    A node that narrows the dtype; else the first whose operator the reference's region has fewer
    of; else the first that has no counterpart; else the last, which makes the region's value.
    """
    narrowing = [node for node in theirs if narrows(node)]
    if narrowing and not any(narrows(node) for node in ours):
        return narrowing[0]
    spare = Counter(node.op_type for node in ours)
    for node in theirs:
        if spare[node.op_type] == 0:
            return node
        spare[node.op_type] -= 1
    alone = [node for node in theirs if node.id not in paired]
    return alone[0] if alone else theirs[-1]


_FLOAT16, _BFLOAT16 = 10, 16


def narrows(node: Node) -> bool:
    """Whether the node is a cast to float16 or less."""
    to = node.attributes.get("to")
    return node.op_type == "Cast" and (
        to in (_FLOAT16, _BFLOAT16) or (isinstance(to, int) and to >= 17)
    )
