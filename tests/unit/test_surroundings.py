"""The nodes around a culprit, as data: who is shown, what is known of them, what is left out."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
import pytest
from onnx import TensorProto, helper

import pyonnxtool as pot
from cli.reports import row
from pyonnxtool.divergence.blame.surroundings import surroundings
from pyonnxtool.report_parts import Surroundings


def model(nodes: Sequence[onnx.NodeProto], outputs: Sequence[str]) -> pot.Model:
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in ("x", *outputs)
    ]
    weights = [
        helper.make_tensor(f"w{index}", TensorProto.FLOAT, [4], [1.0] * 4) for index in range(6)
    ]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], weights)
    return pot.from_proto(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    )


def chain(count: int) -> list[onnx.NodeProto]:
    names = ["x", *(f"v{index}" for index in range(1, count)), "y"]
    return [
        helper.make_node("Add", [names[index], "w0"], [names[index + 1]], name=f"n{index}")
        for index in range(count)
    ]


def around(one: pot.Model, name: str, region: Sequence[int] = ()) -> Surroundings:
    node = next(node for node in one.graph.nodes if node.name == name)
    return surroundings(node, region, lambda value: None)


def names(found: Surroundings, kind: str = "node") -> list[str]:
    return [node.name for node in found.nodes if node.kind == kind]


def test_two_steps_each_way_in_order() -> None:
    found = around(model(chain(9), ["y"]), "n4")
    assert names(found) == ["n2", "n3", "n4", "n5", "n6"]
    assert [node.role for node in found.nodes if node.kind == "node"] == (
        ["around", "around", "culprit", "around", "around"]
    )
    inner = [edge for edge in found.edges if edge.source.startswith("n")]
    assert [edge.value for edge in inner] == ["v3", "v4", "v5", "v6"]
    assert names(found, "weight") == ["w0"], "of the culprit only"
    assert names(found, "input") == names(found, "output") == []


def test_ends_of_the_graph_are_shown() -> None:
    found = around(model(chain(2), ["y"]), "n0")
    assert names(found, "input") == ["x"]
    assert names(found, "output") == ["y"]
    kinds = {node.key: node.kind for node in found.nodes}
    assert {(kinds[edge.source], kinds[edge.target]) for edge in found.edges} == {
        ("input", "node"),
        ("weight", "node"),
        ("node", "node"),
        ("node", "output"),
    }
    last = next(edge for edge in found.edges if edge.value == "y")
    assert (last.dtype, last.shape) == ("float32", ("n", 4))
    unknown = next(edge for edge in found.edges if edge.value == "v1")
    assert (unknown.dtype, unknown.shape) == ("", None), "no shape is made up"


def test_numbers_come_with_the_values_that_were_measured() -> None:
    one = model(chain(3), ["y"])
    rows = {
        "v1": row("v1", "ok", introduced={"max_abs": 0.0}),
        "v2": row("v2", "bad", introduced={"max_abs": 0.5}, tolerance=1e-5, shape=(2, 4)),
    }
    node = next(node for node in one.graph.nodes if node.name == "n1")
    drawn = surroundings(node, (), rows.get)
    found = {box.name: box for box in drawn.nodes}
    assert (found["n1"].introduced, found["n1"].tolerance, found["n1"].status) == (0.5, 1e-5, "bad")
    assert (found["n0"].introduced, found["n0"].status) == (0.0, "ok")
    assert (found["n2"].introduced, found["n2"].tolerance, found["n2"].status) == (None, None, "")
    assert next(edge for edge in drawn.edges if edge.value == "v2").shape == (2, 4)


def test_a_region_is_told_from_what_is_around_it() -> None:
    one = model(chain(9), ["y"])
    ids = [node.id for node in one.graph.nodes if node.name in ("n3", "n4")]
    found = around(one, "n4", ids)
    roles = {node.name: node.role for node in found.nodes if node.kind == "node"}
    assert roles["n3"] == "region"
    assert roles["n4"] == "culprit"
    assert names(found) == [f"n{index}" for index in range(1, 7)], "two steps from the region"


def test_a_value_that_many_read_does_not_fill_the_page() -> None:
    nodes = [helper.make_node("Add", ["x", "w0"], ["v"], name="culprit")]
    outputs = [f"y{index}" for index in range(40)]
    nodes += [helper.make_node("Relu", ["v"], [name], name=f"r_{name}") for name in outputs]
    found = around(model(nodes, outputs), "culprit")
    assert len(names(found)) == 12
    assert found.left_out == 29
    assert len([edge for edge in found.edges if edge.value == "v"]) == 11


def test_many_weights_are_few_boxes_and_constants_are_no_nodes() -> None:
    constant = helper.make_node(
        "Constant", [], ["c"], value=helper.make_tensor("t", TensorProto.FLOAT, [4], [1.0] * 4)
    )
    weights = [f"w{index}" for index in range(6)]
    node = helper.make_node("Sum", ["c", "x", *weights], ["y"], name="sum")
    found = around(model([constant, node], ["y"]), "sum")
    assert names(found) == ["sum"]
    assert names(found, "weight") == ["c", "w0", "w1", "w2"]
    assert names(found, "input") == ["x"]


def test_a_value_that_is_read_twice_is_one_edge() -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["v"], name="relu"),
        helper.make_node("Mul", ["v", "v"], ["y"], name="square"),
    ]
    found = around(model(nodes, ["y"]), "square")
    assert [edge.value for edge in found.edges].count("v") == 1


@pytest.mark.parametrize("by", ["values", "splice"])
def test_each_way_to_bisect_fills_it(by: str) -> None:
    good, bad = (model(chain(4), ["y"]) for _ in range(2))
    proto = pot.to_proto(bad)
    proto.graph.node[2].op_type = "Sub"
    found = pot.bisect(good, pot.from_proto(proto), by=by, dims={"n": 2})
    assert found.verdict == "fault"
    drawn = found.culprits[0].surroundings
    assert drawn is not None
    assert [node.name for node in drawn.nodes if node.role == "culprit"] == ["n2"]
