"""Why a node differs from its counterpart, and what stands around it, as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.divergence.compare import compare
from pyonnxtool.divergence.weights import constant

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Node

_WIDEST_LIST = 8


def differences(
    reference: Model, ours: Node, candidate: Model, theirs: Node, source: Mapping[str, str]
) -> list[str]:
    """What is not the same: operator, attributes, constants, the values that are read.

    `source` maps the candidate's value names to the reference's.
    """
    found = []
    if (ours.domain, ours.op_type) != (theirs.domain, theirs.op_type):
        found.append(f"operator differs: {theirs.op_type} instead of {ours.op_type}")
    found += _attribute_differences(ours.attributes, theirs.attributes)
    for slot in range(max(len(ours.input_names), len(theirs.input_names))):
        found += _input_difference(reference, ours, candidate, theirs, slot, source)
    return found


def _attribute_differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    found = []
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in theirs:
            found.append(f"attribute {name} is not set, the reference has {_text(ours[name])}")
        elif name not in ours:
            found.append(f"attribute {name} is {_text(theirs[name])}, the reference has none")
        elif _text(ours[name]) != _text(theirs[name]) or not _equal(ours[name], theirs[name]):
            found.append(
                f"attribute {name} differs: {_text(theirs[name])} instead of {_text(ours[name])}"
            )
    return found


def _input_difference(
    reference: Model,
    ours: Node,
    candidate: Model,
    theirs: Node,
    slot: int,
    source: Mapping[str, str],
) -> list[str]:
    a = ours.input_names[slot] if slot < len(ours.input_names) else ""
    b = theirs.input_names[slot] if slot < len(theirs.input_names) else ""
    if not a or not b:
        return [] if a == b else [f"input {slot} is {b or 'omitted'} instead of {a or 'omitted'}"]
    left, right = constant(reference, a), constant(candidate, b)
    if left is not None and right is not None:
        return _constant_difference(slot, b, left.numpy(), right.numpy())
    if (left is None) != (right is None):
        return [f"input {slot} is {_role(right, b)} instead of {_role(left, a)}"]
    known = source.get(b)
    if known is not None and known != a:
        return [f"input {slot} reads {b!r}, which is the reference's {known!r}, not {a!r}"]
    return []


def _constant_difference(slot: int, name: str, ours: Any, theirs: Any) -> list[str]:
    found = compare(ours, theirs)
    if found.identical:
        return []
    if found.stats is None:
        return [f"constant {name!r} (input {slot}) differs: {found.note}"]
    if found.stats.count == 1:
        return [
            f"constant {name!r} (input {slot}) is {theirs.reshape(-1)[0]} "
            f"instead of {ours.reshape(-1)[0]}"
        ]
    return [
        f"weight {name!r} (input {slot}) differs in {found.stats.unequal} of {found.stats.count} "
        f"elements, by up to {found.stats.max_abs:.3g}"
    ]


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
    narrowing = [node for node in theirs if _narrows(node)]
    if narrowing and not any(_narrows(node) for node in ours):
        return narrowing[0]
    spare = Counter(node.op_type for node in ours)
    for node in theirs:
        if spare[node.op_type] == 0:
            return node
        spare[node.op_type] -= 1
    alone = [node for node in theirs if node.id not in paired]
    return alone[0] if alone else theirs[-1]


_FLOAT16, _BFLOAT16 = 10, 16


def _narrows(node: Node) -> bool:
    to = node.attributes.get("to")
    return node.op_type == "Cast" and (
        to in (_FLOAT16, _BFLOAT16) or (isinstance(to, int) and to >= 17)
    )
