"""What users get wrong: a text that says what was found and what to do, and nothing written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import Result
from onnx import TensorProto, helper, numpy_helper

WEIGHT = np.ones((4, 4), np.float32)


def chain(
    ops: Sequence[str] = ("Relu", "MatMul"), source: str = "x", outputs: Sequence[str] = ("y",)
) -> onnx.ModelProto:
    """x float32[batch,4] through some operators; every output is the last value."""
    nodes, value = [], source
    for index, op in enumerate(ops):
        inputs = [value, "w"] if op == "MatMul" else [value]
        value = f"v{index}"
        nodes.append(helper.make_node(op, inputs, [value], name=f"n{index}"))
    nodes += [helper.make_node("Neg", [value], [name]) for name in outputs]
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info(source, TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4]) for name in outputs],
        [numpy_helper.from_array(WEIGHT, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(params=["diff", "bisect"])
def refuse(request: pytest.FixtureRequest, run: Any, tmp_path: Path) -> Any:
    """Run diff or bisect with a report file; check that nothing but a text on stderr comes."""
    onnx.save(chain(), tmp_path / "good.onnx")

    def check(*arguments: str, code: int, told: Sequence[str]) -> Result:
        before = sorted(tmp_path.iterdir())
        result = run(request.param, *arguments, "-o", "report.txt", "--json", "report.json")
        assert result.exit_code == code, result.output
        for text in told:
            assert text in result.stderr
        assert "Traceback" not in result.output
        assert result.stderr.startswith("Error: ")
        assert not result.stdout
        assert sorted(tmp_path.iterdir()) == before
        return result

    return check


def test_a_missing_file(refuse: Any) -> None:
    refuse("none.onnx", "good.onnx", code=2, told=["none.onnx"])
    refuse("good.onnx", "none.onnx@ort:none", code=2, told=["none.onnx"])


def test_a_folder(refuse: Any, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    refuse("good.onnx", "models", code=2, told=["models"])


def test_not_onnx(refuse: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.onnx").write_text("These are notes, not a model.\n" * 20)
    refuse("good.onnx", "notes.onnx", code=2, told=["notes.onnx"])


def test_an_empty_file(refuse: Any, tmp_path: Path) -> None:
    (tmp_path / "empty.onnx").touch()
    refuse("empty.onnx", "good.onnx", code=2, told=["empty.onnx"])


def test_a_truncated_file(refuse: Any, tmp_path: Path) -> None:
    data = (tmp_path / "good.onnx").read_bytes()
    (tmp_path / "cut.onnx").write_bytes(data[: len(data) // 2])
    refuse("good.onnx", "cut.onnx", code=2, told=["cut.onnx"])


def test_an_unknown_backend(refuse: Any) -> None:
    refuse("good.onnx", "good.onnx@abacus", code=2, told=["abacus", "onnxruntime"])
    refuse("good.onnx@ort:most", code=2, told=["most", "all"])


def test_a_model_that_onnxruntime_refuses(refuse: Any, tmp_path: Path) -> None:
    onnx.save(chain(["Relu", "NoSuchOperator"]), tmp_path / "odd.onnx")
    refuse("good.onnx", "odd.onnx", code=125, told=["odd.onnx", "NoSuchOperator"])


@pytest.mark.parametrize(
    ("feeds", "told"),
    [
        ({"z": np.zeros((1, 4), np.float32)}, ["'z'", "'x'", "x float32[batch,4]"]),
        ({"x": np.zeros((1, 5), np.float32)}, ["'x'", "5", "x float32[batch,4]"]),
        ({"x": np.zeros(4, np.float32)}, ["'x'", "x float32[batch,4]"]),
        ({"x": np.zeros((1, 4), np.int64)}, ["'x'", "int64", "float32"]),
    ],
)
def test_inputs_that_do_not_fit(
    feeds: dict[str, Any], told: list[str], refuse: Any, tmp_path: Path
) -> None:
    np.savez(tmp_path / "feeds.npz", **feeds)
    refuse("good.onnx", "good.onnx", "--inputs", "feeds.npz", code=2, told=told)


def test_inputs_that_are_not_there(refuse: Any, tmp_path: Path) -> None:
    refuse("good.onnx", "--inputs", "none.npz", code=2, told=["none.npz"])
    (tmp_path / "bad.npz").write_bytes(b"PK not a zip")
    refuse("good.onnx", "--inputs", "bad.npz", code=2, told=["bad.npz"])


def test_a_dimension_or_input_that_the_model_does_not_have(refuse: Any) -> None:
    refuse("good.onnx", "--dim", "bach=2", code=2, told=["bach", "batch"])
    refuse("good.onnx", "--shape", "z=1,4", code=2, told=["z", "x"])
    refuse("good.onnx", "--shape", "x=1,5", code=2, told=["x", "5", "4"])


def test_two_models_with_nothing_in_common(refuse: Any, tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Not", ["a"], ["b"])],
        "other",
        [helper.make_tensor_value_info("a", TensorProto.BOOL, [7, 7, 7])],
        [helper.make_tensor_value_info("b", TensorProto.BOOL, [7, 7, 7])],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "other.onnx")
    refuse("good.onnx", "other.onnx", code=2, told=["x", "a"])


def test_an_output_that_one_side_lacks(refuse: Any, tmp_path: Path) -> None:
    onnx.save(chain(outputs=["y", "z"]), tmp_path / "two.onnx")
    refuse("two.onnx", "good.onnx", code=2, told=["'z'"])


def test_an_output_that_only_the_candidate_has_is_noted(run: Any, tmp_path: Path) -> None:
    onnx.save(chain(), tmp_path / "good.onnx")
    onnx.save(chain(outputs=["y", "z"]), tmp_path / "two.onnx")
    result = run("diff", "good.onnx", "two.onnx")
    assert result.exit_code == 0, result.output
    assert "z" in result.stdout.partition("Final outputs")[0]


def test_a_budget_that_is_too_small(refuse: Any) -> None:
    refuse("good.onnx", "--memory", "1KiB", code=2, told=["--memory 1KiB", "1MiB"])
