"""Float32 values that count: sizes, positions and angles, which float16 has not digits enough for.

Float16 has every whole number up to 2048 and no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyonnxtool.surgery.half.operators import ANGLES, COUNTS, MOVES
from pyonnxtool.surgery.half.values import is_plain

if TYPE_CHECKING:
    from pyonnxtool._core import Node
    from pyonnxtool.surgery.half.values import Key, Values

FLOAT32 = 1
_SMALL_INTEGERS = ("bool", "uint8", "int8", "uint4", "int4", "uint2", "int2")
_LARGEST_TABLE = 4096
"""Elements of a constant that positions are multiplied by; larger ones are weights."""
_EXACT = 2048


def counting(values: Values, order: Sequence[Node]) -> set[Node]:
    """Nodes whose floats are made of integers alone and end as integers or angles again."""
    counted: set[Key] = set()
    makers: list[Node] = []
    for node in order:
        if _makes_counts(values, node, counted):
            makers.append(node)
            counted.update(_outputs(values, node))
    needed: set[Key] = set()
    for node in reversed(order):
        if node.op_type in ANGLES or _to_integers(values, node):
            needed.update(_inputs(values, node) & counted)
    found: set[Node] = set()
    for node in reversed(makers):
        if needed.intersection(_outputs(values, node)):
            found.add(node)
            needed |= _inputs(values, node) & counted
    return found


def casts_integers(values: Values, node: Node) -> bool:
    """Whether it makes float32 of integers beyond those that float16 has."""
    if not is_plain(node, "Cast") or node.attributes.get("to") != FLOAT32:
        return False
    source = values.key(node.graph, node.input_names[0])
    dtype = values.fact(source).dtype if source is not None else None
    return dtype is not None and "int" in dtype and dtype not in _SMALL_INTEGERS


def may_be_large(values: Values, node: Node) -> bool:
    """Whether such a Cast makes numbers that float16 may not hold.

    Not where they are known, and not where they are a mask: what was fed to the model and only
    moved since. Sums of products are large.
    """
    made = values.key(node.graph, node.output_names[0])
    known = values.known(made) if made is not None else None
    if known is not None:
        return bool((abs(known) > _EXACT).any())
    name, graph = node.input_names[0], node.graph
    while (key := values.key(graph, name)) is not None:
        value = values.value(key)
        maker = value.producer
        if maker is None:
            return False
        if maker.op_type not in MOVES:
            return True
        name, graph = maker.input_names[0], key[0]
    return False


def _makes_counts(values: Values, node: Node, counted: set[Key]) -> bool:
    if casts_integers(values, node):
        return True
    if node.op_type not in COUNTS or node.domain not in ("", "ai.onnx"):
        return False
    floats = [key for key in _inputs(values, node) if values.kind(key) == "float32"]
    known = [key for key in floats if _is_small(values, key)]
    return len(known) < len(floats) and all(key in counted for key in floats if key not in known)


def _is_small(values: Values, key: Key) -> bool:
    held = values.tensor(key)
    return held is not None and held.nbytes <= 4 * _LARGEST_TABLE


def _to_integers(values: Values, node: Node) -> bool:
    if not is_plain(node, "Cast"):
        return False
    made = values.key(node.graph, node.output_names[0])
    return made is not None and "int" in (values.fact(made).dtype or "")


def _inputs(values: Values, node: Node) -> set[Key]:
    found = (values.key(node.graph, name) for name in node.input_names)
    return {key for key in found if key is not None}


def _outputs(values: Values, node: Node) -> set[Key]:
    found = (values.key(node.graph, name) for name in node.output_names)
    return {key for key in found if key is not None}
