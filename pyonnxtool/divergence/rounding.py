"""How far apart rounding alone can put two evaluations of one node."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pyonnxtool import _core

if TYPE_CHECKING:
    from pyonnxtool._core import Node, OpInfo

Shape = tuple[int, ...]
ShapeOf = Callable[[str], Shape | None]


@functools.cache
def _table() -> Mapping[tuple[str, str], OpInfo]:
    return {(entry.domain, entry.op_type): entry for entry in _core.op_table()}


def op_info(node: Node) -> OpInfo | None:
    """What the core knows of the node's operator; None for one that it does not know."""
    return _table().get(("" if node.domain == "ai.onnx" else node.domain, node.op_type))


def terms(node: Node, shape_of: ShapeOf, output_shape: Shape) -> float:
    """How many terms one output element of `node` adds up; 1 for elementwise nodes.

    An upper bound where the exact number depends on attributes: the bound on rounding grows with
    its square root only. Unknown operators count as elementwise.
    """
    info = op_info(node)
    kind = info.accumulation if info is not None else "none"
    if kind == "none":
        return 1.0
    inputs = [shape_of(name) if name else None for name in node.input_names]
    first = inputs[0] if inputs else None
    second = inputs[1] if len(inputs) > 1 else None
    if kind in ("conv", "conv_transpose"):
        return float(math.prod(second[1:])) if second else _largest(first)
    if kind == "matmul":
        return float(max(first[-2:])) if first else 1.0
    if kind == "recurrent":
        return float(max(second[-1] if second else 1, 1) * (first[0] if first else 1))
    if kind in ("reduce", "pool", "norm"):
        return max(
            1.0,
            _size(first)
            / max(
                1, output_shape[0] if kind == "norm" and output_shape else math.prod(output_shape)
            ),
        )
    return _largest(first)


def _size(shape: Shape | None) -> float:
    return float(math.prod(shape)) if shape else 1.0


def _largest(shape: Shape | None) -> float:
    return float(max(shape, default=1)) if shape else 1.0
