"""Stage one of normalizations: what is left of a tensor without its mean and its deviation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.rewriting.tape import elem_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_FLOATS = ("float16", "bfloat16", "float32", "float64")
_STASHED = {elem_type(dtype): dtype for dtype in _FLOATS}


def stashed(node: NodeView) -> str | None:
    """The dtype that `stash_type` names; None: it names none that floats have."""
    return _STASHED.get(node.attr_int("stash_type"))


def computed_in(dtype: str) -> str:
    """The dtype in which statistics of a float tensor are computed.

    At least as precise as any `stash_type` asks for: float32, and float64 where that was given, as
    runtimes do although it is cast to float32 by the letter.
    """
    return "float64" if dtype == "float64" else "float32"


def widest(dtypes: Sequence[str]) -> str:
    """The smallest float dtype that has every value of these."""
    if len(set(dtypes)) == 1:
        return dtypes[0]
    return "float64" if "float64" in dtypes else "float32"


def known_float(node: NodeView, operand: Operand) -> Refusal | None:
    """Why the operand cannot be computed with; None when its dtype is that of a float."""
    if operand.dtype is None:
        return node.refuse(f"the element type of {str(operand)!r} is not known")
    if operand.dtype not in _FLOATS:
        return node.refuse(f"{str(operand)!r} has elements of {operand.dtype}")
    return None


def as_dtype(value: Operand | str, given: str | None, wanted: str, tape: Tape) -> str:
    """The value, cast unless it is of this dtype; constants are converted at once."""
    if given == wanted:
        return value
    known = getattr(value, "const", None)
    if known is not None:
        return tape.const(known.astype(numpy_dtype(wanted)))
    return tape.cast(value, wanted)


def last_axes(node: NodeView, operand: Operand) -> list[int] | None:
    """Axes from `axis` on, counted from the back; none where it is outside of the rank.

    None: that takes a rank that is not known.
    """
    axis, rank = node.attr_int("axis"), operand.rank
    if rank is None:
        return list(range(axis, 0)) if axis < 0 else None
    first = axis if axis < 0 else axis - rank
    return list(range(first, 0)) if -rank <= first < 0 else []


def flat_from(node: NodeView, value: str, axes: Sequence[int] | None, tape: Tape) -> str:
    """The value; where the axes are not known, as the rank is not, all from `axis` on as one."""
    return value if axes else tape.op("Flatten", value, axis=node.attr_int("axis"))


def mean_of(value: str, axes: Sequence[int], tape: Tape) -> str:
    """ReduceMean that keeps the axes, as the tape's opset has it."""
    if tape.opset >= 18:
        return tape.op("ReduceMean", value, tape.ints(axes))
    return tape.op("ReduceMean", value, axes=list(axes))


def centered(value: str, axes: Sequence[int], dtype: str, tape: Tape) -> tuple[str, str, str]:
    """The mean, the value less its mean, and its variance; Pow is what fusions look for."""
    mean = mean_of(value, axes, tape)
    deviation = tape.op("Sub", value, mean)
    square = tape.op("Pow", deviation, tape.const(2, dtype))
    return mean, deviation, mean_of(square, axes, tape)


def root(value: str, epsilon: float, dtype: str, tape: Tape) -> str:
    """Sqrt of the value and epsilon, which is a float32 whatever it is added to."""
    small = tape.const(numpy_dtype("float32").type(epsilon), dtype)
    return tape.op("Sqrt", tape.op("Add", value, small))
