"""MelWeightMatrix from 17 to 16: it is new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.tape import elem_type

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("MelWeightMatrix", 17))
def mel_weight_matrix(node: NodeView, tape: Tape) -> Decision:
    """17 -> 16: becomes a constant."""
    known: list[NDArray[Any] | None] = [one.const for one in node.inputs]
    given = [one.reshape(-1)[0].item() for one in known if one is not None and one.size == 1]
    if len(given) != len(known) or len(given) != len(node.schema.inputs):
        return node.refuse_dynamic("what it is made of")
    bins, length, rate, lowest, highest = given
    if bins < 1 or length < 1 or rate < 1 or not 0 <= lowest < highest <= rate / 2:
        return node.refuse("its bounds are none of frequencies that there are")
    table = _table(bins, length, rate, lowest, highest)
    dtype = node.attr_int("output_datatype")
    made = tape.const(table, "float32")
    return made if dtype == elem_type("float32") else tape.op("Cast", made, to=dtype)


def _table(bins: int, length: int, rate: int, lowest: float, highest: float) -> NDArray[np.float64]:
    """A triangle for each band, from the middle of the one before to that of the next one."""
    bounds = [2595 * np.log10(1 + hertz / 700) for hertz in (lowest, highest)]
    step = (bounds[1] - bounds[0]) / (bins + 2)
    hertz = 700 * (10 ** ((bounds[0] + step * np.arange(bins + 2)) / 2595) - 1)
    places = ((length + 1) * hertz // rate).astype(int)
    table = np.zeros((length // 2 + 1, bins))
    for band in range(bins):
        low, middle, high = places[band : band + 3].tolist()
        rising = np.arange(low, middle + 1)
        table[rising, band] = (rising - low) / (middle - low) if middle > low else 1.0
        falling = np.arange(middle, high)
        table[falling, band] = (high - falling) / (high - middle) if high > middle else 0.0
    return table
