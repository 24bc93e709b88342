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
_DEEPEST = 12
"""Nodes that are followed back from a Cast."""
_MASKS = MOVES | {"Cast", "Mul", "Min", "Max", "Where", "Sub", "Sign", "Abs"}
"""What masks are made of others with."""
_READ = dict.fromkeys(MOVES - {"Concat", "Where"}, 1)
"""How many of the inputs are numbers that come out again; others are places and sizes."""


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
    source = values.first_input(node)
    dtype = values.fact(source).dtype if source is not None else None
    return dtype is not None and "int" in dtype and dtype not in _SMALL_INTEGERS


def may_be_large(values: Values, node: Node) -> bool:
    """Whether such a Cast makes numbers that float16 may not hold.

    Not where they are known, and not where they are a mask. Sums of products are large.
    """
    made = values.first_output(node)
    known = values.known(made) if made is not None else None
    if known is not None:
        return bool((abs(known) > _EXACT).any())
    source = values.first_input(node)
    return source is not None and not _is_mask(values, source, _DEEPEST)


def _is_mask(values: Values, key: Key, depth: int) -> bool:
    """Whether it was fed to the model, or is a truth value, and was only moved and combined since.

    Constants are looked at by whoever reads them.
    """
    maker = values.value(key).producer
    if values.fact(key).dtype == "bool" or maker is None or values.tensor(key) is not None:
        return True
    if depth == 0 or not is_plain(maker, *_MASKS):
        return False
    inputs = [values.key(key[0], name) for name in maker.input_names[: _READ.get(maker.op_type)]]
    return all(one is None or _is_mask(values, one, depth - 1) for one in inputs)


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
    made = values.first_output(node)
    return made is not None and "int" in (values.fact(made).dtype or "")


def _inputs(values: Values, node: Node) -> set[Key]:
    found = (values.key(node.graph, name) for name in node.input_names)
    return {key for key in found if key is not None}


def _outputs(values: Values, node: Node) -> set[Key]:
    found = (values.key(node.graph, name) for name in node.output_names)
    return {key for key in found if key is not None}
