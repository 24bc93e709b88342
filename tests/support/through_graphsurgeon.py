"""Models that go through onnx-graphsurgeon."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnx
import onnx_graphsurgeon as gs

import pyonnxtool as pot

PLAIN = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n,3] x) => (float[n,3] y) <float[3] w = {1, 2, 3}> {
   h = Relu (x)
   y = Mul (h, w)
}
"""

CONTROL = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[3] x, bool c) => (float[3] y) <float[3] w = {1, 2, 3}> {
   y = If (c) <
      then_branch = t () => (float[3] a) { a = Add (x, w) },
      else_branch = e () => (float[3] b) <float[3] v = {4, 5, 6}> { d = Mul (x, w) b = Sub (d, v) }
   >
}
"""


def same(graph: gs.Graph) -> None:
    """A script that does nothing."""


def model_of(text: str) -> onnx.ModelProto:
    return onnx.parser.parse_model(text)


def through(
    proto: onnx.ModelProto, edit: Callable[[gs.Graph], Any] = same, **options: Any
) -> onnx.ModelProto:
    return pot.to_proto(pot.edit(proto, edit, **options).model, weights="inside")
