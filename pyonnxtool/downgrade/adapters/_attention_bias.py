"""Which keys a query attends to: what is added to the scores, and who is left without any key."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.downgrade.adapters._attention_form import Form, place_axis, same_size
from pyonnxtool.downgrade.adapters._standardized import as_dtype
from pyonnxtool.feeds.dtypes import numpy_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_SMALL = 1 << 16
"""Elements of a mask that is written out; larger ones are computed from two vectors."""


@dataclass
class Bias:
    """`added` goes to the scores, "" for nothing; who may be seen, or may not, goes to `zeroed`."""

    added: str = ""
    allowed: str = ""
    """Bools: what else is not seen by a query that sees nothing at all."""
    is_sum: bool = False
    """Instead of `allowed`: -inf in `added` is not seen."""

    def zeroed(self, weights: str, dtype: str, tape: Tape) -> str:
        """Weights of queries that see no key at all are 0, where Softmax has NaN."""
        none = tape.const(0, dtype)
        if self.allowed:
            return tape.op("Where", self.allowed, weights, none)
        if self.is_sum:
            lowest = tape.const(_lowest(dtype))
            return tape.op("Where", tape.op("Less", self.added, lowest), none, weights)
        return weights


@dataclass
class _Seen:
    """What keeps keys from being seen; all of it holds."""

    known: list[NDArray[Any]] = field(default_factory=list)
    """Constant bools."""
    computed: list[str] = field(default_factory=list)
    always_some: bool = True
    """No query is left without a key by these."""


def bias_of(form: Form, keys: str, tape: Tape) -> Bias:
    """Of mask, causal frontier, windows, and padding; `keys` has them as its last axis."""
    seen = _Seen()
    _see_positions(form, keys, seen, tape)
    mask = form.node.arg(3)
    summed: str | NDArray[Any] = ""
    if mask:
        summed = _see_mask(form, mask, keys, seen, tape)
    known = None
    if seen.known:
        known = seen.known[0] if len(seen.known) == 1 else seen.known[0] & seen.known[1]
    if not seen.computed and not isinstance(summed, str):
        return _constant(form, known, summed, tape)
    if isinstance(summed, str) and not summed and not seen.computed:
        return Bias() if known is None else _constant(form, known, None, tape)
    if not isinstance(summed, str):
        summed = _written(form, summed, tape)
    return _computed(form, known, seen, summed, tape)


def _constant(
    form: Form, known: NDArray[Any] | None, summed: NDArray[Any] | None, tape: Tape
) -> Bias:
    dtype = numpy_dtype(form.wide)
    low = dtype.type(-np.inf)
    total = np.zeros((), dtype) if summed is None else summed
    if known is not None:
        total = total + np.where(known, dtype.type(0), low)
    added = _written(form, total, tape) if known is None else tape.const(total)
    if (total == low).all(axis=-1).any():
        return Bias(added, allowed=tape.const(total != low))
    return Bias(added)


def _written(form: Form, summed: NDArray[Any], tape: Tape) -> str:
    """A mask that is summed: the operand itself, unless it was padded or has another dtype."""
    mask = form.node.arg(3)
    is_own = mask.dtype == form.wide and mask.static_shape == summed.shape
    return str(mask) if is_own else tape.const(summed)


def _computed(form: Form, known: NDArray[Any] | None, seen: _Seen, summed: str, tape: Tape) -> Bias:
    allowed = [*([] if known is None else [tape.const(known)]), *seen.computed]
    if not allowed:
        return Bias(summed, is_sum=True)
    both = allowed[0]
    for other in allowed[1:]:
        both = tape.op("And", both, other)
    if seen.computed:
        zero, low = tape.const(0, form.wide), tape.const(-np.inf, form.wide)
        bias = tape.op("Where", both, zero, low)
    else:
        bias = _constant(form, known, None, tape).added
    if summed:
        return Bias(tape.op("Add", summed, bias), is_sum=True)
    return Bias(bias, allowed="" if seen.always_some else both)


def _see_mask(form: Form, mask: Operand, keys: str, seen: _Seen, tape: Tape) -> str | NDArray[Any]:
    """A mask of bools is noted; of one that is summed, its name, or its constant elements."""
    known = mask.const
    if known is not None:
        missing = _missing(form, mask)
        if missing is not None:
            return _see_constant(form, known, missing, seen)
    seen.always_some = False
    if mask.dtype == "bool" and not _may_be_short(form, mask):
        seen.computed.append(mask)
        return ""
    if mask.dtype == "bool":
        zero, low = tape.const(0, form.wide), tape.const(-np.inf, form.wide)
        value = tape.op("Where", mask, zero, low)
    else:
        value = as_dtype(mask, mask.dtype, form.wide, tape)
    return _padded(form, mask, value, keys, tape)


def _see_constant(form: Form, known: NDArray[Any], missing: int, seen: _Seen) -> str | NDArray[Any]:
    dtype = numpy_dtype(form.wide)
    pads = [(0, 0)] * (known.ndim - 1) + [(0, missing)] if known.ndim else []
    if known.dtype != np.bool_:
        return np.pad(known.astype(dtype), pads, constant_values=-np.inf)
    known = np.pad(known, pads, constant_values=False)
    seen.known.append(known)
    seen.always_some &= bool(known.any(axis=-1).all()) and not seen.computed
    return ""


def _missing(form: Form, mask: Operand) -> int | None:
    """How many keys a mask lacks at its end, which are not seen; None: that is not known."""
    if form.node.opset < 24:
        return 0
    shape = mask.shape
    if not shape:
        return 0 if shape is not None else None
    if shape[-1] is not None and form.total is not None:
        return max(0, form.total - shape[-1])
    return None


def _may_be_short(form: Form, mask: Operand) -> bool:
    if form.node.opset < 24 or _missing(form, mask) == 0:
        return False
    dims, keys, present = (mask.dims, form.node.arg(1).dims, form.node.out(1).dims)
    if not dims:
        return True
    if form.past == 0 and keys and same_size(dims[-1], keys[place_axis(keys)]):
        return False
    return not (present and same_size(dims[-1], present[2]))


def _padded(form: Form, mask: Operand, value: str, keys: str, tape: Tape) -> str:
    """The bias with -inf for keys that it lacks at its end."""
    if not _may_be_short(form, mask) or mask.rank is None:
        return value
    low, missing = tape.const(-np.inf, form.wide), _missing(form, mask)
    zeros = [0] * (2 * mask.rank - 1)
    if missing is not None:
        return tape.op("Pad", value, tape.ints([*zeros, missing]), low)
    size = tape.op("Gather", tape.op("Shape", value), tape.ints([mask.rank - 1]), axis=0)
    total = tape.op("Gather", tape.op("Shape", keys), tape.ints([3]), axis=0)
    pads = tape.op("Concat", tape.ints(zeros), tape.op("Sub", total, size), axis=0)
    return tape.op("Pad", value, pads, low)


def _see_positions(form: Form, keys: str, seen: _Seen, tape: Tape) -> None:
    """Causal frontier, windows, and keys that are padding.

    A query at place `i` is at `i + offset` among the keys: after those of the past, or so that the
    last query is at the last key that is no padding.
    """
    left, right = form.window("left"), form.window("right")
    right = 0 if form.causal else right
    nonpad = form.node.arg(6)
    if left is None and right is None and not nonpad:
        return
    written = not nonpad and _written_out(form)
    columns = "" if written else _columns(form, keys, tape)
    line, first = "", 0
    for bound, by in (("right", right), ("left", None if left is None else -left - 2)):
        if by is None:
            continue
        if written:
            rows, places = _rows(form, by + 1), np.arange(form.total or 0)
            seen.known.append(places < rows if bound == "right" else rows < places)
            continue
        if line:
            line = _plus(line, by - first, tape)
        else:
            line, first = _row_names(form, by + 1, tape), by
        pair = (columns, line) if bound == "right" else (line, columns)
        seen.computed.append(tape.op("Less", *pair))
    if nonpad and right != 0:
        ends = tape.op("Unsqueeze", nonpad, tape.ints([1, 2, 3]))
        seen.computed.append(tape.op("Less", columns, ends))
    if len(seen.known) == 2:
        seen.known = [seen.known[0] & seen.known[1]]
    seen.always_some = not nonpad and (left is None or _in_reach(form, left))


def _in_reach(form: Form, left: int) -> bool:
    """Whether the last query still sees the last key to its left."""
    if form.queries is not None and form.keys is not None:
        return form.queries - left <= form.keys
    q, k = form.node.arg(0).dims, form.node.arg(1).dims
    return q is not None and k is not None and same_size(q[place_axis(q)], k[place_axis(k)])


def _written_out(form: Form) -> bool:
    if form.queries is None or form.total is None:
        return False
    return math.prod((form.queries, form.total)) <= _SMALL


def _rows(form: Form, by: int) -> NDArray[np.int64]:
    """Places of the queries among the keys, and `by` further on, as a column."""
    start = (form.past or 0) + by
    if form.node.arg(6):
        start = by - (form.queries or 0)
    return np.arange(start, start + (form.queries or 0), dtype=np.int64)[:, None]


def _row_names(form: Form, by: int, tape: Tape) -> str:
    nonpad = form.node.arg(6)
    if form.queries is not None and (nonpad or form.past is not None):
        rows = tape.const(_rows(form, by))
    else:
        rows = tape.op("Unsqueeze", _places(form, by, tape), tape.ints([1]))
    if not nonpad:
        return rows
    return tape.op("Add", tape.op("Unsqueeze", nonpad, tape.ints([1, 2, 3])), rows)


def _places(form: Form, by: int, tape: Tape) -> str:
    """Of the queries, and `by` further on, where how many there are is not known."""
    count, one = _count(form.queries, form.node.arg(0), tape), tape.const(1, "int64")
    if form.node.arg(6):
        start, end = tape.op("Sub", tape.const(by, "int64"), count), tape.const(by, "int64")
    elif form.past is not None:
        start = tape.const(form.past + by, "int64")
        end = _plus(count, form.past + by, tape)
    else:
        start = _plus(_count(None, form.node.arg(4), tape), by, tape)
        end = tape.op("Add", start, count)
    return tape.op("Range", start, end, one)


def _columns(form: Form, keys: str, tape: Tape) -> str:
    if form.total is not None:
        return tape.const(np.arange(form.total, dtype=np.int64))
    total = _scalar(keys, 3, tape)
    return tape.op("Range", tape.const(0, "int64"), total, tape.const(1, "int64"))


def _count(known: int | None, operand: Operand, tape: Tape) -> str:
    """Queries, or keys of the past, as a scalar."""
    if known is not None:
        return tape.const(known, "int64")
    return _scalar(operand, place_axis(operand.dims or []), tape)


def _scalar(value: str, axis: int, tape: Tape) -> str:
    return tape.op("Gather", tape.op("Shape", value), tape.const(axis, "int64"), axis=0)


def _plus(value: str, by: int, tape: Tape) -> str:
    return tape.op("Add", value, tape.const(by, "int64"))


def _lowest(dtype: str) -> NDArray[Any]:
    return np.array(np.finfo(numpy_dtype(dtype)).min)
