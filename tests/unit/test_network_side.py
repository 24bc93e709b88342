"""A network in numpy as a side: lined up by content, by readers, never by position."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from pyonnxtool.backends import RunOptions
from pyonnxtool.backends._traced import Traced, Visitor
from pyonnxtool.divergence.case import Case, open_case
from pyonnxtool.divergence.network.lineup import line_up
from pyonnxtool.divergence.network.side import NetworkBackend
from pyonnxtool.divergence.network.weights import compare_network_weights
from pyonnxtool.divergence.probe import Side
from pyonnxtool.subjects import sides
from support.parsed import parsed

RNG = np.random.default_rng(0)
W = RNG.standard_normal((4, 4)).astype(np.float32)
V = RNG.standard_normal((4, 4)).astype(np.float32)
X = RNG.standard_normal((3, 4)).astype(np.float32)


class Numpy:
    """Twins: two products of one input, of which each goes its own way."""

    training = False
    notes: tuple[str, ...] = ()

    def input_shapes(self, names: Any) -> dict[str, tuple[int, ...]]:
        return {}

    def weights(self) -> dict[str, Any]:
        return {"a.weight": W, "b.weight": V}

    def outputs(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.trace(feeds, lambda value, reading: found.update({value.name: reading()}))
        return {"y": found["add"]}

    def trace(self, feeds: Mapping[str, Any], visit: Visitor) -> None:
        x = feeds["x"]
        values = {"mm": x @ W, "mm_1": x @ V}
        values["relu"] = np.maximum(values["mm"], 0)
        values["relu_1"] = np.maximum(values["mm_1"], 0)
        values["add"] = values["relu"] + np.tanh(values["relu_1"])
        for name, value in values.items():
            visit(Traced(name, op=name.partition("_")[0]), lambda value=value: value)


def text(array: Any) -> str:
    return "{" + ", ".join(f"{number:.9g}" for number in array.reshape(-1)) + "}"


NET = f"""g (float[3,4] x) => (float[3,4] y)
<float[4,4] w = {text(W)}, float[4,4] v = {text(V)}> {{
  second = MatMul (x, v)  first = MatMul (x, w)
  r2 = Relu (second)  r1 = Relu (first)  t = Tanh (r2)  y = Add (r1, t) }}"""


def lined_up(net: str) -> tuple[Case, dict[str, str]]:
    model = parsed(net)
    network = Numpy()
    backend = NetworkBackend("net", None, network, model)  # type: ignore[arg-type]
    ours = Side("net", model, backend, RunOptions(level="none"))
    theirs = sides(model, model)[1]
    with open_case(ours, theirs, inputs={"x": X}) as case:
        line_up(case, case.samples)
        return case, {name: value.name for name, value in backend.traced.items()}


def test_content_tells_twins_apart_whatever_their_order() -> None:
    case, found = lined_up(NET)
    assert found == {"second": "mm_1", "first": "mm", "r2": "relu_1", "r1": "relu", "y": "add"}
    assert [pair.candidate for pair in case.pairs] == ["second", "first", "r2", "r1", "y"]
    assert case.coverage.sentence() == "5 compared, 1 fused away"


@pytest.mark.parametrize(("node", "wrong"), [("r1", "Abs"), ("r2", "Neg")])
def test_a_value_that_is_wrong_is_paired_by_what_reads_it(node: str, wrong: str) -> None:
    _, found = lined_up(NET.replace(f"{node} = Relu", f"{node} = {wrong}"))
    assert found[node] == {"r1": "relu", "r2": "relu_1"}[node]


def test_wrong_twins_at_once_are_not_guessed() -> None:
    both = NET.replace("r1 = Relu", "r1 = Abs").replace("r2 = Relu", "r2 = Neg")
    _, found = lined_up(both)
    assert "r1" not in found
    assert "r2" not in found
    assert found["first"] == "mm"


def test_weights_are_compared_by_name_by_content_and_transposed() -> None:
    net = f"""g (float[3,4] x) => (float[3,4] y)
    <float[4,4] wt = {text(W.T)}, float[4,4] "b.weight" = {text(V + np.eye(4, 4) * 0.5)}> {{
      m = MatMul (x, wt)  y = MatMul (m, "b.weight") }}""".replace('"', "")
    net = net.replace("b.weight", "b_weight")
    parameters = {"a.weight": W, "b_weight": V}
    rows, compared = compare_network_weights(parameters, parsed(net))
    assert compared == 2
    assert [(row.name, row.reference_name, row.changed) for row in rows] == [
        ("b_weight", "b_weight", 4)
    ]


def test_batch_norm_that_was_folded_into_a_weight_is_no_difference() -> None:
    kernel = RNG.standard_normal((4, 3, 1, 1)).astype(np.float32)
    folded = kernel * np.array([0.9, 1.1, 1.2, 0.8], np.float32).reshape(4, 1, 1, 1)
    net = f"""g (float[1,3,2,2] x) => (float[1,4,2,2] y)
    <float[4,3,1,1] conv_weight = {text(folded)}> {{ y = Conv (x, conv_weight) }}"""
    assert compare_network_weights({"conv_weight": kernel}, parsed(net)) == ([], 0)
    scaled = net.replace(text(folded), text(kernel * 1.5))
    (row,), _ = compare_network_weights({"conv_weight": kernel}, parsed(scaled))
    assert row.changed == 12
