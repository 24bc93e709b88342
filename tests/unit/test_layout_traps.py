"""Graphs on which tools that remove Transposes go wrong or stop early.

Each is run beside its original, and what is left to move is counted from the file.
"""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import pyonnxtool as pot
from support.ort_runs import difference, run
from support.relaid import random_feed
from support.transposes import moved, useless

ROUNDING = 1e-5
"""Of an output's scale: sums that are added up in another order."""

TRAPS: dict[str, tuple[str, int, float]] = {
    # name: (model, bytes that have to move afterwards, difference that the ops may make)
    "reduced without keepdims": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,4,4,8] x) => (float[2,8] y) {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          y = ReduceMean <axes = [2, 3], keepdims = 0> (a)
        }""",
        0,
        ROUNDING,
    ),
    "reduced to what the Transpose moved": (
        """<ir_version: 8, opset_import: ["" : 18]>
        g (float[2,4,5,8] x) => (float[2,4,5] y) <int64[1] axes = {1}> {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          y = ReduceSum <keepdims = 0> (a, axes)
        }""",
        0,
        ROUNDING,
    ),
    "global average": (
        """<ir_version: 8, opset_import: ["" : 13]>
        g (float[2,4,4,8] x) => (float[2,8] y) <int64[2] axes = {2, 3}> {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          b = GlobalAveragePool (a)
          y = Squeeze (b, axes)
        }""",
        0,
        ROUNDING,
    ),
    "concat of mixed layouts": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,4,4,8] x, float[2,8,4,4] z) => (float[2,4,4,16] y) {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          b = Relu (a)
          c = Concat <axis = 1> (b, z)
          y = Transpose <perm = [0, 2, 3, 1]> (c)
        }""",
        2 * 8 * 4 * 4 * 4,
        0.0,
    ),
    "rank 3 constant": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[1,2,3,2] x) => (float[1,2,3,2] y)
        <float[2,2,3] c = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}> {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          b = Mul (a, c)
          y = Transpose <perm = [0, 2, 3, 1]> (b)
        }""",
        0,
        0.0,
    ),
    "vector known only at run time": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,4,4,8] x, float[4] v) => (float[2,4,4,8] y) {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          b = Mul (a, v)
          y = Transpose <perm = [0, 2, 3, 1]> (b)
        }""",
        0,
        0.0,
    ),
    "diamond": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,4,4,8] x) => (float[2,4,4,8] y) {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          b = Sigmoid (a)
          c = Mul (a, b)
          y = Transpose <perm = [0, 2, 3, 1]> (c)
        }""",
        0,
        0.0,
    ),
    "skip connection": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,4,4,8] x, float[8,8,3,3] w) => (float[2,4,4,8] y) {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          b = Conv <pads = [1, 1, 1, 1]> (a, w)
          c = Transpose <perm = [0, 2, 3, 1]> (b)
          d = Add (c, x)
          e = Relu (d)
          f = Transpose <perm = [0, 3, 1, 2]> (e)
          h = Conv <pads = [1, 1, 1, 1]> (f, w)
          i = Transpose <perm = [0, 2, 3, 1]> (h)
          y = Add (i, e)
        }""",
        2 * 2 * 4 * 4 * 8 * 4,
        0.0,
    ),
    "quantized around": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,4,4,8] x) => (float[2,4,4,8] y)
        <float s = {0.05}, uint8 z = {128}> {
          a = QuantizeLinear (x, s, z)
          b = DequantizeLinear (a, s, z)
          c = Transpose <perm = [0, 3, 1, 2]> (b)
          d = QuantizeLinear (c, s, z)
          e = DequantizeLinear (d, s, z)
          f = Relu (e)
          y = Transpose <perm = [0, 2, 3, 1]> (f)
        }""",
        0,
        0.0,
    ),
    "batch of one is a Reshape": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[1,1,1,8] x, float[8,8,1,1] w) => (float[1,1,1,8] y) {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          b = Conv (a, w)
          y = Transpose <perm = [0, 2, 3, 1]> (b)
        }""",
        0,
        ROUNDING,
    ),
    "product over the channels": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,3,5,5] x) => (float[2,2,5,5] y) <float[3,2] w = {1, 2, 3, 4, 5, 6}> {
          a = Transpose <perm = [0, 2, 3, 1]> (x)
          b = MatMul (a, w)
          y = Transpose <perm = [0, 3, 1, 2]> (b)
        }""",
        0,
        ROUNDING,
    ),
    "1x1 Conv": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,5,5,3] x) => (float[2,5,5,2] y)
        <float[2,3,1,1] w = {1, 2, 3, 4, 5, 6}, float[2] bias = {1, 2}> {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          b = Conv (a, w, bias)
          y = Transpose <perm = [0, 2, 3, 1]> (b)
        }""",
        0,
        ROUNDING,
    ),
    "tokens and back": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,8,3,4] x) => (float[2,8,3,4] y)
        <int64[3] tokens = {2, 12, 8}, int64[4] image = {2, 3, 4, 8}> {
          a = Transpose <perm = [0, 2, 3, 1]> (x)
          b = Reshape (a, tokens)
          c = Relu (b)
          d = Reshape (c, image)
          y = Transpose <perm = [0, 3, 1, 2]> (d)
        }""",
        0,
        0.0,
    ),
    "tokens by a Transpose behind": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,3,4,8] x) => (float[2,12,8] y) <int64[3] tokens = {2, 8, 12}> {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          b = Reshape (a, tokens)
          y = Transpose <perm = [0, 2, 1]> (b)
        }""",
        0,
        0.0,
    ),
    "channel shuffle": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,3,3,4] x) => (float[2,3,3,4] y)
        <int64[5] cut = {2, 2, 2, 3, 3}, int64[4] whole = {2, 4, 3, 3}> {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          b = Reshape (a, cut)
          c = Transpose <perm = [0, 2, 1, 3, 4]> (b)
          d = Reshape (c, whole)
          e = Relu (d)
          y = Transpose <perm = [0, 2, 3, 1]> (e)
        }""",
        2 * 3 * 3 * 4 * 4,
        0.0,
    ),
    "channel shuffle into weights": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,4,3,3] x) => (float[2,1,3,3] y)
        <int64[5] cut = {2, 2, 2, 3, 3}, int64[4] whole = {2, 4, 3, 3},
         float[1,4,1,1] w = {1, 2, 3, 4}> {
          b = Reshape (x, cut)
          c = Transpose <perm = [0, 2, 1, 3, 4]> (b)
          d = Reshape (c, whole)
          e = Relu (d)
          y = Conv (e, w)
        }""",
        0,
        ROUNDING,
    ),
    "flattened before dense weights": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,3,2,2] x) => (float[2,1] y)
        <float[12,1] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}> {
          a = Transpose <perm = [0, 2, 3, 1]> (x)
          b = Flatten <axis = 1> (a)
          c = Relu (b)
          y = Gemm (c, w)
        }""",
        0,
        ROUNDING,
    ),
    "reshaped before a product": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,3,2,2] x) => (float[2,1] y)
        <float[12,1] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, int64[2] flat = {-1, 12}> {
          a = Transpose <perm = [0, 2, 3, 1]> (x)
          b = Reshape (a, flat)
          y = MatMul (b, w)
        }""",
        0,
        ROUNDING,
    ),
    "gathered channels": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,4,4,8] x) => (float[2,4,4,3] y) <int64[3] i = {7, 0, 3}> {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          b = Gather <axis = 1> (a, i)
          y = Transpose <perm = [0, 2, 3, 1]> (b)
        }""",
        0,
        0.0,
    ),
    "TopK": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,4,4,8] x) => (float[2,4,4,3] y, int64[2,4,4,3] i) <int64[1] k = {3}> {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          b, c = TopK <axis = 1> (a, k)
          y = Transpose <perm = [0, 2, 3, 1]> (b)
          i = Transpose <perm = [0, 2, 3, 1]> (c)
        }""",
        0,
        0.0,
    ),
    "CumSum": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,4,4,8] x) => (float[2,4,4,8] y) <int64 axis = {1}> {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          b = CumSum (a, axis)
          y = Transpose <perm = [0, 2, 3, 1]> (b)
        }""",
        0,
        0.0,
    ),
    "Einsum": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,4,4,8] x, float[8,5] w) => (float[2,4,4,5] y) {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          b = Einsum <equation = "nchw,cd->ndhw"> (a, w)
          y = Transpose <perm = [0, 2, 3, 1]> (b)
        }""",
        0,
        ROUNDING,
    ),
    "shape of what moved": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,n,4,8] x) => (float[2,n,4,8] y, int64[4] s) {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          s = Shape (a)
          b = Relu (a)
          y = Transpose <perm = [0, 2, 3, 1]> (b)
        }""",
        0,
        0.0,
    ),
    "If that reads what moved": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,4,4,8] x, bool c) => (float[2,4,4,8] y) {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          b = Relu (a)
          d = If (c) <
            then_branch = t () => (float[2,8,4,4] u) { u = Neg (b) },
            else_branch = e () => (float[2,8,4,4] v) { v = Abs (b) }>
          f = Add (d, b)
          y = Transpose <perm = [0, 2, 3, 1]> (f)
        }""",
        0,
        0.0,
    ),
    "If that cannot have it moved": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,4,4,8] x, float[8,8,1,1] w, bool c) => (float[2,4,4,8] y) {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          b = Relu (a)
          d = If (c) <
            then_branch = t () => (float[2,8,4,4] u) { u = Conv (b, w) },
            else_branch = e () => (float[2,8,4,4] v) { v = Abs (b) }>
          f = Add (d, b)
          y = Transpose <perm = [0, 2, 3, 1]> (f)
        }""",
        2 * 2 * 4 * 4 * 8 * 4,
        ROUNDING,
    ),
    "state of a Loop": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,4,4,8] x) => (float[2,4,4,8] y) <int64 n = {3}, bool go = {1}> {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          b = Loop (n, go, a) <
            body = l (int64 i, bool k, float[2,8,4,4] s) => (bool m, float[2,8,4,4] r) {
              m = Identity (k)
              t = Relu (s)
              r = Add (t, t)
            }>
          y = Transpose <perm = [0, 2, 3, 1]> (b)
        }""",
        0,
        0.0,
    ),
    "outputs that are Transposes": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,4,4,8] x) => (float[2,8,4,4] y, float[2,4,4,8] z) {
          y = Transpose <perm = [0, 3, 1, 2]> (x)
          z = Transpose <perm = [0, 2, 3, 1]> (y)
        }""",
        2 * 4 * 4 * 8 * 4,
        0.0,
    ),
    "softmax before opset 13": (
        """<ir_version: 6, opset_import: ["" : 11]>
        g (float[2,4,4,8] x) => (float[2,4,4,8] y) {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          b = Softmax <axis = 1> (a)
          y = Transpose <perm = [0, 2, 3, 1]> (b)
        }""",
        0,
        ROUNDING,
    ),
}


@pytest.mark.parametrize("name", TRAPS)
def test_the_fewest_bytes_are_moved_and_nothing_changes(name: str) -> None:
    text, left, allowed = TRAPS[name]
    model = onnx.parser.parse_model(text)
    given = [random_feed(model)]
    found = pot.to_proto(pot.layout(model, to="nchw").model)
    onnx.checker.check_model(found, full_check=True)
    worst = difference(run(model, given), run(found, given))
    assert worst is not None and worst <= allowed
    assert moved(found).bytes == left
    assert not useless(found)


def test_no_transpose_that_does_nothing_is_left_between_conv_and_batch_norm() -> None:
    """onnxruntime fuses the two only where nothing stands between them."""
    model = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
        g (float[1,3,8,8] x, float[4,3,3,3] w, float[4] s) => (float[1,4,6,6] y) {
          a = Conv (x, w)
          b = Transpose <perm = [0, 2, 3, 1]> (a)
          c = Transpose <perm = [0, 3, 1, 2]> (b)
          y = BatchNormalization (c, s, s, s, s)
        }""")
    found = pot.to_proto(pot.layout(model, to="nchw").model)
    assert [node.op_type for node in found.graph.node] == ["Conv", "BatchNormalization"]
    assert found.graph.node[1].input[0] == found.graph.node[0].output[0]


def test_only_cancel_leaves_every_other_node_alone() -> None:
    text = TRAPS["diamond"][0]
    model = onnx.parser.parse_model(text)
    found = pot.to_proto(pot.layout(model, only_cancel=True).model)
    assert found.SerializeToString() == model.SerializeToString()


def test_a_border_in_nhwc_has_no_transpose_where_none_is_needed() -> None:
    model = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
        g (float[1,3,8,8] x) => (float[1,3] y) {
          a = Div (x, x)
          b = Relu (a)
          c = GlobalAveragePool (b)
          y = Flatten (c)
        }""")
    found = pot.to_proto(pot.layout(model, io={"x": "nhwc"}).model)
    dims = [dim.dim_value for dim in found.graph.input[0].type.tensor_type.shape.dim]
    assert dims == [1, 8, 8, 3]
    assert moved(found).transposes == 0
    feed = random_feed(model)
    turned = {"x": np.ascontiguousarray(feed["x"].transpose(0, 2, 3, 1))}
    worst = difference(run(model, [feed]), run(found, [turned]))
    assert worst is not None and worst <= ROUNDING
