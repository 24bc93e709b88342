"""The graph as Python sees it, and edits that keep it whole."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyonnxtool as pot
from support import fresh_process

TEXT = """
<ir_version: 10, opset_import: ["": 18, "local": 1],
 producer_name: "me", metadata_props: ["k": "v"]>
main (float[n, 2] x, bool c) => (float[n, 2] y)
<float[2] w = {1.0, 2.0}, float[n, 2] h>
{
  h = Add (x, w)
  r = If (c) <then_branch = then () => (t) { t = Mul (h, w) },
              else_branch = other () => (o) { i = Neg (h) o = local.twice <alpha = 2.0> (i) }>
  y = Clip (r, , w)
}
<opset_import: ["": 18], domain: "local">
twice <alpha> (a) => (b) { b = LeakyRelu <alpha: float = @alpha> (a) }
"""


@pytest.fixture
def model() -> pot.Model:
    return pot.from_proto(onnx.parser.parse_model(TEXT))


def test_the_header(model: pot.Model) -> None:
    assert (model.ir_version, model.producer_name) == (10, "me")
    assert model.opset_imports == {"": 18, "local": 1}
    assert model.metadata == {"k": "v"}
    assert (model.path, model.folder) == ("", "")
    assert model.verify() == []


def test_nodes_and_values(model: pot.Model) -> None:
    graph = model.graph
    assert [node.op_type for node in graph.nodes] == ["Add", "If", "Clip"]
    clip = graph.nodes[2]
    assert clip.input_names == ["r", "", "w"]
    assert clip.inputs[1] is None
    h = graph.value("h")
    assert (h.dtype, h.shape, h.kind) == ("float32", ("n", 2), "tensor")
    assert h.producer == graph.nodes[0]
    assert h.consumers == [graph.nodes[1]]
    assert graph.value("x").is_input
    assert graph.value("y").is_output
    weight = graph.value("w")
    assert weight.initializer is not None
    assert weight.initializer.numpy().tolist() == [1.0, 2.0]
    assert weight.consumers == [graph.nodes[0], graph.nodes[2], graph.nodes[1]]
    assert {value.name for value in graph.values} == {"x", "c", "w", "h", "r", "y"}
    assert clip.text() == "y = Clip(r, -, w)"
    assert clip.label == "Clip node that makes 'y'"


def test_bodies(model: pot.Model) -> None:
    branch = model.graph.nodes[1]
    then, other = branch.subgraphs
    assert [value.name for value in branch.captured] == ["h", "w"]
    assert then.parent == model.graph
    assert then.value("h").is_outer
    assert not then.value("t").is_outer
    assert then.value("h").dtype == "float32"
    assert branch.attributes["then_branch"] == then
    assert other.nodes[1].domain == "local"
    assert other.nodes[1].attributes == {"alpha": 2.0}


def test_functions(model: pot.Model) -> None:
    (function,) = model.functions
    assert (function.domain, function.name, function.attributes) == ("local", "twice", ["alpha"])
    assert function.opset_imports == {"": 18}
    assert [value.name for value in function.graph.inputs] == ["a"]
    assert function.graph.nodes[0].attributes == {"alpha": "@alpha"}


def test_renaming_reaches_the_bodies(model: pot.Model) -> None:
    model.graph.rename_value("h", "hidden")
    model.graph.rename_value("w", "t")  # a body has a value of this name, which has to yield
    assert model.verify() == []
    proto = pot.to_proto(model)
    then = proto.graph.node[1].attribute[0].g
    assert list(then.node[0].input) == ["hidden", "t"]
    assert list(then.node[0].output) == [then.output[0].name]
    assert then.output[0].name not in {"t", "hidden"}
    assert [tensor.name for tensor in proto.graph.initializer] == ["t"]
    onnx.checker.check_model(proto)
    with pytest.raises(pot.ModelError, match="cannot rename 'x' to 'c': the name is taken"):
        model.graph.rename_value("x", "c")


def test_replacing_uses_reaches_the_bodies(model: pot.Model) -> None:
    model.graph.replace_uses("h", "x")
    proto = pot.to_proto(model)
    assert proto.graph.node[1].attribute[0].g.node[0].input[0] == "x"
    assert model.graph.value("h").consumers == []


def test_copies_are_independent(model: pot.Model) -> None:
    before = model.to_bytes()
    copy = model.copy()
    copy.graph.rename_value("h", "other")
    copy.graph.nodes[1].subgraphs[0].add_node("Abs", ["t"], ["u"])
    assert model.to_bytes() == before
    assert copy.to_bytes() != before


def test_an_edit_inside_a_body_is_written(model: pot.Model) -> None:
    model.graph.nodes[1].subgraphs[0].add_node("Abs", ["x"], ["u"])
    assert pot.to_proto(model).graph.node[1].attribute[0].g.node[1].op_type == "Abs"
    assert [value.name for value in model.graph.nodes[1].captured] == ["h", "w", "x"]


def test_handles_that_are_stale(model: pot.Model) -> None:
    branch = model.graph.nodes[1]
    body = branch.subgraphs[0]
    inner = body.nodes[0]
    model.graph.remove_node(branch)
    for use in (lambda: branch.op_type, branch.text, lambda: model.graph.node(branch.id)):
        with pytest.raises(pot.ModelError, match="this node is gone"):
            use()
    for use in (lambda: body.name, lambda: inner.op_type, lambda: body.nodes):
        with pytest.raises(pot.ModelError, match="this graph is gone"):
            use()
    with pytest.raises(pot.ModelError, match="no value called 'nothing'"):
        model.graph.value("nothing")


def test_what_verify_names() -> None:
    more = "y = Clip (r, , w)\n  [extra] y = Relu (nothing)\n  [snake] loop = Exp (loop)"
    text = TEXT.replace("y = Clip (r, , w)", more)
    text = text.replace("{ t = Mul (h, w) }", "{ t = Mul (h, w) [inner] u = Abs (lost) }")
    model = pot.from_proto(onnx.parser.parse_model(text))
    assert model.verify() == [
        "'y' is made twice: by Clip node that makes 'y' and by node 'extra' (Relu)",
        "input 0 of node 'inner' (Abs), 'lost', is defined nowhere",
        "input 0 of node 'extra' (Relu), 'nothing', is defined nowhere",
        "node 'snake' (Exp) needs its own output: the graph has a cycle",
    ]


def test_order_of_a_graph_that_is_not_sorted() -> None:
    text = """<ir_version: 8, opset_import: ["": 18]> g (float[1] x) => (float[1] y)
    { y = Relu (b) b = Exp (a) a = Neg (x) }"""
    model = pot.from_proto(onnx.parser.parse_model(text))
    assert [node.op_type for node in model.graph.order()] == ["Neg", "Exp", "Relu"]
    model.graph.sort()
    assert [node.op_type for node in pot.to_proto(model).graph.node] == ["Neg", "Exp", "Relu"]


def test_names_that_are_not_utf_8() -> None:
    data = b"\x08\x08\x3a\x09\x0a\x07\x22\x01A\x12\x02\xff\xfe"
    model = pot.model._core.from_bytes(data)
    name = model.graph.nodes[0].output_names[0]
    assert model.graph.value(name).producer == model.graph.nodes[0]
    model.graph.rename_value(name, "ok")
    model.graph.rename_value("ok", name)
    assert b"\x12\x02\xff\xfe" in model.to_bytes()


def test_what_stands_for_a_model(model: pot.Model, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    model.save(str(path))
    for given_ in (path, str(path), model, pot.to_proto(model)):
        assert pot.as_model(given_).graph.node_count == 3
    with pytest.raises(pot.UsageError, match="a int is no model: give a path"):
        pot.as_model(3)  # type: ignore[arg-type]


def test_importing_loads_no_third_party(tmp_path: Path) -> None:
    script = """
