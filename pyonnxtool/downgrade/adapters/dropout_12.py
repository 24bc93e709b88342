"""Dropout from 12 to 11: what drops nothing is its input, training draws numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._shapes import filled_like
from pyonnxtool.rewriting.tape import elem_type

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Dropout", 12))
def _passed_on(node: NodeView, tape: Tape) -> Decision:
    """12 -> 11: what drops nothing is its input, training draws numbers."""
    data = node["data"]
    training = np.array(False) if not node["training_mode"] else node.const("training_mode")
    ratio = np.array(0.5) if not node["ratio"] else node.const("ratio")
    if (training is not None and not training.any()) or (ratio is not None and not ratio.any()):
        mask = filled_like(tape, data, np.array([True])) if node.out(1) else ""
        return [data, mask]
    if data.dtype is None:
        return node.refuse("the element type of `data` is not known")
    return _drawn(node, data.dtype, training is not None, tape)


def _drawn(node: NodeView, dtype: str, training: bool, tape: Tape) -> list[str]:
    """Elements are kept where a number of [0, 1) is not below the ratio."""
    data, seed = node["data"], node.attr("seed")
    drawn = tape.op(
        "RandomUniformLike",
        data,
        dtype=elem_type("float32"),
        seed=None if seed is None else float(seed),
    )
    ratio = tape.cast(node["ratio"], "float32") if node["ratio"] else tape.const(0.5, "float32")
    kept = tape.op("Not", tape.op("Less", drawn, ratio))
    rest = tape.cast(tape.op("Sub", tape.const(1.0, "float32"), ratio), dtype)
    scaled = tape.op("Div", data, rest)
    made = tape.op("Where", kept, scaled, tape.const(0.0, dtype))
    if not training:
        chosen = node["training_mode"]
        kept = tape.op("Or", kept, tape.op("Not", chosen))
        made = tape.op("Where", chosen, made, data)
    return [made, kept]
