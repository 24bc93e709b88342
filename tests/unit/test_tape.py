"""New nodes before they are in a graph: names, constants, attributes, bodies."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.rewriting.tape import Names, Tape


@pytest.fixture
def tape() -> Tape:
    return Tape(17, "n", Names(["n/Add", "x"]))


def test_a_name_begins_with_that_of_the_node_and_is_new(tape: Tape) -> None:
    assert tape.op("Add", "x", "x") == "n/Add_1"
    assert tape.op("Add", "x", "x") == "n/Add_2"


def test_omitted_inputs_at_the_end_are_left_out(tape: Tape) -> None:
    tape.op("Clip", "x", None, "most")
    tape.op("Clip", "x", "least", "")
    assert [list(node.input) for node in tape.nodes] == [["x", "", "most"], ["x", "least"]]


def test_equal_constants_are_one_and_others_are_not(tape: Tape) -> None:
    assert tape.ints([1, 2]) == tape.const(np.array([1, 2], np.int64))
    names = {
        tape.ints([1]),
        tape.const(1, "int64"),
        tape.const([1], "int32"),
        tape.const([1.0], "float32"),
        tape.const([0.0], "float32"),
        tape.const([-0.0], "float32"),
    }
    assert len(names) == 6
    by_name = {one.name: numpy_helper.to_array(one) for one in tape.constants}
    assert by_name[tape.const(1, "int64")].shape == ()


@pytest.mark.parametrize("dtype", ["bfloat16", "float8e4m3fn", "int4", "uint2", "string", "bool"])
def test_every_dtype_has_an_array(dtype: str) -> None:
    assert np.zeros(2, numpy_dtype(dtype)).size == 2


def test_attributes(tape: Tape) -> None:
    given = {"to": np.int64(7), "axes": [], "perm": (1, 0), "none": None, "value": np.ones(2)}
    tape.op("Odd", "x", domain="d", flag=True, rate=np.float32(0.5), mode="up", **given)
    found = {a.name: helper.get_attribute_value(a) for a in tape.nodes[0].attribute}
    assert found["to"] == 7
    assert list(found["axes"]) == []
    assert list(found["perm"]) == [1, 0]
    assert "none" not in found
    assert found["flag"] == 1
    assert (found["rate"], found["mode"]) == (0.5, b"up")
    np.testing.assert_array_equal(numpy_helper.to_array(found["value"]), np.ones(2))


def test_outputs_that_nobody_wants(tape: Tape) -> None:
    made = tape.many("TopK", "x", "k", outputs=[False, True])
    assert made[0] == ""
    assert list(tape.nodes[0].output) == ["", made[1]]


def test_all_outputs_of_a_loop_are_named(tape: Tape) -> None:
    """onnxruntime 1.31 crashes where one is omitted."""
    assert all(tape.many("Loop", "count", "", "x", outputs=[False, True], body=onnx.GraphProto()))


def test_a_body_has_its_constants_and_makes_its_outputs(tape: Tape) -> None:
    def build(inner: Tape, names: tuple[str, ...]) -> list[tuple[str, str, int | None]]:
        step, going, total = names
        more = inner.op("Add", total, inner.cast(step, "float32"))
        inner.const(2.0, "float32")
        return [(going, "bool", 0), (more, "float32", 1), (more, "float32", 1)]

    body = tape.body([("i", "int64", 0), ("on", "bool", 0), ("sum", "float32", 1)], build)
    assert len({one.name for one in body.output}) == 3
    made = {name for node in body.node for name in node.output}
    assert {one.name for one in body.output} <= made
    assert not body.initializer
    graph = helper.make_graph(body.node, "g", body.input, body.output)
    onnx.checker.check_model(helper.make_model(graph), full_check=True)
