"""Attention from 25, 24 and 23 down: products, a bias, Softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._attention_bias import bias_of
from pyonnxtool.downgrade.adapters._attention_form import Form, told_by
from pyonnxtool.downgrade.adapters._standardized import as_dtype, widest
from pyonnxtool.downgrade.function_body import expanded
from pyonnxtool.rewriting.decision import KEEP, Edit
from pyonnxtool.rewriting.refusal import Refusal

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_PRECISIONS = {1: "float32", 10: "float16", 11: "float64"}
"""Of `softmax_precision`; bfloat16 is left out, as Softmax is in no less than float32 then."""


@ADAPTERS.add(("Attention", 25))
def without_windows(node: NodeView, tape: Tape) -> Decision:
    """25 -> 24: windows that are bounded become a mask, with the rest written out."""
    sides = ("left_window_size", "right_window_size")
    if any(node.attr_int(side) != -1 for side in sides):
        return _written_out(node, tape)
    return Edit(drop=sides) if any(node.given(side) for side in sides) else KEEP


@ADAPTERS.add(("Attention", 24))
def without_padding(node: NodeView, tape: Tape) -> Decision:
    """24 -> 23: no padded keys, and masks reach to the last key; else it is written out."""
    mask, keys = node.arg(3), node.arg(1)
    if node.arg(6):
        return _written_out(node, tape)
    if not mask:
        return KEEP
    form = told_by(node)
    if isinstance(form, Refusal):
        return form
    last, total = (mask.shape or (None,))[-1], form.total if form else None
    return KEEP if last is not None and last == total and keys else _written_out(node, tape)


@ADAPTERS.add(("Attention", 23))
def attention(node: NodeView, tape: Tape) -> Decision:
    """23 -> 22: MatMul, a bias of mask and causal frontier, Softmax, MatMul."""
    return _written_out(node, tape)


def _written_out(node: NodeView, tape: Tape) -> Decision:
    form = told_by(node)
    if isinstance(form, Refusal):
        return form
    return expanded(node, tape) if form is None else _Attended(form, tape).outputs()


class _Attended:
    """The operator, step by step; heads of queries that share one of keys are one axis."""

    def __init__(self, form: Form, tape: Tape) -> None:
        self._form, self._tape, self._node = form, tape, form.node
        self._shared = form.heads // form.kv_heads

    def outputs(self) -> Decision:
        """In the order of the schema, "" for those that nobody reads."""
        form, tape = self._form, self._tape
        key, transposed = self._keys()
        value = self._joined(self._split(self._node.arg(2), form.kv_heads, form.value_size), 5)
        scores = tape.op("MatMul", self._queries(), transposed)
        weights, shown = self._weights(scores, transposed)
        y = self._product(weights, value)
        wanted = zip((y, key, value, shown), map(self._node.out, range(4)), strict=True)
        return [made if out else "" for made, out in wanted][: len(self._node.outputs)]

    def _split(self, operand: Operand, heads: int, size: int | None) -> str:
        """Batch, heads, places, elements."""
        if operand.rank == 4:
            return operand
        shape = self._tape.ints([0, 0, heads, size or -1])
        return self._tape.op(
            "Transpose", self._tape.op("Reshape", operand, shape), perm=[0, 2, 1, 3]
        )

    def _joined(self, now: str, place: int) -> str:
        past = self._node.arg(place)
        return self._tape.op("Concat", past, now, axis=2) if past else now

    def _keys(self) -> tuple[str, str]:
        """Those that are put out, and as the product takes them."""
        form, tape, given = self._form, self._tape, self._node.arg(1)
        if given.rank == 3 and not self._node.arg(4) and not self._node.out(1):
            shape = tape.ints([0, 0, form.kv_heads, form.head_size or -1])
            wide = as_dtype(given, form.dtype, form.wide, tape)
            key = tape.op("Reshape", wide, shape)
            return key, tape.op("Transpose", key, perm=[0, 2, 3, 1])
        key = self._joined(self._split(given, form.kv_heads, form.head_size), 4)
        wide = as_dtype(key, form.dtype, form.wide, tape)
        return key, tape.op("Transpose", wide, perm=[0, 1, 3, 2])

    def _queries(self) -> str:
        """Scaled, once instead of by the root of the scale on both sides."""
        form, tape = self._form, self._tape
        value = as_dtype(self._node.arg(0), form.dtype, form.wide, tape)
        if form.scale != 1:
            value = tape.op("Mul", value, tape.const(form.scale, form.wide))
        if self._node.arg(0).rank == 3:
            shape = tape.ints([0, 0, form.heads, form.head_size or -1])
            value = tape.op("Transpose", tape.op("Reshape", value, shape), perm=[0, 2, 1, 3])
        return self._shaped(value, form.kv_heads, self._shared)

    def _shaped(self, value: str, heads: int, times: int = 1) -> str:
        """With this many heads, and `times` as many places; nothing to do where none is shared."""
        if self._shared == 1:
            return value
        places = -1 if self._form.queries is None else self._form.queries * times
        return self._tape.op("Reshape", value, self._tape.ints([0, heads, places, 0]))

    def _weights(self, scores: str, keys: str) -> tuple[str, str]:
        """How much each key counts, and what of the scores is put out."""
        form, tape, node = self._form, self._tape, self._node
        shown, mode = node.out(3), node.attr_int("qk_matmul_output_mode")
        bias = bias_of(form, keys, tape)
        apart = bool(bias.added or shown)
        scores = self._shaped(scores, form.heads) if apart else scores
        seen = [scores]
        cap = node.attr_float("softcap")
        if cap > 0:
            limit = tape.const(cap, form.wide)
            scores = tape.op("Mul", tape.op("Tanh", tape.op("Div", scores, limit)), limit)
        seen.append(scores)
        if bias.added:
            scores = tape.op("Add", scores, bias.added)
        seen.append(scores)
        precise = _PRECISIONS.get(node.attr_int("softmax_precision", 0), form.wide)
        weights = tape.op("Softmax", as_dtype(scores, form.wide, precise, tape), axis=-1)
        weights = as_dtype(weights, precise, form.wide, tape)
        weights = bias.zeroed(weights, form.wide, tape)
        seen.append(weights)
        put_out = as_dtype(seen[mode], form.wide, form.dtype, tape) if shown else ""
        return self._shaped(weights, form.kv_heads, self._shared) if apart else weights, put_out

    def _product(self, weights: str, value: str) -> str:
        form, tape = self._form, self._tape
        given = self._node.arg(2).dtype or form.dtype
        common = widest([form.wide, "float32" if given == "bfloat16" else given])
        y = tape.op(
            "MatMul",
            as_dtype(weights, form.wide, common, tape),
            as_dtype(value, given, common, tape),
        )
        y = self._shaped(y, form.heads)
        if self._node.arg(0).rank == 3:
            width = form.heads * form.value_size if form.value_size else -1
            y = tape.op("Transpose", y, perm=[0, 2, 1, 3])
            y = tape.op("Reshape", y, tape.ints([0, 0, width]))
        return as_dtype(y, common, form.dtype, tape)
