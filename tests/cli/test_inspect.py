"""inspect: every fact of a model whose facts are known, without reading a weight."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pyonnxtool.inspection import Port, Storage, inspect


def known_model() -> onnx.ModelProto:
    """Has one of everything that inspect tells."""
    body = helper.make_graph(
        [helper.make_node("Add", ["h", "w"], ["then_y"]), helper.make_node("Neg", ["h"], ["dead"])],
        "then",
        [],
        [helper.make_tensor_value_info("then_y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.zeros(3, np.float32), "then_unused")],
    )
    other = helper.make_graph(
        [helper.make_node("Identity", ["h"], ["else_y"])],
        "else",
        [],
        [helper.make_tensor_value_info("else_y", TensorProto.FLOAT, None)],
    )
    nodes = [
        helper.make_node("Twice", ["x"], ["h"], name="twice", domain="mine"),
        helper.make_node("If", ["flag"], ["y"], name="if", then_branch=body, else_branch=other),
        helper.make_node("RandomNormalLike", ["y"], ["noise"], name="noise"),
        helper.make_node("Magic", ["noise"], ["z"], name="magic", domain="vendor"),
        helper.make_node("Dropout", ["z"], ["out", "mask"], name="drop"),
    ]
    function = helper.make_function(
        "mine",
        "Twice",
        ["a"],
        ["b"],
        [helper.make_node("Add", ["a", "a"], ["b"])],
        [helper.make_opsetid("", 17)],
    )
    graph = helper.make_graph(
        nodes,
        "known",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, None]),
            helper.make_tensor_value_info("flag", TensorProto.BOOL, []),
            helper.make_tensor_value_info("ignored", TensorProto.INT64, ["batch"]),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, [3]),
        ],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["batch", 3, None])],
        [
            numpy_helper.from_array(np.zeros(3, np.float32), "w"),
            numpy_helper.from_array(np.zeros((5, 5), np.float16), "unused"),
        ],
    )
    return helper.make_model(
        graph,
        functions=[function],
        opset_imports=[helper.make_opsetid(name, v) for name, v in (("", 17), ("mine", 1))]
        + [helper.make_opsetid("vendor", 2)],
        producer_name="tests",
        producer_version="1.5",
        ir_version=8,
    )


@pytest.fixture
def known(tmp_path: Path) -> Path:
    path = tmp_path / "known.onnx"
    onnx.save(known_model(), path)
    return path


def test_facts(known: Path) -> None:
    found = inspect(known)
    assert found.inputs == (
        Port("x", "tensor", "float32", ("batch", 3, None)),
        Port("flag", "tensor", "bool", ()),
        Port("ignored", "tensor", "int64", ("batch",)),
    ), "a weight that is listed as an input is no input"
    assert found.outputs == (Port("out", "tensor", "float32", ("batch", 3, None)),)
    assert found.opsets == {"ai.onnx": 17, "mine": 1, "vendor": 2}
    assert (found.ir_version, found.producer) == (8, "tests 1.5")
    assert (found.nodes, found.subgraphs) == (8, 2)
    assert found.ops == {
        **{"mine::Twice": 1, "If": 1, "Add": 1, "Neg": 1, "Identity": 1},
        **{"RandomNormalLike": 1, "vendor::Magic": 1, "Dropout": 1},
    }
    assert found.dynamic_dims == {"batch": ("x[0]", "ignored[0]"), "?": ("x[2]",)}
    assert [(item.name, item.kind, item.op_type) for item in found.unused] == [
        ("ignored", "input", ""),
        ("unused", "weight", ""),
        ("mask", "result", "Dropout"),
        ("then_unused", "weight", ""),
        ("dead", "result", "Neg"),
    ]
    assert [(place.node, place.domain) for place in found.custom_ops] == [("magic", "vendor")]
    assert [place.node for place in found.random_ops] == ["noise"]
    assert [(f.name, f.domain, f.nodes, f.calls) for f in found.functions] == [
        ("Twice", "mine", 1, 1)
    ]


def test_weights_inside(known: Path) -> None:
    weights = inspect(known).weights
    assert (weights.count, weights.nbytes, weights.inside, weights.external) == (3, 74, 74, 0)
    assert weights.dtypes == (Storage("float16", 1, 50), Storage("float32", 2, 24))
    assert weights.files == ()


def test_weights_outside_are_not_read(tmp_path: Path, run: Any) -> None:
    model = known_model()
    onnx.save(
        model,
        tmp_path / "m.onnx",
        save_as_external_data=True,
        location="m.data",
        size_threshold=0,
    )
    data = tmp_path / "m.data"
    length = data.stat().st_size
    data.unlink()
    with data.open("wb") as file:
        file.truncate(length)
    weights = inspect(tmp_path / "m.onnx").weights
    assert (weights.inside, weights.external) == (0, 74)
    assert [Path(name).name for name in weights.files] == ["m.data"]
    assert "0 B inside the file, 74 B in m.data" in run("inspect", "m.onnx").stdout


def test_text(known: Path, run: Any, golden: Callable[[str, str], None]) -> None:
    golden("inspect", run("inspect", "known.onnx").stdout)


def test_a_model_that_no_runtime_takes_yet(known: Path, run: Any) -> None:
    assert "onnxruntime-1.12" in inspect(known).runtimes
    proto = onnx.load(known)
    proto.opset_import[0].version = 99
    onnx.save(proto, known)
    assert inspect(known).runtimes == ()
    told = run("inspect", known.name).stdout
    assert (
        "  taken by    no runtime that is known; `pyonnxtool opset` brings it to an older" in told
    )


def test_long_lists_are_cut_unless_asked_for(tmp_path: Path, run: Any) -> None:
    nodes = [helper.make_node("Neg", ["x"], [f"y{index}"]) for index in range(30)]
    nodes += [helper.make_node("Op", ["x"], ["z"], domain=f"d{index}") for index in range(30)]
    graph = helper.make_graph(
        nodes,
        "wide",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y0", TensorProto.FLOAT, [1])],
    )
    onnx.save(helper.make_model(graph), tmp_path / "wide.onnx")
    text = run("inspect", "wide.onnx").stdout
    assert "y9" not in text
    assert "more (-v shows all)" in text
    assert "7 more kinds; -v shows all" in text
    told = run("inspect", "wide.onnx", "-v").stdout
    assert "more (-v" not in told
    assert "y29" in told
    assert "d29::Op" in told


def test_json(known: Path, run: Any) -> None:
    told = json.loads(run("inspect", "known.onnx", "--format", "json").stdout)
    assert told["schema"] == "pyonnxtool/inspect/1"
    assert told["inputs"][0] == {
        "name": "x",
        "kind": "tensor",
        "dtype": "float32",
        "shape": ["batch", 3, None],
    }
    assert told["dynamic_dims"] == {"batch": ["x[0]", "ignored[0]"], "?": ["x[2]"]}


def test_quiet(known: Path, run: Any) -> None:
    assert run("inspect", "known.onnx", "-q").stdout == (
        "known.onnx: 8 nodes, 3 weights (74 B), opset 17, mine 1, vendor 2\n"
    )


def test_the_report_goes_to_a_file(known: Path, run: Any, tmp_path: Path) -> None:
    text = run("inspect", "known.onnx").stdout
    run("inspect", "known.onnx", "-o", "facts.txt")
    assert (tmp_path / "facts.txt").read_text() == text
    refused = run("inspect", "known.onnx", "-o", "known.onnx", "--force")
    assert refused.exit_code == 2


def test_what_is_not_a_file(run: Any, tmp_path: Path) -> None:
    result = run("inspect", "none.onnx")
    assert (result.exit_code, result.stderr) == (
        2,
        "Error: none.onnx is not there; inspect wants the path of an .onnx file\n",
    )
    (tmp_path / "folder").mkdir()
    assert "folder is a folder" in run("inspect", "folder").stderr


def test_bytes_that_are_no_model(run: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"\xff" * 100)
    result = run("inspect", "bad.onnx")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert "bad.onnx" in result.stderr
    assert not result.stdout


def test_a_model_without_anything(tmp_path: Path, run: Any) -> None:
    onnx.save(helper.make_model(helper.make_graph([], "g", [], [])), tmp_path / "empty.onnx")
    result = run("inspect", "empty.onnx")
    assert result.exit_code == 0
    assert "none" in result.stdout
