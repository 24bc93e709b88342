"""verify: a rewritten model whose inputs, outputs and values lie in another order of axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyonnxtool import Model
from pyonnxtool.errors import Refused
from pyonnxtool.proof import Check
from pyonnxtool.rewriting import StandsFor, Verification
from pyonnxtool.verification import verify
from support.parsed import parsed

LAST = (0, 2, 3, 1)

OURS = """g (float[{n},2,{h},{w}] x) => (float[{n},2,{h},{w}] y)
<float[2,1,1] k = {{2.0, 3.0}}> {{
  [scale] s = Mul (x, k)
  [act] a = Relu (s)
  [out] y = Softmax <axis = 1> (a)
}}"""

THEIRS = """g (float[{n},{h},{w},2] x) => (float[{n},{h},{w},2] y)
<float[2] k = {{2.0, {last}}}> {{
  [scale] s = Mul (x, k)
  [act] a = Relu (s)
  [out] y = Softmax <axis = {axis}> (a)
}}"""

MAP = tuple(StandsFor(name, name, LAST) for name in ("s", "a", "x", "y"))


def ours(n: object = 1, h: object = 4, w: object = 5) -> Model:
    return parsed(OURS.format(n=n, h=h, w=w))


def theirs(n: object = 1, h: object = 4, w: object = 5, axis: int = 3, last: float = 3.0) -> Model:
    return parsed(THEIRS.format(n=n, h=h, w=w, axis=axis, last=last))


def check(original: Model, rewritten: Model, **how: Any) -> Verification:
    border = {"x": LAST, "y": LAST}
    given = Check(**how)
    return verify("changing layouts", original, rewritten, given, MAP, border)


def test_inputs_and_outputs_of_another_layout_are_compared_as_they_were() -> None:
    found = check(ours(), theirs(), samples=2)
    assert [(row.status, row.shape, row.note) for row in found.outputs] == [
        ("ok", (1, 2, 4, 5), "transposed (0, 2, 3, 1)")
    ]
    assert found.sizes == ({"x": (1, 2, 4, 5)},), "as the original model takes them"


def test_axes_of_one_size_are_told_apart() -> None:
    assert check(ours(2, 2, 2), theirs(2, 2, 2)).outputs[0].status == "ok"
    with pytest.raises(Refused, match="output 'y' differs"):
        verify("changing layouts", ours(2, 2, 2), theirs(2, 2, 2), Check())


def test_open_sizes_are_tried_at_two_values() -> None:
    found = check(ours("n", "h", "w"), theirs("n", "h", "w"))
    assert len(found.sizes) == 2
    assert all(sizes["x"][1] == 2 for sizes in found.sizes)


def test_inputs_of_the_user_are_those_of_the_original() -> None:
    array = np.linspace(-1, 1, 40, dtype=np.float32).reshape(1, 2, 4, 5)
    found = check(ours(), theirs(), inputs={"x": array})
    assert found.sizes == ({"x": (1, 2, 4, 5)},)


def test_a_node_that_was_relaid_wrongly_is_named_with_what_was_done_to_it() -> None:
    with pytest.raises(Refused) as caught:
        check(ours(2, 2, 2), theirs(2, 2, 2, axis=1))
    told = str(caught.value)
    assert "output 'y' differs: max abs" in told
    assert "- node 'out' (Softmax): " in told
    assert "[reads 'a' transposed (0, 2, 3, 1); makes 'y' transposed (0, 2, 3, 1)]" in told


def test_a_constant_that_was_relaid_wrongly_is_named() -> None:
    with pytest.raises(Refused, match=r"node 'scale' \(Mul\): .*makes 's' transposed"):
        check(ours(), theirs(last=2.0))


def test_an_output_that_does_not_lie_as_the_border_says_is_refused() -> None:
    still = parsed(OURS.format(n=1, h=4, w=5))
    with pytest.raises(Refused, match=r"output 'y' differs: .*shape \(1, 2, 4, 5\) vs "):
        verify("changing layouts", ours(), still, Check(), (), {"y": LAST})


def test_another_operator_is_told() -> None:
    first = parsed("g (float[2,3] x) => (float[2,3] y) { [n] y = Relu (x) }")
    second = parsed("g (float[3,2] x) => (float[3,2] y) { [m] y = Neg (x) }")
    with pytest.raises(Refused, match=r"\[Relu became Neg; reads 'x' transposed \(1, 0\); makes"):
        verify("changing layouts", first, second, Check(), (), {"x": (1, 0), "y": (1, 0)})


WIDE = 64
SUM = (
    f"g (float[1,{WIDE},{WIDE}] x) => (float[1] y) <int64[2] a = {{1, 2}}, float[1] m = {{-1e6}}>"
    " { [sum] s = ReduceSum <keepdims = 0> (x, a)  [less] y = Sub (s, m) }"
)


def test_drift_is_told_where_numbers_may_be_added_up_otherwise() -> None:
    """A sum that cancels nearly all, of numbers in one order or the other."""
    x = np.random.default_rng(1).standard_normal((1, WIDE, WIDE)).astype(np.float32) * 1e4
    x -= np.float32((x.sum(dtype=np.float64) + 1e6) / x.size)
    models, border = (parsed(SUM), parsed(SUM)), {"x": (0, 2, 1)}
    given = Check(inputs={"x": x})
    with pytest.raises(Refused, match="drift: "):
        verify("changing layouts", *models, given, (), border)
    found = verify("changing layouts", *models, given, (), border, drifts=True)
    assert found.drifted == ("y",)
    assert found.outputs[0].status == "noise"
    assert found.notes == (
        "output 'y' differs by more than outputs may, yet no node adds more than its rounding "
        "explains: rounding adds up on the way",
    )


def test_a_wrong_node_is_refused_where_drift_may_be() -> None:
    with pytest.raises(Refused, match="node 'out'"):
        verify(
            *("changing layouts", ours(2, 2, 2), theirs(2, 2, 2, axis=1), Check(), MAP),
            {"x": LAST, "y": LAST},
            drifts=True,
        )
