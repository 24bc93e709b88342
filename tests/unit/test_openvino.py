"""OpenVINO as a backend: the same numbers as onnxruntime, honest refusals, and no need of it."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner

from pyonnxtool import from_proto, load
from pyonnxtool.backends import BACKENDS, RunOptions, find_backend
from pyonnxtool.backends import openvino as backend
from pyonnxtool.bisection import bisect
from pyonnxtool.cli import main
from pyonnxtool.diffing import diff
from pyonnxtool.errors import BackendError, UsageError
from pyonnxtool.reduction import reduce
from support.parsed import parsed
from support.zoo import ZOO

OPTIONS = RunOptions()
X = np.array([[1.0, -2.0, 3.0], [0.5, 0.25, -8.0]], np.float32)
GRAPH = """g (float[N,3] x) => (float[N,1] y, int64[2] s)
<float[3,1] w = {1, 2, 4}> { m = MatMul (x, w) y = Relu (m) s = Shape (x) }"""

needs_openvino = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="openvino is not installed"
)


def ran(model: Any, feeds: dict[str, Any]) -> dict[str, Any]:
    with find_backend("openvino").open(model, OPTIONS) as session:
        return session.run(feeds)


@needs_openvino
@pytest.mark.extra
def test_it_gives_the_values_that_others_give() -> None:
    with find_backend("ov").open(parsed(GRAPH), OPTIONS) as session:
        assert list(session.input_names) == ["x"]
        assert list(session.output_names) == ["y", "s"]
        assert session.output_types["y"] == ("float32", (None, 1))
        found = session.run({"x": X})
        later = session.run({"x": 0 * X})
    np.testing.assert_array_equal(found["y"], np.maximum(X @ [[1], [2], [4]], 0))
    assert found["s"].tolist() == [2, 3]
    assert not later["y"].any()


@needs_openvino
@pytest.mark.extra
def test_weights_that_are_too_large_for_one_message_are_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weight = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
    graph = "g (float[2,64] x) => (float[2,64] y) { y = MatMul (x, w) }"
    proto = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\n{graph}')
    proto.graph.initializer.append(onnx.numpy_helper.from_array(weight, "w"))
    onnx.save(proto, tmp_path / "m.onnx")
    x = np.ones((2, 64), np.float32)
    inside = ran(load(tmp_path / "m.onnx"), {"x": x})["y"]
    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr(backend, "_INSIDE", 0)
    np.testing.assert_array_equal(ran(load(tmp_path / "m.onnx"), {"x": x})["y"], inside)
    np.testing.assert_allclose(inside, x @ weight, rtol=1e-5, atol=1e-5)
    assert sorted(tmp_path.iterdir()) == before


@needs_openvino
@pytest.mark.extra
def test_bfloat16_and_bool_come_as_they_are() -> None:
    graph = """g (float[2] x) => (bfloat16[2] h, bool[2] b)
      { h = Cast <to = 16> (x)  z = Sub (x, x)  b = Greater (x, z) }"""
    found = ran(parsed(graph, opset=20), {"x": np.float32([1.5, -2])})
    assert found["h"].dtype.name == "bfloat16"
    assert found["h"].astype(np.float32).tolist() == [1.5, -2]
    assert found["b"].tolist() == [True, False]


@needs_openvino
@pytest.mark.extra
def test_what_it_cannot_run_is_said_in_a_sentence() -> None:
    with pytest.raises(BackendError) as caught:
        ran(parsed("g (float[2] x) => (float[2] y) { y = custom.Odd (x) }"), {})
    assert "OpenVINO refuses the model: it has no operator" in str(caught.value)
    assert ".cpp" not in str(caught.value)
    with pytest.raises(BackendError, match="openvino is fed float64 where it takes float32"):
        ran(parsed(GRAPH), {"x": X.astype(np.float64)})
    with pytest.raises(BackendError, match=r"OpenVINO failed to run the model: .*\{2, 4\}"):
        ran(parsed(GRAPH), {"x": np.ones((2, 4), np.float32)})


@needs_openvino
@pytest.mark.extra
def test_settings_are_a_device_and_a_precision() -> None:
    entry = find_backend("openvino")
    options = entry.configure(["cpu", "f16"], OPTIONS)
    assert options.provider == "CPU"
    assert options.properties == (("INFERENCE_PRECISION_HINT", "f16"),)
    with pytest.raises(UsageError, match="openvino has no device 'abacus' here; there are: CPU"):
        entry.configure(["abacus"], OPTIONS)
    for refused in ({"level": "none"}, {"custom_ops": ("a.so",)}):
        with pytest.raises(UsageError, match=r"they are for @ort|--custom-ops is for onnxruntime"):
            entry.open(parsed(GRAPH), replace(OPTIONS, **refused))
    assert not entry.repeatable(parsed(GRAPH), OPTIONS)


@needs_openvino
@pytest.mark.extra
@pytest.mark.parametrize("name", ["resnet_17", "encoder_erf_17", "quantized_13"])
def test_no_false_alarm_against_onnxruntime(name: str) -> None:
    case = ZOO[name]()
    model = from_proto(case.model)
    subjects = ((model, "ort:none"), (model, "openvino"))
    report = diff(*subjects, inputs=list(case.feeds), samples=len(case.feeds))
    assert report.verdict == "same"
    assert {row.status for row in report.values} <= {"ok", "noise"}
    assert bisect(*subjects, inputs=list(case.feeds)).verdict == "same"


@needs_openvino
@pytest.mark.extra
def test_a_fault_is_found_across_the_runtimes() -> None:
    good = """g (float[N,3] x) => (float[N,3] y)
      { a = Softmax <axis = 1> (x)  b = Sub (a, x)  y = Tanh (b) }"""
    bad = parsed(good.replace("axis = 1", "axis = 0"))
    report = bisect((parsed(good), "ort:none"), (bad, "openvino"), inputs={"x": X})
    assert report.verdict == "fault"
    assert report.culprits[0].op_type == "Softmax"


@needs_openvino
@pytest.mark.extra
def test_an_operator_that_it_lacks_is_what_reduce_leaves() -> None:
    text = """g (float[2] x) => (float[2] y)
      { a = Relu (x)  n = Neg (a)
        c = Cast <to = 1> (n)  z = custom.Odd (c)  y = Mul (a, z) }"""
    report = reduce((parsed(text), "openvino"), inputs={"x": np.ones(2, np.float32)})
    assert report.kept == "crashes"
    assert "it has no operator" in report.shown
    assert [node.op_type for node in report.nodes] == ["Odd"]


def test_without_the_package_it_is_listed_and_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setenv("COLUMNS", "100")
    assert "openvino" in list(BACKENDS)
    listed = CliRunner().invoke(main, ["list", "backends"])
    assert listed.exit_code == 0
    assert "in float32 unless" in listed.output
    told = r"OpenVINO is not installed; pip install 'pyonnxtool\[openvino\]'"
    with pytest.raises(UsageError, match=told):
        find_backend("openvino").configure([], OPTIONS)
    with pytest.raises(UsageError, match=told):
        find_backend("openvino").open(parsed(GRAPH), OPTIONS)
