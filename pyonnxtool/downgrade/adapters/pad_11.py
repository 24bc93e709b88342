"""Pad from 13 to 10: strings are put together in blocks, `pads` and the value are attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._pad_forms import padded
from pyonnxtool.rewriting.decision import KEEP, Edit
from pyonnxtool.rewriting.open_sizes import Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.open_sizes import Size
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_WITHOUT_CAST = ("string", "complex64", "complex128")
"""Dtypes that no dtype of Pad below holds."""
_FLOATS = ("float16", "float32", "float64")
_EXACT_IN_DOUBLE = ("int8", "int16", "int32", "uint8", "uint16", "uint32")


@ADAPTERS.add(("Pad", 13))
def any_type(node: NodeView, tape: Tape) -> Decision:
    """13 -> 12: strings and complex numbers are padded without Pad."""
    by_hand = node["data"].dtype in _WITHOUT_CAST or node.attr_str("mode") == "wrap"
    return _without_pad(node, tape) if by_hand else KEEP


@ADAPTERS.add(("Pad", 11))
def to_attributes(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: `pads` and `constant_value` go back to attributes; else blocks or Gathers."""
    data, pads, mode = node["data"], node.const_ints("pads"), node.attr_str("mode")
    if mode not in ("constant", "reflect", "edge", "wrap"):
        return node.refuse(f"there is no mode {mode!r}")
    value = _as_float32(node) if mode == "constant" else 0.0
    if pads is None or value is None or data.dtype not in _FLOATS + _EXACT_IN_DOUBLE:
        return _without_pad(node, tape)
    if mode == "wrap" or (mode == "reflect" and _turns_twice(data, pads)):
        return _without_pad(node, tape)
    if data.rank is not None and len(pads) != 2 * data.rank:
        return node.refuse(f"`pads` are {len(pads)} numbers for an input of rank {data.rank}")
    is_default = value == 0 and not np.signbit(value)
    attributes: dict[str, Any] = {"pads": pads} if is_default else {"pads": pads, "value": value}
    if data.dtype in _FLOATS:
        return Edit(attributes=attributes, inputs=[data])
    double = tape.op("Pad", tape.cast(data, "float64"), mode=mode, **attributes)
    return tape.cast(double, data.dtype)


def _turns_twice(data: Operand, pads: list[int]) -> bool:
    """Whether there is more to put in than the axis has to mirror: runtimes differ in that."""
    shape = data.shape or ()
    pairs = zip(shape, pads[: len(shape)], pads[len(shape) :], strict=False)
    return any(size is not None and max(pair) > max(size - 1, 0) for size, *pair in pairs)


def _as_float32(node: NodeView) -> float | None:
    """The element that is put in, when a float attribute holds it."""
    if not node["constant_value"]:
        return 0.0
    known = node.const("constant_value")
    if known is None or known.size != 1:
        return None
    with np.errstate(over="ignore"):
        single = known.reshape(-1).astype(np.float32)
    same = np.array_equal(single, known.reshape(-1), equal_nan=known.dtype.kind == "f")
    return float(single[0]) if same else None


def _without_pad(node: NodeView, tape: Tape) -> Decision:
    data, mode, dtype = node["data"], node.attr_str("mode"), node["data"].dtype
    rank, pads = data.rank, node.const_ints("pads")
    if rank is None or dtype is None:
        return node.refuse_dynamic("the rank of its data")
    if pads is None:
        parts: list[Size] = [Sizes(tape).part(node["pads"], at, at + 1) for at in range(2 * rank)]
    elif len(pads) == 2 * rank:
        parts = [*pads]
    else:
        return node.refuse(f"`pads` are {len(pads)} numbers for an input of rank {rank}")
    fill = node["constant_value"] or tape.const("" if dtype == "string" else 0, dtype)
    return padded(tape, data, list(zip(parts[:rank], parts[rank:], strict=True)), mode, fill)
