"""A dump or a program on one side: the model's nodes are run on the values that were recorded."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from pyonnxtool import to_proto
from pyonnxtool.bisection import bisect
from pyonnxtool.diffing import diff
from pyonnxtool.errors import BackendError, UsageError
from support.parsed import parsed

NET = """g (float[2,3] x) => (float[2,3] y) {
  a = Relu (x)  b = Exp (a)  c = Softmax <axis = 1> (b)  y = Neg (c) }"""
X = np.random.default_rng(0).standard_normal((2, 3)).astype(np.float32)


def values(text: str) -> dict[str, np.ndarray]:
    proto = to_proto(parsed(text))
    proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in "abc")
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    return dict(zip("yabc", session.run(None, {"x": X}), strict=True))


@pytest.fixture
def model(tmp_path: Path) -> str:
    onnx.save(to_proto(parsed(NET)), tmp_path / "m.onnx")
    return str(tmp_path / "m.onnx")


@pytest.fixture
def dump(tmp_path: Path) -> str:
    """What a device gave that has the Softmax wrong."""
    np.savez(tmp_path / "run.npz", x=X, **values(NET.replace("axis = 1", "axis = 0")))
    return str(tmp_path / "run.npz")


def test_a_device_that_is_wrong_is_the_candidate(model, dump):
    report = bisect(model, dump)
    assert (report.verdict, report.reference, report.candidate) == ("fault", model, dump)
    (culprit,) = report.culprits
    assert culprit.op_type == "Softmax"
    assert culprit.why == "the recorded value is not what this node makes of the recorded inputs"
    assert culprit.referee.startswith("candidate wrong: against float64 the reference is off by")


def test_a_recording_as_the_reference(model, dump):
    report = bisect(dump, model)
    assert report.verdict == "fault"
    assert report.culprits[0].referee.startswith("reference wrong")


def test_every_recorded_value_is_a_row(model, dump):
    report = diff(model, dump)
    found = {row.value: row.status for row in report.values}
    assert found == {"a": "ok", "b": "ok", "c": "bad", "y": "noise"}


def test_outputs_alone_are_enough_to_compare(model, tmp_path):
    np.savez(tmp_path / "outputs.npz", x=X, y=values(NET)["y"])
    assert diff(model, str(tmp_path / "outputs.npz")).verdict == "same"


def test_a_recording_without_the_outputs_is_an_error(model, tmp_path):
    np.savez(tmp_path / "other.npz", x=X, z=X)
    with pytest.raises(UsageError, match=r"holds none of the model's outputs \('y'\); it has x, z"):
        diff(model, str(tmp_path / "other.npz"))


def test_two_recordings_are_an_error(dump):
    with pytest.raises(UsageError, match="are both recorded values: one of the two has to be"):
        diff(dump, dump)


def test_more_samples_than_were_recorded(model, dump):
    with pytest.raises(BackendError, match=r"holds 1 sample\(s\); sample 1 was asked for"):
        diff(model, dump, inputs=[{"x": X}, {"x": X}])


def test_a_program_is_run_once_a_sample(model, tmp_path):
    program = tmp_path / "device.py"
    program.write_text(
        "import sys, numpy as np\n"
        "with open(sys.argv[3], 'a') as log: log.write('run ')\n"
        "x = np.load(sys.argv[1])['x']\n"
        "b = np.exp(np.maximum(x, 0))\n"
        "e = np.exp(b - b.max(axis=1, keepdims=True))\n"
        "np.savez(sys.argv[2], y=-(e / e.sum(axis=1, keepdims=True)))\n"
    )
    log = tmp_path / "log"
    command = f'cmd:"{sys.executable} {program} {{inputs}} {{outputs}} {log}"'
    report = diff(model, command, inputs=[{"x": X}, {"x": 2 * X}])
    assert (report.verdict, report.samples) == ("same", 2)
    assert log.read_text().split() == ["run", "run"]


def test_a_program_gets_inputs_that_are_made_up(model, tmp_path):
    """It is not started to ask which inputs it has: it has none."""
    program = tmp_path / "echo.py"
    program.write_text(
        "import sys, numpy as np\nx = np.load(sys.argv[1])['x']\nnp.savez(sys.argv[2], y=-x, x=x)\n"
    )
    report = diff(model, f"cmd:{sys.executable} {program}")
    assert (report.verdict, report.runs["reference"]) == ("different", 1)


@pytest.mark.parametrize(("picked", "verdict"), [([1], "drift"), ([2], "fault")])
def test_another_index_of_an_equal_element_is_a_tie(tmp_path, picked, verdict):
    text = "g (float[1,3] x) => (int64[1] y) { y = ArgMax <axis = 1, keepdims = 0> (x) }"
    onnx.save(to_proto(parsed(text)), tmp_path / "m.onnx")
    np.savez(tmp_path / "run.npz", x=np.array([[5, 5, 1]], np.float32), y=np.array(picked))
    assert bisect(str(tmp_path / "m.onnx"), str(tmp_path / "run.npz")).verdict == verdict