import sys, pyonnxtool
heavy = {"onnx", "onnxruntime", "onnx_graphsurgeon", "click", "rich", "jinja2", "torch"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
assert callable(pyonnxtool.diff) and callable(pyonnxtool.bisect)
"""
    ended = fresh_process.run_python("-c", script, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr


EDITS = st.tuples(
    st.sampled_from(["rename", "add", "output", "reroute", "body", "sort"]),
    st.integers(0, 99),
    st.integers(0, 99),
)


def apply(model: pot.Model, edit: str, a: int, b: int) -> None:
    graph = model.graph
    values = graph.values
    one, two = values[a % len(values)], values[b % len(values)]
    if edit == "rename":
        graph.rename_value(one.name, f"renamed_{a}_{b}_{len(values)}")
    elif edit == "add":
        graph.add_node("Add", [one.name, two.name], [f"sum_{len(values)}"])
    elif edit == "output" and not one.is_output:
        graph.add_output(one.name)
    elif edit == "reroute":
        # Reading a graph input or a weight instead can close no cycle.
        graph.replace_uses(one.name, ("x" if any(v.name == "x" for v in values) else two.name))
    elif edit == "body":
        branch = next(node for node in graph.nodes if node.op_type == "If")
        branch.subgraphs[a % 2].add_node("Abs", [graph.inputs[0].name], [f"abs_{a}_{b}"])
    else:
        graph.sort()


@settings(max_examples=60, deadline=None)
@given(st.lists(EDITS, max_size=8))
def test_legal_edits_leave_a_legal_graph(edits: list[tuple[str, int, int]]) -> None:
    model = pot.from_proto(onnx.parser.parse_model(TEXT))
    names_in_bodies = len(edits)
    for edit, a, b in edits:
        if edit == "reroute" and not any(v.name == "x" for v in model.graph.values):
            continue
        if (
            edit == "body"
            and names_in_bodies
            and any(
                f"abs_{a}_{b}" == value.name
                for body in _branch(model).subgraphs
                for value in body.values
            )
        ):
            continue
        apply(model, edit, a, b)
    assert model.verify() == []
    data = model.to_bytes()
    again = pot.from_proto(pot.to_proto(model))
    assert again.to_bytes() == onnx.ModelProto.FromString(data).SerializeToString()
    assert again.verify() == []
    model.touch()
    assert onnx.ModelProto.FromString(model.to_bytes()) == onnx.ModelProto.FromString(data)


def _branch(model: pot.Model) -> pot.Node:
    return next(node for node in model.graph.nodes if node.op_type == "If")
