"""Whatever a node says, its shape rule answers: with facts, with a contradiction, never a crash."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from pyonnxtool import _core, from_proto
from support.one_node import Constant, Given, Input, node_model

DOMAINS = ("", "ai.onnx.preview", "ai.onnx.preview.training")
SCHEMAS = {
    (schema.domain, schema.name): schema
    for schema in onnx.defs.get_all_schemas()
    if schema.domain in DOMAINS
}
EXTREMES = [0, 1, -1, 2, 3, -7, 2**31 - 1, -(2**31), 2**62, 2**63 - 1, -(2**63)]
TEXTS = ["", "VALID", "SAME_UPPER", "none", "ij,jk->ik", "...i,i...", "->", ",", "i->...", "é"]
SIZES: list[int | str] = [0, 1, 2, 3, 4, 8, 2**40, "h", "w", "h//2", "2*h"]
DTYPES = ["float32", "int64", "float16", "uint8", "bool"]
TRIALS = 60


def _attribute(draw: random.Random) -> Any:
    kind = draw.randrange(6)
    if kind == 0:
        return draw.choice(EXTREMES)
    if kind == 1:
        return [draw.choice(EXTREMES) for _ in range(draw.randrange(1, 6))]
    if kind == 2:
        return draw.choice([0.0, -1.0, 1e38, float("nan"), float("inf")])
    if kind == 3:
        return [draw.choice([0.0, 0.7, -2.0, 1e38, float("nan")]) for _ in range(3)]
    return draw.choice(TEXTS) if kind == 4 else ["a", "b"]


def _likely(draw: random.Random, attribute: Any) -> Any:
    """A value of the type that the schema names, so that the rule goes on reading."""
    kinds = onnx.defs.OpSchema.AttrType
    if attribute.type == kinds.INT:
        return draw.choice([0, 1, 2, 3, *EXTREMES])
    if attribute.type == kinds.INTS:
        return [draw.choice([0, 1, 2, 3, *EXTREMES]) for _ in range(draw.randrange(1, 6))]
    if attribute.type == kinds.STRING:
        return draw.choice(TEXTS)
    return _attribute(draw)


def _input(draw: random.Random) -> Input:
    kind = draw.randrange(8)
    if kind == 0:
        return None
    if kind == 1:
        return Given(None, draw.choice(DTYPES))
    if kind == 2:
        count = draw.randrange(6)
        return Constant(np.array([draw.choice(EXTREMES) for _ in range(count)], np.int64))
    if kind == 3:
        return Constant(np.array(draw.choice(EXTREMES), np.int64))
    if kind == 4:
        return Constant(np.array([draw.choice([0.5, -1.0, np.nan, 3e38])] * 4, np.float32))
    return Given([draw.choice(SIZES) for _ in range(draw.randrange(6))], draw.choice(DTYPES))


@pytest.mark.parametrize("key", sorted(SCHEMAS), ids=lambda key: f"{key[0]}:{key[1]}")
def test_no_node_is_too_strange(key: tuple[str, str]) -> None:
    schema = SCHEMAS[key]
    draw = random.Random(f"{key}")
    for _ in range(TRIALS):
        attributes = {}
        for name, attribute in schema.attributes.items():
            if draw.random() < 0.6:
                chosen = _likely if draw.random() < 0.8 else lambda d, _: _attribute(d)
                attributes[name] = chosen(draw, attribute)
        few = [_input(draw) for _ in range(draw.randrange(8))]
        made = node_model(
            key[1],
            few,
            opset=draw.choice([7, 9, 10, 11, 13, 18, 21, 23, 28]),
            outputs=draw.randrange(1, 5),
            domain=key[0],
            **{name: value for name, value in attributes.items() if _can_be_written(value)},
        )
        facts = _core.infer_shapes(from_proto(made))
        for _, fact in facts:
            sizes = [size for size in fact.dims or [] if isinstance(size, int)]
            assert min(sizes, default=0) >= 0, (fact.dims, onnx.printer.to_text(made))


def _can_be_written(value: Any) -> bool:
    try:
        helper.make_attribute("a", value)
    except (TypeError, ValueError):
        return False
    return True
