"""What an Attention node is told by its attributes and by the shapes of its operands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters._standardized import computed_in, known_float

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Dim, Operand
    from pyonnxtool.rewriting.refusal import Refusal


@dataclass(frozen=True)
class Form:
    """A node whose heads are known; sizes that are not are None."""

    node: NodeView
    heads: int
    kv_heads: int
    head_size: int | None
    value_size: int | None
    queries: int | None
    keys: int | None
    past: int | None
    """0 where there is no past."""
    scale: float
    dtype: str
    """Of Q and K, and of what comes out."""
    wide: str
    """In which it is computed: float32 for bfloat16, which runtimes have few kernels for."""

    @property
    def total(self) -> int | None:
        """Keys of now and of the past."""
        return None if self.keys is None or self.past is None else self.keys + self.past

    @property
    def causal(self) -> bool:
        """Whether queries see no key that comes after them."""
        return bool(self.node.attr_int("is_causal"))

    def window(self, side: str) -> int | None:
        """How many keys are seen on the "left" or the "right" of a query; None: all."""
        name = f"{side}_window_size"
        size = self.node.attr_int(name, -1) if self.node.given(name) else -1
        return None if size < 0 else size


def told_by(node: NodeView) -> Form | Refusal | None:
    """None: heads or their size are not known before the model runs."""
    if (refusal := _refusal(node)) is not None:
        return refusal
    q, k, v, past = (node.arg(place) for place in (0, 1, 2, 4))
    if q.rank is None or k.rank is None or v.rank is None:
        return None
    heads = _heads(node, q, "q_num_heads")
    kv_heads = _heads(node, k, "kv_num_heads") or _heads(node, v, "kv_num_heads")
    size = _head_size(q, heads) or _head_size(k, kv_heads) or _size(past, 3)
    scale = node.attr_float("scale") if node.given("scale") else size and abs(size) ** -0.5
    if not heads or not kv_heads or scale is None:
        return None
    if heads % kv_heads or scale < 0:
        return node.refuse(f"{heads} heads of queries, {kv_heads} of keys, scaled by {scale}")
    dtype = q.dtype or ""
    return Form(
        node,
        heads,
        kv_heads,
        size,
        _head_size(v, kv_heads),
        _size(q, place_axis(q.dims or [])),
        _size(k, place_axis(k.dims or [])),
        _size(past, 2) if past else 0,
        scale,
        dtype,
        computed_in(dtype) if dtype == "bfloat16" else dtype,
    )


def _refusal(node: NodeView) -> Refusal | None:
    q, k, v = (node.arg(place) for place in (0, 1, 2))
    for operand in (q, k, v):
        if (refusal := known_float(node, operand)) is not None:
            return refusal
        if operand.rank not in (None, 3, 4) or operand.rank != q.rank:
            return node.refuse(f"{str(operand)!r} has rank {operand.rank}")
    sides = [node.attr_int(name, -1) for name in ("left_window_size", "right_window_size")]
    mode = node.attr_int("qk_matmul_output_mode")
    pasts = [bool(node.arg(place)) for place in (4, 5)]
    wrong = {
        "past_key and past_value are used together or not at all": pasts[0] != pasts[1],
        "nonpad_kv_seqlen and past_key exclude each other": pasts[0] and node.arg(6),
        "qk_matmul_output_mode is none of 0 to 3": mode not in range(4),
        "a window is smaller than -1, which is no bound": min(sides) < -1,
    }
    found = next((why for why, is_so in wrong.items() if is_so), None)
    return None if found is None else node.refuse(found)


def _heads(node: NodeView, operand: Operand, name: str) -> int | None:
    return _size(operand, 1) if operand.rank == 4 else node.attr_int(name, 0)


def _head_size(operand: Operand, heads: int | None) -> int | None:
    last = _size(operand, -1)
    if last is None or operand.rank == 4:
        return last
    return last // heads if heads else None


def _size(operand: Operand, axis: int) -> int | None:
    shape = operand.shape
    return None if shape is None or not -len(shape) <= axis < len(shape) else shape[axis]


def place_axis(dims: Sequence[Dim]) -> int:
    """The axis of queries or keys: the last but one of four, the second of three."""
    return len(dims) - 2


def same_size(one: Dim, other: Dim) -> bool:
    """Whether two sizes are certainly the same: numbers, or expressions of the same text."""
    return one is not None and one == other
