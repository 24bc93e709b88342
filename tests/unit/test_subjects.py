"""What users type, and what they hand over in Python, as models on backends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from pyonnxtool import ModelError, to_proto
from pyonnxtool.backends import RunOptions
from pyonnxtool.errors import UsageError
from pyonnxtool.subjects import parse_subject, sides
from support.parsed import parsed

MODEL = parsed("g (float[2] x) => (float[2] y) { y = Neg (x) }")


@pytest.fixture
def path(tmp_path: Path) -> str:
    target = tmp_path / "model.onnx"
    onnx.save(to_proto(MODEL), target)
    return str(target)


@pytest.mark.parametrize(
    ("suffix", "backend", "options"),
    [
        ("", "onnxruntime", RunOptions("none")),
        ("@ort", "onnxruntime", RunOptions()),
        ("@onnxruntime", "onnxruntime", RunOptions()),
        ("@ort:none", "onnxruntime", RunOptions("none")),
        ("@ort:extended,cpu", "onnxruntime", RunOptions("extended")),
        ("@ort:CPUExecutionProvider,prepack", "onnxruntime", RunOptions(prepack=True)),
        ("@reference", "reference", RunOptions()),
        ("@fp64", "fp64", RunOptions()),
    ],
)
def test_a_model_on_a_backend(path: str, suffix: str, backend: str, options: RunOptions) -> None:
    subject = parse_subject(path + suffix)
    assert subject.text == path + suffix
    assert (subject.backend, subject.options) == (backend, options)
    assert subject.model is not None
    assert subject.model.path == str(Path(path).resolve())
    assert subject.recorded is None


def test_settings_start_from_the_given_options(path: str) -> None:
    options = RunOptions(level="basic", threads=2, custom_ops=("a.so",))
    assert parse_subject(f"{path}@ort", options).options == options
    assert parse_subject(f"{path}@ort:none", options).options.threads == 2


@pytest.mark.parametrize("given", ["path", "Path", "Model", "ModelProto"])
def test_python_objects(path: str, given: str) -> None:
    what = {"path": path, "Path": Path(path), "Model": MODEL, "ModelProto": to_proto(MODEL)}[given]
    assert parse_subject(what).backend == "onnxruntime"
    subject = parse_subject((what, "ort:none"))
    assert subject.options.level == "none"
    assert subject.text.endswith("@ort:none")
    assert subject.model is not None
    assert [node.op_type for node in subject.model.graph.nodes] == ["Neg"]
    assert parse_subject(subject) is subject


def test_recorded_values(tmp_path: Path) -> None:
    np.savez(tmp_path / "run.npz", y=np.ones(2))
    for text in (str(tmp_path / "run.npz"), str(tmp_path), f"{tmp_path}/"):
        subject = parse_subject(text)
        assert (subject.model, subject.backend) == (None, "dump")
        assert subject.recorded is not None
        assert list(subject.recorded.values({}, 0)) == ["y"]
    command = parse_subject('cmd:"program {inputs} {outputs}"')
    assert (command.model, command.backend) == (None, "command")
    assert command.recorded is not None


def test_an_at_sign_in_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "a@ort"
    folder.mkdir()
    onnx.save(to_proto(MODEL), folder / "m@fp64.onnx")
    text = str(folder / "m@fp64.onnx")
    assert parse_subject(text).backend == "onnxruntime"
    assert parse_subject(f"{text}@reference").backend == "reference"
    with pytest.raises(UsageError, match=r"a@ort/no.onnx: there is no such file"):
        parse_subject(str(folder / "no.onnx"))


@pytest.mark.parametrize(
    ("suffix", "told"),
    [
        ("@tvm", "no backend is called 'tvm'; there are: command, dump, fp64, onnxruntime, "),
        ("@ort:fast", "no provider 'fast' here; there are: .*and the levels none, basic"),
        ("@fp64:none", "@fp64 takes no settings"),
        ("@dump", "'dump' holds values and runs no model"),
    ],
)
def test_backends_and_settings_that_do_not_exist(path: str, suffix: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse_subject(path + suffix)


def test_files_that_do_not_exist(path: str, tmp_path: Path) -> None:
    wrong = path.replace("model.onnx", "modle.onnx")
    with pytest.raises(UsageError) as caught:
        parse_subject(f"{wrong}@ort:none")
    assert str(caught.value) == f"{wrong}: there is no such file; did you mean {path}?"
    with pytest.raises(UsageError, match=r"no such file; .*nowhere is no folder"):
        parse_subject(str(tmp_path / "nowhere" / "m.onnx"))
    with pytest.raises(UsageError, match=r"no.onnx: there is no such file"):
        parse_subject(Path(tmp_path / "no.onnx"))


def test_what_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"\xff\xff\xff")
    with pytest.raises(ModelError, match=r"bad.onnx"):
        parse_subject(str(tmp_path / "bad.onnx"))
    with pytest.raises(UsageError, match=r"a int is no model: give a path, a Model or an onnx"):
        parse_subject(3)


def test_two_sides(path: str) -> None:
    first, second = sides(path, f"{path}@fp64", custom_ops=("a.so",))
    assert (first.backend.name, second.backend.name) == ("onnxruntime", "fp64")
    assert first.options.custom_ops == ("a.so",)


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ("", ("@ort:none", "@ort:all")),
        ("@ort:none", ("@ort:none", "@ort:all")),
        ("@ort:basic", ("@ort:basic", "@ort:all")),
        ("@fp64", ("@fp64", "@ort:all")),
    ],
)
def test_without_a_candidate_it_is_the_optimized_model(
    path: str, given: str, texts: tuple[str, str]
) -> None:
    pair = sides(path + given)
    assert tuple(side.text for side in pair) == (path + texts[0], path + texts[1])
    assert pair[1].options.level == "all"


def test_recorded_values_stand_for_the_other_sides_model(path: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "run.npz", y=np.ones(2))
    run = str(tmp_path / "run.npz")
    for reference, candidate in ((run, path), (path, run)):
        pair = sides(reference, candidate)
        assert [side.text for side in pair] == [reference, candidate]
        assert pair[0].model is pair[1].model
        assert {side.backend.name for side in pair} == {"onnxruntime", "recorded"}
    with pytest.raises(UsageError, match=r"are both recorded values: one of the two has to"):
        sides(run, run)
    with pytest.raises(UsageError, match=r"are both recorded values"):
        sides(run)
