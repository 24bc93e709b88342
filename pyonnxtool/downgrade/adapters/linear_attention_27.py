"""LinearAttention from 27 to 26: one step, or a Scan over all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._standardized import as_dtype, known_float
from pyonnxtool.downgrade.function_body import expanded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_RULES = {"linear": (), "gated": ("decay",), "delta": ("beta",), "gated_delta": ("decay", "beta")}
"""What each rule reads besides query, key and value."""
_OPERANDS = ("query", "key", "value", "decay", "beta")


@dataclass(frozen=True)
class _Form:
    """Sizes of a node; queries of a group share heads of keys."""

    heads: int
    shared: int
    key: int
    value: int
    decay: int
    """One for each element of a key, or one for all of it."""
    beta: int
    """One for each head, or one for all."""
    steps: int | None

    def of_step(self, name: str) -> list[int]:
        """Shape of an operand in one step, behind the batch."""
        return {
            "query": [self.heads, self.shared, self.key],
            "key": [self.heads, 1, self.key],
            "value": [self.heads, 1, self.value],
            "decay": [self.heads, self.decay, 1],
            "beta": [self.beta, 1, 1],
        }[name]


@ADAPTERS.add(("LinearAttention", 27))
def linear_attention(node: NodeView, tape: Tape) -> Decision:
    """27 -> 26: the recurrence as a Scan, without one where there is one step; in float32."""
    rule = node.attr_str("update_rule")
    if (refusal := _refusal(node, rule)) is not None:
        return refusal
    form = _form(node)
    if form is None:
        return expanded(node, tape)
    if not form.key or not form.value:
        return node.refuse("its heads have no elements")
    read = ["query", "key", "value", *_RULES[rule]]
    values = [_prepared(node, name, form, tape) for name in read]
    state = _first_state(node, form, tape)
    if form.steps == 1:
        state, y = _step(dict(zip(read, values, strict=True)), state, tape)
    else:
        state, y = _scanned(read, values, state or _zeros(node, form, tape), tape)
    width = form.heads * form.shared * form.value
    shape = [0, 1, width] if form.steps == 1 else [0, 0, width]
    query = node["query"].dtype or ""
    made = [as_dtype(tape.op("Reshape", y, tape.ints(shape)), "float32", query, tape)]
    if node.out(1):
        made.append(as_dtype(state, "float32", node["past_state"].dtype or query, tape))
    return made


def _refusal(node: NodeView, rule: str) -> Refusal | None:
    if rule not in _RULES:
        return node.refuse(f"update_rule={rule} is none that it has")
    for name in ("query", "key", "value", *_RULES[rule]):
        if not node[name]:
            return node.refuse(f"{name} is missing, which update_rule={rule} reads")
        if (refusal := known_float(node, node[name])) is not None:
            return refusal
    queries, keys = node.attr_int("q_num_heads"), node.attr_int("kv_num_heads")
    if keys < 1 or queries < 1 or queries % keys:
        return node.refuse(f"{queries} heads of queries do not share {keys} of keys")
    return None


def _form(node: NodeView) -> _Form | None:
    """None: a size is not known before the model runs."""
    queries, heads = node.attr_int("q_num_heads"), node.attr_int("kv_num_heads")
    widths = {name: (node[name].shape or (None,))[-1] for name in _OPERANDS if node[name]}
    key, value = widths["key"], widths["value"]
    if None in widths.values() or key is None or value is None:
        return None
    shape = node["query"].shape
    return _Form(
        heads,
        queries // heads,
        key // heads,
        value // heads,
        (widths.get("decay") or heads) // heads,
        widths.get("beta") or 1,
        shape[1] if shape is not None and len(shape) == 3 else None,
    )


def _prepared(node: NodeView, name: str, form: _Form, tape: Tape) -> str:
    """An operand in float32, with axes for the heads; queries are scaled, decays are factors."""
    operand = node[name]
    value = as_dtype(operand, operand.dtype, "float32", tape)
    if name == "query":
        scale = node.attr_float("scale") or form.key**-0.5
        value = tape.op("Mul", value, tape.const(np.float32(scale)))
    if name == "decay":
        value = tape.op("Exp", value)
    steps = [] if form.steps == 1 else [0]
    return tape.op("Reshape", value, tape.ints([0, *steps, *form.of_step(name)]))


def _first_state(node: NodeView, form: _Form, tape: Tape) -> str:
    """That of the past, "" where there is none."""
    past: Operand = node["past_state"]
    return as_dtype(past, past.dtype, "float32", tape) if past else ""


def _zeros(node: NodeView, form: _Form, tape: Tape) -> str:
    sizes = [form.heads, form.key, form.value]
    batch = (node["query"].shape or (None,))[0]
    if batch is not None:
        return tape.const(np.zeros([batch, *sizes], np.float32))
    batch_size = tape.op("Gather", tape.op("Shape", node["query"]), tape.ints([0]), axis=0)
    shape = tape.op("Concat", batch_size, tape.ints(sizes), axis=0)
    return tape.op("ConstantOfShape", shape, value=np.zeros(1, np.float32))


def _step(read: dict[str, str], state: str, tape: Tape) -> tuple[str, str]:
    """The state behind a step, and what is read from it; no state is one of zeros."""
    if "decay" in read and state:
        state = tape.op("Mul", state, read["decay"])
    value = read["value"]
    if "beta" in read:
        if state:
            value = tape.op("Sub", value, tape.op("MatMul", read["key"], state))
        value = tape.op("Mul", value, read["beta"])
    column = tape.op("Transpose", read["key"], perm=[0, 1, 3, 2])
    written = tape.op("Mul", column, value)
    state = tape.op("Add", state, written) if state else written
    return state, tape.op("MatMul", read["query"], state)


def _scanned(read: Sequence[str], values: Sequence[str], state: str, tape: Tape) -> tuple[str, str]:
    """All steps, along the second axis of the operands."""

    def build(inner: Tape, names: tuple[str, ...]) -> Sequence[tuple[str, str, int | None]]:
        made = _step(dict(zip(read, names[1:], strict=True)), names[0], inner)
        return [(one, "float32", 4) for one in made]

    body = tape.body([(name, "float32", 4) for name in ("state", *read)], build)
    axes = [1] * len(read)
    made = tape.many(
        "Scan",
        state,
        *values,
        outputs=2,
        body=body,
        num_scan_inputs=len(read),
        scan_input_axes=axes,
        scan_output_axes=[1],
    )
    return made[0], made[1]
