"""Weights that are replaced, and equal ones that are stored once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool.errors import UsageError

NET = """
<ir_version: 8, opset_import: ["" : 17, "my" : 1]>
g (float[2] x, bool go) => (float[2] y)
<float[2] w = {1, 2}, float[2] same = {1, 2}, float[1,2] other = {1, 2}, float[2] zero = {0, 0}> {
   a = Add (x, w)
   b = Add (a, same)
   k = Constant <value = float[2] {1, 2}> ()
   c = Add (b, k)
   d = Add (c, zero)
   e = If (go) <
     then_branch = t () => (float[2] p) <float[2] inner = {1, 2}> { p = Add (d, inner) },
     else_branch = f () => (float[2] q) <float[2] deep = {5, 6}> { q = Mul (d, deep) }
   >
   r = Reshape (other, two)
   h = my.bias (e)
   y = Add (h, r)
   two = Constant <value = int64[1] {2}> ()
}
<domain: "my", opset_import: ["" : 17]> bias (a) => (b) {
   s = Constant <value = float[2] {1, 2}> ()
   t = Constant <value = float[2] {1, 2}> ()
   u = Add (a, s)
   b = Add (u, t)
}
"""


def net() -> pot.Model:
    model = pot.from_proto(onnx.parser.parse_model(NET))
    model.graph.sort()
    return model


def held(model: pot.Model) -> dict[str, Any]:
    return {one.name: one.numpy().tolist() for one in model.graph.initializers}


def test_arrays_take_the_place_of_weights_of_that_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", w=np.float32([7, 8]), deep=np.float32([9, 10]))
    np.savez_compressed(tmp_path / "b.npz", k=np.float32([3, 4]))
    np.save(tmp_path / "s.npy", np.float32([1, 1]))
    files = [str(tmp_path / "a.npz"), str(tmp_path / "b.npz"), f"s={tmp_path / 's.npy'}"]
    made = pot.weights(net(), replace=files)
    assert [(one.rule, one.count) for one in made.report.changes] == [("weights replaced", 4)]
    model = made.model
    assert held(model)["w"] == [7, 8]
    nodes = {node.op_type: node for node in model.graph.nodes}
    assert nodes["If"].subgraphs[1].initializers[0].numpy().tolist() == [9, 10]
    assert nodes["Constant"].graph.value("k").producer is not None
    assert model.functions[0].graph.nodes[0].attributes["value"].numpy().tolist() == [1, 1]
    again = pot.weights(net(), replace={"w": np.float32([7, 8]), "s": tmp_path / "s.npy"})
    assert held(again.model)["w"] == [7, 8]
    assert held(net())["w"] == [1, 2]


def test_large_arrays_of_files_are_mapped_and_others_are_read(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    text = "<ir_version: 8, opset_import: [\"\" : 17]> g (float[3] x) => (float[2,3] y) " \
        "<float[2,3] w = {0,0,0,0,0,0}> { y = Add (x, w) }"  # fmt: skip
    for name, stored in (("c", array), ("f", np.asfortranarray(array))):
        np.savez(tmp_path / f"{name}.npz", w=stored)
        made = pot.weights(
            pot.from_proto(onnx.parser.parse_model(text)), replace=tmp_path / f"{name}.npz"
        )
        assert made.model.graph.initializers[0].numpy().tolist() == array.tolist()
    np.savez(tmp_path / "empty.npz", w=np.zeros((0, 3), np.float32))
    with pytest.raises(UsageError, match=r"float32\[2,3\], and the array for it is float32\[0,3\]"):
        pot.weights(pot.from_proto(onnx.parser.parse_model(text)), replace=tmp_path / "empty.npz")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"v": np.float32([1, 2])}, "there is no weight called 'v'"),
        ({"sme": 1, "a": 2}, r"called 'sme'; did you mean: same.*; 1 other name too"),
        ({"w": np.float32([1, 2, 3])}, r"is float32\[2\], and the array for it is float32\[3\]$"),
        ({"w": np.array([1.0, 2.0])}, r'float64\[2\]; cast it first: array.astype\("float32"\)'),
        ({"w": np.array(["a", "b"])}, r"the array for it is string\[2\]$"),
        ("no.npz", r"no\.npz: there is no such file"),
        ("w=no.npy", r"no\.npy: there is no such file"),
        ("bad.npz", r"bad\.npz cannot be read as numpy writes arrays: File is not a zip file"),
        ("w=bad.npy", r"bad\.npy cannot be read as numpy writes arrays"),
        ("bad.npy", r"holds an array without a name; write that of the weight before it"),
        ("what.txt", r"'what\.txt' holds no weights: give an \.npz"),
        (["good.npz", "w=good.npy"], "'w' is given twice"),
        ("w=several.npy", r"several\.npy holds several arrays"),
        ("pickled.npz", "cannot be read"),
    ],
)
def test_what_does_not_fit_is_told(
    given: Any, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("bad.npz", "bad.npy", "what.txt"):
        Path(name).write_bytes(b"no numbers")
    np.savez("good.npz", w=np.float32([1, 2]))
    np.save("good.npy", np.float32([1, 2]))
    Path("several.npy").write_bytes(Path("good.npz").read_bytes())
    np.savez("pickled.npz", w=np.array([{}, 1]))
    with pytest.raises(UsageError, match=told):
        pot.weights(net(), replace=given)


def test_equal_weights_are_stored_once() -> None:
    made = pot.weights(net(), deduplicate=True, verify=1)
    graph = made.model.graph
    assert set(held(made.model)) == {"w", "other", "zero"}
    assert [node.op_type for node in graph.nodes].count("Constant") == 1
    branches = next(node for node in graph.nodes if node.op_type == "If").subgraphs
    assert (branches[0].initializers, len(branches[1].initializers)) == ([], 1)
    assert branches[0].nodes[0].input_names == ["d", "w"]
    body = made.model.functions[0].graph
    assert [node.text() for node in body.nodes][1:] == ["u = Add(a, s)", "b = Add(u, s)"]
    assert [(one.rule, one.count) for one in made.report.changes] == [
        ("equal weights stored once", 4)
    ]
    assert made.report.notes == ("32 bytes of equal weights are stored once less",)
    onnx.checker.check_model(pot.to_proto(made.model), full_check=True)


def test_bits_that_differ_are_not_equal_and_outputs_stay() -> None:
    text = """<ir_version: 8, opset_import: ["" : 17]>
    g (float[2] x) => (float[2] y, float[2] b) <float[2] a = {0, 1}, float[2] b = {0, 1}> {
       c = Add (x, a)
       y = Add (c, b)
    }"""
    model = pot.from_proto(onnx.parser.parse_model(text))
    assert set(held(pot.weights(model, deduplicate=True).model)) == {"a", "b"}
    model.graph.remove_output("b")
    assert set(held(pot.weights(model, deduplicate=True).model)) == {"a"}
    model.graph.set_initializer(np.float32([-0.0, 1]), "b")
    assert set(held(pot.weights(model, deduplicate=True).model)) == {"a", "b"}


def test_a_malformed_node_is_left_as_it_is() -> None:
    model = net()
    model.graph.add_node("Cast", [], ["unread"], attributes={"to": 1})
    made = pot.weights(model, fp16=True, deduplicate=True).model
    assert "unread = Cast()" in [node.text().partition(" {")[0] for node in made.graph.nodes]


def test_weights_are_listed_the_largest_first(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    big = np.arange(2000, dtype=np.float32)
    model = net()
    model.graph.set_initializer(big, "big")
    model.save(str(path), "external")
    listed = pot.weights(path).report.weights
    assert (listed[0].name, listed[0].place, listed[0].bytes) == ("big", "m.onnx.data:0", 8000)
    assert {one.name for one in listed} >= {"w", "k", "inner", "deep", "s", "t"}
    assert all(one.place == "inside" for one in listed[1:])
