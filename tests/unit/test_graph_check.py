"""`graph.verify()`: types and attributes that operators do not take, in bodies too."""

from __future__ import annotations

from collections.abc import Callable

import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool import Graph
from support.graph_texts import BRANCH, CHAIN


def model(text: str = CHAIN) -> pot.Model:
    return pot.from_proto(onnx.parser.parse_model(text))


MISFITS: list[tuple[Callable[[Graph], object], list[str]]] = [
    (
        lambda g: g.op("Add", "h", [1, 2, 3], name="sum"),
        [
            "node 'sum' (Add): 'h' is tensor(float) and 'Add_constant' tensor(int64), which Add "
            "wants to be one type"
        ],
    ),
    (
        lambda g: g.op("Gather", "x", "h", name="rows"),
        ["node 'rows' (Gather): Gather takes no tensor(float) as indices in opset 17 ('h')"],
    ),
    (
        lambda g: g.op("Relu", "x", "h", name="two"),
        ["node 'two' (Relu): Relu takes 1 input at most and has 2"],
    ),
    (
        lambda g: g.op("Softmax", "x", axes=1, name="s"),
        ["node 's' (Softmax): Softmax has no attribute axes"],
    ),
    (
        lambda g: g.op("Concat", "x", name="c"),
        ["node 'c' (Concat): Concat needs attribute axis"],
    ),
    (
        lambda g: g.op("NotThere", "x", name="n"),
        ["node 'n' (NotThere): ai.onnx has no operator NotThere; does it have a domain?"],
    ),
    (
        lambda g: g.op("Attention", "x", "x", "x", name="a"),
        ["node 'a' (Attention): there is no Attention in opset 17; it came with opset 23"],
    ),
    (
        lambda g: g.nodes[-1].set_op_type("IsNaN"),
        [
            "IsNaN node that makes 'y' makes 'y' as tensor(bool), and it is declared as "
            "tensor(float)"
        ],
    ),
    (
        lambda g: g.op("Cast", "x", to="double", name="c"),
        ["node 'c' (Cast): attribute to of Cast is 'double'; it is of type INT"],
    ),
    (
        lambda g: g.op("LeakyRelu", "x", alpha=1, name="l"),
        ["node 'l' (LeakyRelu): attribute alpha of LeakyRelu is 1; it is of type FLOAT"],
    ),
    (
        lambda g: g.op("Transpose", "x", perm=1, name="t"),
        ["node 't' (Transpose): attribute perm of Transpose is 1; it is of type INTS"],
    ),
    (lambda g: g.op("Transpose", "x", perm=[]), []),
    (lambda g: g.op("Anything", "x", domain="vendor"), []),
]


@pytest.mark.parametrize(("edit", "told"), MISFITS)
def test_types_that_do_not_fit(edit: Callable[[Graph], object], told: list[str]) -> None:
    edited = model()
    edit(edited.graph)
    assert edited.graph.verify() == told


def test_types_inside_of_bodies() -> None:
    edited = model(BRANCH)
    body = edited.graph.nodes[1].subgraphs[0]
    body.nodes[0].set_op_type("Not")
    told = "takes no tensor(float) as X in opset 17 ('z')"
    assert any(told in one for one in edited.graph.verify())


LOOP = """
<ir_version: 8, opset_import: ["" : 17]>
g (int64 n, bool c, float[2] x) => (float[2] y) {
   [turns] y = Loop (n, c, x) <body = b (int64 i, bool go, float[2] s) => (bool on, float[2] t) {
      on = Identity (go)
      t = Neg (s)
   }>
}
"""
SCAN = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[2] s, float[3,2] x) => (float[2] last, float[3,2] all) {
   [steps] last, all = Scan <num_scan_inputs = 1, body = b (float[2] a, float[2] i) =>
      (float[2] n, float[2] o) { n = Add (a, i) o = Neg (n) }> (s, x)
}
"""


@pytest.mark.parametrize(
    ("text", "node", "op_type", "told"),
    [
        (BRANCH, 1, "IsNaN", "a branch gives 'a' as tensor(bool), another 'b' as tensor(float)"),
        (
            LOOP,
            0,
            "IsNaN",
            "node 'turns' (Loop): its body gives 't' as tensor(bool), and it",
        ),
        (
            SCAN,
            0,
            "Equal",
            "node 'steps' (Scan): its body gives 'n' as tensor(bool), and it",
        ),
    ],
)
def test_what_bodies_give(text: str, node: int, op_type: str, told: str) -> None:
    edited = model(text)
    assert edited.graph.verify() == []
    body = edited.graph.nodes[node].subgraphs[0]
    body.nodes[-1 if op_type == "IsNaN" else 0].set_op_type(op_type)
    for value in body.outputs:
        body.declare(value, None)
    assert any(told in one for one in edited.graph.verify())


def test_types_are_forgotten() -> None:
    graph = model().graph
    graph.declare("h", "float32", ["n", 3])
    graph.forget_types()
    assert [graph.value(name).dtype for name in ("x", "h", "y")] == ["float32", None, None]
