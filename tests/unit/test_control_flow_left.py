"""Control flow that cannot be taken apart stays as it is, and the report says why."""

from __future__ import annotations

from collections.abc import Callable

import onnx
import pytest
from onnx import helper

from pyonnxtool import _core, from_proto, to_proto
from support.specialized import parse

BRANCHES = """g (float[3,4] x) => (float[3,4] y) <bool c = {1}> {
  y = If (c) <then_branch = t () => (float[3,4] ty) { ty = Exp (x) },
              else_branch = e () => (float[3,4] ey) { ey = Neg (x) }> }"""
LOOP = """g (float[3,4] x) => (float[3,4] y, float[n,3,4] s) <int64 trip = {3}> {
  y, s = Loop (trip, "", x) <body = b (int64 i, bool g, float[3,4] h)
    => (bool o, float[3,4] p, float[3,4] q) { o = Identity (g)  p = Sin (h)  q = Cos (h) }> }"""
SCAN = """g (float[3,4] h, float[5,3,4] xs) => (float[3,4] y, float[n,3,4] s) {
  y, s = Scan (h, xs) <num_scan_inputs = 1, body = b (float[3,4] h0, float[3,4] x)
    => (float[3,4] p, float[3,4] q) { p = Add (h0, x)  q = Cos (p) }> }"""
EMPTY_SCAN = """g (float[3,4] h, float[0,3,4] xs, int64[2] size) => (float[3,4] y, float[n,a,b] s) {
  y, s = Scan (h, xs) <num_scan_inputs = 1, body = b (float[3,4] h0, float[3,4] x)
    => (float[3,4] p, float[a,b] q) { p = Add (h0, x)  q = ConstantOfShape (size) }> }"""
HANDED_OUT = """g (float[3,4] x) => (seq(float[3,4]) y) <int64 trip = {0}> {
  z = SequenceConstruct (x)
  y = Loop (trip, "", z) <body = b (int64 i, bool g, seq(float[3,4]) s)
    => (bool o, seq(float[3,4]) t) { o = Identity (g)  t = SequenceInsert (s, x) }> }"""
CHOSEN = """g (float[3,4] x) => (seq(float[3,4]) y) <bool c = {1}> {
  z = SequenceConstruct (x)
  y = If (c) <then_branch = t () => (seq(float[3,4]) z) { },
              else_branch = e () => (seq(float[3,4]) r) { r = SequenceConstruct (x, x) }> }"""
MAPPED = """g (float[3,4] x, seq(float[3,4]) given) => (seq(float[3,4]) y) {
  s = SequenceConstruct (x)  e = SequenceEmpty ()  t = SequenceConstruct (x, x)
  y = SequenceMap (FIRST, SECOND) <body = b (float[3,4] p, float[3,4] q)
    => (float[3,4] r) { r = Add (p, q) }> }"""
OPTIONAL = "g (optional(float[3,4]) x) => (float[3,4] y) { y = OptionalGetElement (x) }"

Edit = Callable[[onnx.NodeProto, onnx.GraphProto], object]


def sparse(node: onnx.NodeProto, body: onnx.GraphProto) -> None:
    weight = body.sparse_initializer.add(dims=[12])
    weight.values.CopyFrom(helper.make_tensor("w", onnx.TensorProto.FLOAT, [1], [1.0]))
    weight.indices.CopyFrom(helper.make_tensor("", onnx.TensorProto.INT64, [1], [0]))
    body.node[0].input[0] = "w"


def crowded(node: onnx.NodeProto, body: onnx.GraphProto) -> None:
    last = "h"
    for number in range(30_000):
        body.node.append(helper.make_node("Neg", [last], [f"n{number}"]))
        last = f"n{number}"
    body.output[1].name = last


def without_name(node: onnx.NodeProto, body: onnx.GraphProto) -> None:
    body.output[2].name = ""


def unchanged(node: onnx.NodeProto, body: onnx.GraphProto) -> None:
    pass


TOO_FEW = "its body has too few outputs"
NO_TENSOR = "output 'y' is no tensor, and Identity does not take it at this opset"
NOT_GIVEN = "its body does not take what it is given"
LEFT: dict[str, tuple[str, Edit, str]] = {
    "a sparse weight": (BRANCHES, sparse, "its body has sparse initializers"),
    "a branch without outputs": (
        BRANCHES,
        lambda node, body: body.output.pop(),
        "its branch has too few outputs",
    ),
    "a turn without outputs": (LOOP, lambda node, body: body.output.pop(), TOO_FEW),
    "a turn without an input": (LOOP, lambda node, body: body.input.pop(), NOT_GIVEN),
    "no initial value": (
        LOOP,
        lambda node, body: node.input.__setitem__(2, ""),
        "an initial value is missing",
    ),
    "an output without a name": (
        LOOP,
        without_name,
        "its body has an input or output without a name",
    ),
    "too many nodes": (
        LOOP,
        crowded,
        "its 3 turns would make 90009 nodes, more than the 65536 that --max-unroll allows",
    ),
    "elements without outputs": (SCAN, lambda node, body: body.output.pop(), TOO_FEW),
    "elements without an input": (SCAN, lambda node, body: body.input.pop(), NOT_GIVEN),
    "no scanned input": (
        SCAN,
        lambda node, body: node.attribute.pop(0),
        "its num_scan_inputs does not fit its inputs",
    ),
    "no element": (
        EMPTY_SCAN,
        unchanged,
        "it scans no element, and the shape of output 's' is not known",
    ),
    "a missing input": (
        SCAN,
        lambda node, body: node.input.__setitem__(0, ""),
        "one of its inputs is missing",
    ),
    "a sequence that no turn makes": (HANDED_OUT, unchanged, NO_TENSOR),
    "a sequence that no branch makes": (CHOSEN, unchanged, NO_TENSOR),
    "an optional input": (OPTIONAL, unchanged, "what it gets is known only at run time"),
    "a sequence without items": (
        MAPPED.replace("FIRST", "e").replace("SECOND", "e"),
        unchanged,
        "its sequence is empty",
    ),
    "sequences of unlike lengths": (
        MAPPED.replace("FIRST", "s").replace("SECOND", "t"),
        unchanged,
        "its sequences differ in length",
    ),
    "a sequence that is an input": (
        MAPPED.replace("FIRST", "given").replace("SECOND", "x"),
        unchanged,
        "the items of sequence 'given' are known only at run time",
    ),
    "an item that the body does not take": (
        MAPPED.replace("FIRST", "s").replace("SECOND", "x"),
        lambda node, body: body.input.pop(),
        NOT_GIVEN,
    ),
}
OPSETS = {HANDED_OUT: 13, CHOSEN: 13}


@pytest.mark.parametrize("name", LEFT)
def test_what_stays_says_why(name: str) -> None:
    text, edit, reason = LEFT[name]
    model = parse(text, opset=OPSETS.get(text, 18))
    node = model.graph.node[-1]
    bodies = [each.g for each in node.attribute if each.type == onnx.AttributeProto.GRAPH]
    edit(node, bodies[0] if bodies else onnx.GraphProto())
    made = _core.specialize(from_proto(model), {}, {})
    assert [why for _, why in made.left] == [reason]
    assert to_proto(made.model).graph.node[-1].op_type == node.op_type
