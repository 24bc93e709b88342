"""Values are told in the order in which the candidate makes them, however they were paired."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

import pyonnxtool as pot
from cli.reports import row
from pyonnxtool.divergence.graph_order import in_graph_order


def model(shift: float) -> onnx.ModelProto:
    """v3 = log(x - 1 + shift) ** 2; names say the order."""
    nodes = [
        helper.make_node("Sub", ["x", "one"], ["v0"], name="sub"),
        helper.make_node("Add", ["v0", "shift"], ["v1"], name="add"),
        helper.make_node("Log", ["v1"], ["v2"], name="log"),
        helper.make_node("Mul", ["v2", "v2"], ["v3"], name="square"),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in ("x", "v3")]
    weights = [
        helper.make_tensor("one", TensorProto.FLOAT, [], [1.0]),
        helper.make_tensor("shift", TensorProto.FLOAT, [], [shift]),
    ]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_reports_list_values_in_graph_order() -> None:
    """The constant that differs is a fault at v1, which is paired after all others."""
    feeds = {"x": np.array([1.0, 0.5, 2.0, 3.0], np.float32)}
    pair = model(2.0), model(0.0)
    found = pot.bisect(*pair, inputs=feeds)
    assert [one.value for one in found.values] == ["v0", "v1", "v2", "v3"]
    assert [one.value for one in pot.diff(*pair, inputs=feeds).values] == ["v0", "v1", "v2", "v3"]


def test_rows_of_values_in_bodies_stay_behind_their_neighbour() -> None:
    graph = pot.from_proto(model(1.0)).graph
    names = ["v2", "body/a", "body/b", "v0", "v3", "v1"]
    rows = in_graph_order([row(name) for name in names], graph)
    assert [one.value for one in rows] == ["v0", "v1", "v2", "body/a", "body/b", "v3"]
