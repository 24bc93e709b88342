"""Operators of torch.library that no exporter can translate, and symbolics of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import pyonnxtool as pot

_LIBRARY = torch.library.Library("pot_test", "DEF")
_LIBRARY.define(
    "every(Tensor x, Tensor? bias, Tensor[] more, float by, int n=2, bool flag=True, "
    "str mode='a', int[]? sizes=None, float[] weights=[1.0, 2.0], ScalarType? kind=None) "
    "-> (Tensor, Tensor)"
)
_LIBRARY.define("no_fake(Tensor x) -> Tensor")
_LIBRARY.define("add_one_(Tensor(a!) x) -> ()")
_LIBRARY.define("pieces(Tensor x) -> Tensor[]")


def _every(
    x: Any,
    bias: Any,
    more: Any,
    by: float,
    n: int = 2,
    flag: bool = True,
    mode: str = "a",
    sizes: Any = None,
    weights: Any = (1.0, 2.0),
    kind: Any = None,
) -> Any:
    y = x * by * n + weights[0]
    if bias is not None:
        y = y + bias
    for one in more:
        y = y + one * weights[1]
    return (y if flag else -y), y.sum(-1)


def _every_fake(x: Any, *_args: Any, **_options: Any) -> Any:
    return torch.empty_like(x), x.new_empty(x.shape[:-1])


_LIBRARY.impl("every", _every, "CPU")
torch.library.register_fake("pot_test::every", _every_fake)
_LIBRARY.impl("no_fake", torch.exp, "CPU")
_LIBRARY.impl("add_one_", lambda x: x.add_(1.0) and None, "CPU")
torch.library.register_fake("pot_test::add_one_", lambda _x: None)
_LIBRARY.impl("pieces", lambda x: [x + 1, x + 2], "CPU")
torch.library.register_fake("pot_test::pieces", lambda x: [x.clone(), x.clone()])


@pot.symbolic("pot_test::every")
def every(node: Any, tape: Any) -> Any:
    """Products and sums."""
    x, *rest = node.inputs
    bias, more = (rest[0], rest[1:]) if rest else ("", [])
    assert len(more) == node.attr("more")
    weights = node.attr("weights")
    y = tape.op("Mul", x, tape.const(np.float32(node.attr("by") * node.attr("n"))))
    y = tape.op("Add", y, tape.const(np.float32(weights[0])))
    if bias:
        y = tape.op("Add", y, bias)
    for one in more:
        y = tape.op("Add", y, tape.op("Mul", one, tape.const(np.float32(weights[1]))))
    summed = tape.op("ReduceSum", y, tape.ints([-1]), keepdims=0)
    return (y if node.attr("flag") else tape.op("Neg", y)), summed


@pot.symbolic("pot_test::no_fake")
def no_fake(node: Any, tape: Any) -> Any:
    """Exp."""
    return tape.op("Exp", node.inputs[0])
