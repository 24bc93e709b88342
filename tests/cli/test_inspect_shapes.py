"""inspect --shapes: every value with what is known of it, and why the rest is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pyonnxtool.inspection import inspect

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
value = helper.make_tensor_value_info


def odd_model() -> onnx.ModelProto:
    """Has sizes that are fixed, named, open, unknown and wrong, in the graph and in a body."""
    body = helper.make_graph(
        [helper.make_node("Concat", ["x", "x"], ["twice"], axis=1)],
        "then",
        [],
        [value("twice", FLOAT, None)],
    )
    other = helper.make_graph(
        [helper.make_node("Concat", ["x", "x"], ["again"], axis=1)],
        "else",
        [],
        [value("again", FLOAT, None)],
    )
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Constant", [], ["half"], value_floats=[0.5]),
        helper.make_node("Mul", ["x", "half"], ["scaled"]),
        helper.make_node(
            "If", ["flag"], ["chosen"], name="if", then_branch=body, else_branch=other
        ),
        helper.make_node("NonZero", ["x"], ["places"], name="where"),
        helper.make_node("Transpose", ["places"], ["listed"], perm=[1, 0]),
        helper.make_node("Magic", ["listed"], ["made"], name="magic", domain="vendor"),
        helper.make_node("Add", ["x", "w"], ["wrong"], name="add"),
        helper.make_node("SplitToSequence", ["x"], ["rows"], axis=1),
    ]
    names = ("scaled", "chosen", "listed", "made", "wrong")
    graph = helper.make_graph(
        nodes,
        "odd",
        [value("x", FLOAT, ["n", 4]), value("flag", TensorProto.BOOL, [])],
        [value(name, INT64 if name == "listed" else FLOAT, None) for name in names],
        [numpy_helper.from_array(np.zeros(3, np.float32), "w")],
    )
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("vendor", 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    path = tmp_path / "odd.onnx"
    onnx.save(odd_model(), path)
    return path


def test_text(odd: Path, run: Any, golden: Callable[[str, str], None]) -> None:
    golden("inspect_shapes", run("inspect", "odd.onnx", "--shapes").stdout)


def test_without_the_option_nothing_is_inferred(odd: Path, run: Any) -> None:
    assert "Inferred shapes" not in run("inspect", "odd.onnx").stdout
    assert inspect(odd).shapes is None


def test_json(odd: Path, run: Any) -> None:
    told = json.loads(run("inspect", "odd.onnx", "--shapes", "--format", "json").stdout)["shapes"]
    values = {one["value"]: one for one in told["values"]}
    assert list(values)[:4] == ["x", "flag", "shape", "half"]
    assert values["shape"]["shape"] == [2]
    assert values["shape"]["elements"] == ["n", 4]
    assert (values["twice"]["graph"], values["twice"]["shape"]) == ("main/if.then_branch", ["n", 8])
    assert values["chosen"]["shape"] == ["n", 8]
    assert values["places"]["shape"] == [2, None]
    assert values["places"]["reasons"] == values["listed"]["reasons"] != []
    assert (values["rows"]["kind"], values["rows"]["shape"]) == ("sequence", ["n", 1])
    assert values["wrong"]["kind"] == "unknown"
    unruled = {"node": "magic", "op_type": "Magic", "domain": "vendor", "graph": "main"}
    assert told["without_rule"] == [
        {**unruled, "outputs": ["made"], "by_onnx": False, "is_call": False}
    ]
    assert [one["node"] for one in told["contradictions"]] == ["add"]


def test_a_contradiction_is_an_error_line(odd: Path, run: Any) -> None:
    result = run("inspect", "odd.onnx", "--shapes")
    assert result.exit_code == 0
    assert "  error: node 'add' (Add): sizes 4 and 3 do not broadcast\n" in result.stdout


def test_a_cycle_is_an_error(tmp_path: Path, run: Any) -> None:
    nodes = [helper.make_node("Neg", ["b"], ["a"]), helper.make_node("Neg", ["a"], ["b"])]
    graph = helper.make_graph(nodes, "round", [], [value("a", FLOAT, [1])])
    onnx.save(helper.make_model(graph), tmp_path / "round.onnx")
    result = run("inspect", "round.onnx", "--shapes")
    assert result.exit_code == 2
    assert "cycle" in result.stderr


def test_long_expressions_go_on_under_themselves(tmp_path: Path, run: Any) -> None:
    long = "a_very_long_name_of_a_size_that_some_exporter_has_made"
    nodes = [helper.make_node("Reshape", ["x", "flat"], ["y"])]
    graph = helper.make_graph(
        nodes,
        "long",
        [value("x", FLOAT, [long, f"{long}_2", f"{long}_3"])],
        [value("y", FLOAT, None)],
        [numpy_helper.from_array(np.array([-1]), "flat")],
    )
    onnx.save(helper.make_model(graph), tmp_path / "long.onnx")
    lines = run("inspect", "long.onnx", "--shapes").stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert f"{long}*{long}_2*{long}_3" in "".join(line.strip() for line in lines)


def test_many_names_are_counted(tmp_path: Path, run: Any) -> None:
    nodes = [helper.make_node("Neg", ["x"], ["y"])]
    sizes = ["a", "b{0}", "c", "d", "e"]
    graph = helper.make_graph(nodes, "g", [value("x", FLOAT, sizes)], [value("y", FLOAT, None)])
    onnx.save(helper.make_model(graph), tmp_path / "many.onnx")
    text = run("inspect", "many.onnx", "--shapes").stdout
    assert "Inferred shapes  2 values: 2 depend on a, b{0}, c and 2 more\n" in text


def test_a_function_with_such_a_node_is_named_by_its_call(tmp_path: Path, run: Any) -> None:
    imports = [helper.make_opsetid(name, version) for name, version in (("", 17), ("vendor", 1))]
    body = [helper.make_node("Magic", ["a"], ["m"], domain="vendor")]
    body.append(helper.make_node("Relu", ["a"], ["b"]))
    function = helper.make_function("mine", "F", ["a"], ["b"], body, imports)
    graph = helper.make_graph(
        [helper.make_node("F", ["x"], ["y"], name="call", domain="mine")],
        "g",
        [value("x", FLOAT, ["n"])],
        [value("y", FLOAT, None)],
    )
    model = helper.make_model(
        graph, functions=[function], opset_imports=[*imports, helper.make_opsetid("mine", 1)]
    )
    onnx.save(model, tmp_path / "calls.onnx")
    text = run("inspect", "calls.onnx", "--shapes").stdout
    assert "  mine::F  a function of the model that has one: call\n" in text
    assert "  y      F        float32[n]\n" in text


def test_what_the_onnx_package_knows_is_said(tmp_path: Path, run: Any) -> None:
    """A program that registers a schema has it asked."""
    parameter = onnx.defs.OpSchema.FormalParameter
    schema = onnx.defs.OpSchema(
        *("Same", "tests.shapes", 1, "Hands it on."),
        inputs=[parameter("x", "T")],
        outputs=[parameter("y", "T")],
        type_constraints=[("T", ["tensor(float)"], "")],
    )
    schema.set_type_and_shape_inference_function(
        lambda context: context.set_output_type(0, context.get_input_type(0))
    )
    graph = helper.make_graph(
        [helper.make_node("Same", ["x"], ["y"], name="same", domain="tests.shapes")],
        "g",
        [value("x", FLOAT, ["n//2"])],
        [onnx.ValueInfoProto(name="y")],
    )
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("tests.shapes", 1)]
    onnx.save(helper.make_model(graph, opset_imports=imports), tmp_path / "same.onnx")
    onnx.defs.register_schema(schema)
    try:
        text = run("inspect", "same.onnx", "--shapes").stdout
    finally:
        onnx.defs.deregister_schema("Same", 1, "tests.shapes")
    assert "  tests.shapes::Same  the onnx package's inference: same\n" in text
    assert "  y      Same     float32[n//2]\n" in text
