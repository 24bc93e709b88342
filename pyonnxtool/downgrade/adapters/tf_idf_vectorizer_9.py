"""TfIdfVectorizer from 9 to 8: every window of the sequence compared with every n-gram."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("TfIdfVectorizer", 9))
def tf_idf_vectorizer(node: NodeView, tape: Tape) -> Decision:
    """9 -> 8: comparisons with the n-grams, summed over the sequence."""
    data, shape = node["X"], node["X"].shape
    if data.dtype not in ("int32", "int64"):
        return node.refuse("strings cannot be compared in opset 8")
    if shape is None or len(shape) not in (1, 2) or shape[-1] is None:
        return node.refuse_dynamic("the length of its sequences")
    columns = node.attr_ints("ngram_indexes") or []
    weights, mode = node.attr("weights"), node.attr_str("mode")
    weighted = mode != "TF" and weights is not None
    pool = _grams(node)
    if why := _unfit(columns, pool, weights if weighted else None):
        return node.refuse(why)
    found: list[str] = []
    slots = np.full(max(columns) + 1, -1, np.int64)
    numbered, taken = 0, 0
    for grams in pool:
        counts = _counted(node, tape, grams, shape[-1])
        if counts is not None:
            slots[columns[numbered : numbered + len(grams)]] = taken + np.arange(len(grams))
            found.append(counts)
            taken += len(grams)
        numbered += len(grams)
    if not found:
        return node.refuse("none of its n-grams is looked for, or fits into the sequence")
    value = found[0] if len(found) == 1 else tape.op("Concat", *found, axis=len(shape) - 1)
    if (slots < 0).any():  # columns that nothing is counted in
        value = tape.op("Pad", value, pads=[0] * (2 * len(shape) - 1) + [1])
        slots[slots < 0] = taken
    if not np.array_equal(slots, np.arange(taken)):
        value = tape.op("Gather", value, tape.ints(slots), axis=len(shape) - 1)
    if mode == "IDF":
        value = tape.cast(tape.cast(value, "bool"), "float32")
    return tape.op("Mul", value, tape.const(weights, "float32")) if weighted else value


def _unfit(columns: list[int], pool: list[NDArray[np.int64]], weights: list[float] | None) -> str:
    if len(set(columns)) != len(columns) or min(columns, default=-1) < 0:
        return "`ngram_indexes` are not different columns"
    if sum(map(len, pool)) != len(columns) or len(weights or columns) != len(columns):
        return "`ngram_counts`, `ngram_indexes` and `pool_int64s` do not fit together"
    if weights is not None and columns != list(range(len(columns))):
        return "runtimes differ in which column a weight is of; `ngram_indexes` turn"
    return ""


def _grams(node: NodeView) -> list[NDArray[np.int64]]:
    """The pool: those of one element, those of two, ..."""
    pool = np.array(node.attr_ints("pool_int64s") or [], np.int64)
    starts = node.attr_ints("ngram_counts") or []
    parts = [pool[start:end] for start, end in zip(starts, [*starts[1:], len(pool)], strict=True)]
    return [part[: len(part) // n * n].reshape(-1, n) for n, part in enumerate(parts, 1)]


def _counted(node: NodeView, tape: Tape, grams: NDArray[np.int64], length: int) -> str | None:
    """How often each n-gram occurs; None where none is looked for, or fits."""
    count, dtype, rank = grams.shape[1], node["X"].dtype, node["X"].rank or 1
    least, most = node.attr_int("min_gram_length"), node.attr_int("max_gram_length")
    if not least <= count <= most or not len(grams):
        return None
    total: str | None = None
    for step in range(1, 2 if count == 1 else node.attr_int("max_skip_count") + 2):
        width = length - (count - 1) * step
        if width < 1:
            break
        met: str | None = None
        for at in range(count):
            start = at * step
            window = tape.op(
                "Slice", node["X"], axes=[rank - 1], starts=[start], ends=[start + width]
            )
            window = tape.op("Unsqueeze", window, axes=[rank])
            same = tape.op("Equal", window, tape.const(grams[:, at], dtype))
            met = same if met is None else tape.op("And", met, same)
        ones = tape.cast(str(met), "float32")
        occurs = tape.op("ReduceSum", ones, axes=[rank - 1], keepdims=0)
        total = occurs if total is None else tape.op("Add", total, occurs)
    return total
