"""Einsum in other layouts: its equation names the axes as they are stored."""

from __future__ import annotations

from typing import Any

import onnx
import pytest

from support.one_node import node_model
from support.permutations import check_orders
from support.relaid import check_rule, refusal

ROUNDING = 1e-6
"""Sums in another order."""


def einsum(equation: str, *shapes: list[int]) -> onnx.ModelProto:
    return node_model("Einsum", list(shapes), opset=12, equation=equation)


def equation_of(drawn: Any) -> str:
    (node,) = onnx.ModelProto.FromString(drawn.model.to_bytes()).graph.node
    return str(node.attribute[0].s.decode())


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("bchw,oc->bohw", ([2, 3, 4, 5], [6, 3])),
        ("bhid,bhjd->bhij", ([2, 3, 4, 5], [2, 3, 6, 5])),
        ("bhij,bhjd->bhid", ([2, 3, 4, 6], [2, 3, 6, 5])),
        ("ij,jk", ([2, 3], [3, 4])),
        ("bchw->bhwc", ([2, 3, 4, 5],)),
        ("bij -> bj", ([2, 3, 4],)),
        ("...ij,...jk->...ik", ([2, 3, 4, 5], [2, 3, 5, 6])),
        ("...ij,jk->ik...", ([2, 3, 4, 5], [5, 6])),
        ("bhwc,hkc->bhwk", ([2, 4, 3, 5], [4, 6, 5])),
        ("ii->i", ([3, 3],)),
        ("bii->bi", ([2, 3, 3],)),
        ("i,j->ij", ([3], [4])),
    ],
)
def test_each_operand_in_each_order(equation: str, shapes: tuple[list[int], ...]) -> None:
    model = einsum(equation, *shapes)
    for slot, shape in enumerate(shapes):
        check_orders(model, (f"x{slot}",), len(shape), most=8, tolerance=ROUNDING)
    left = equation.rsplit("->", maxsplit=1)[-1] if "->" in equation else "ik"
    rank = len(left.strip()) - 3 + 2 if "..." in left else len(left.strip())
    check_orders(model, ("y0",), rank, most=8, tolerance=ROUNDING)


def test_what_has_as_many_axes_moves_along() -> None:
    product = einsum("bchw,oc->bohw", [2, 3, 4, 5], [6, 3])
    drawn = check_rule(product, "x0", [0, 2, 3, 1], tolerance=ROUNDING)
    assert equation_of(drawn) == "bhwc,oc->bhwo"
    assert drawn.outputs == [[0, 2, 3, 1]]
    scores = einsum("bhid,bhjd->bhij", [2, 3, 4, 5], [2, 3, 6, 5])
    drawn = check_rule(scores, "x0", [0, 2, 1, 3], tolerance=ROUNDING)
    assert equation_of(drawn) == "bihd,bjhd->bihj"


def test_what_an_ellipsis_stands_for_gets_names() -> None:
    model = einsum("...ij,...jk->...ik", [2, 3, 4, 5], [2, 3, 5, 6])
    drawn = check_rule(model, "x0", [2, 0, 1, 3], tolerance=ROUNDING)
    assert equation_of(drawn) == "iYZj,kYZj->iYZk"


def test_equations_that_do_not_fit() -> None:
    assert "its equation does not fit input 0 'x0'" in refusal(
        einsum("ijk->ij", [2, 3]), "x0", [1, 0]
    )
    assert "its equation has other operands" in refusal(einsum("ij,jk->ik", [2, 3]), "x0", [1, 0])
    assert "equation 'i1->i' is no einsum" in refusal(einsum("i1->i", [2, 3]), "x0", [1, 0])
    model = einsum("ij->ji", [2, 6])
    inner = [(1, [2, 3], [1, 0])]
    assert "its axis 1 is stored in another inner order" in refusal(model, "x0", [0, 1], inner)
