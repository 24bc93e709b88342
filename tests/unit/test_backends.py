"""What every backend promises, tested over all there are, and what each adds."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import onnxruntime as ort
import pytest

from pyonnxtool import Model, load
from pyonnxtool.backends import (
    BACKENDS,
    Backend,
    Recorder,
    RunOptions,
    Session,
    find_backend,
    find_recorder,
)
from pyonnxtool.errors import BackendError, UsageError
from support.parsed import parsed

OPTIONS = RunOptions()
X = np.array([[1.0, -2.0, 3.0], [0.5, 0.25, -8.0]], np.float32)
WANTED = {"y": np.maximum(X @ np.float32([[1], [2], [4]]), 0), "s": np.array([2, 3])}
GRAPH = """g (float[N,3] x) => (float[N,1] y, int64[2] s)
<float[3,1] w = {1, 2, 4}> { m = MatMul (x, w) y = Relu (m) s = Shape (x) }"""
EXTRAS = ("openvino", "torch")
"""Backends whose packages are optional have tests of their own."""
ALWAYS = [name for name in BACKENDS if name not in EXTRAS]
RUNNERS = [name for name in ALWAYS if isinstance(BACKENDS[name], Backend)]
RECORDERS = [name for name in ALWAYS if isinstance(BACKENDS[name], Recorder)]

PROGRAM = """
import sys
import numpy as np
x = np.load(sys.argv[1])["x"]
y = np.maximum(x @ np.float32([[1], [2], [4]]), 0)
np.savez(sys.argv[2], y=y, s=np.array(x.shape))
"""


def opened(model: Model, name: str = "onnxruntime", **changes: object) -> Session:
    return find_backend(name).open(model, replace(OPTIONS, **changes))


@pytest.fixture
def program(tmp_path: Path) -> str:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    return shlex.join([sys.executable, str(script)])


def test_these_are_the_backends() -> None:
    assert ALWAYS == ["command", "dump", "fp64", "onnxruntime", "reference"]


@pytest.mark.parametrize("name", ALWAYS)
def test_every_backend_gives_the_same_values(name: str, tmp_path: Path, program: str) -> None:
    """The conformance test: one small model, computed, recorded or run by a program."""
    entry = BACKENDS[name]
    assert entry.name == name
    assert entry.probes == isinstance(entry, Backend) != isinstance(entry, Recorder)
    assert (type(entry).__doc__ or "").splitlines()[0].endswith(".")
    if isinstance(entry, Backend):
        model = parsed(GRAPH)
        with entry.open(model, OPTIONS) as session:
            assert list(session.input_names) == ["x"]
            assert list(session.output_names) == ["y", "s"]
            found = session.run({"x": X})
            again = session.run({"x": X})
        assert entry.repeatable(model, OPTIONS)
        assert all(np.array_equal(found[key], again[key]) for key in WANTED)
    else:
        np.savez(tmp_path / "values.npz", **WANTED)
        spec = {"dump": str(tmp_path / "values.npz"), "command": program}[name]
        found = entry.record(spec).values({"x": X}, 0)
    assert list(found) == ["y", "s"]
    for key, wanted in WANTED.items():
        np.testing.assert_array_equal(found[key], wanted)


@pytest.mark.parametrize("name", RUNNERS)
def test_values_outlive_their_session(name: str) -> None:
    with opened(parsed(GRAPH), name) as session:
        found = session.run({"x": X})
    del session
    np.testing.assert_array_equal(found["y"], WANTED["y"])


@pytest.mark.parametrize("name", RUNNERS)
def test_sequences_and_empty_optionals_come_as_lists_and_none(name: str) -> None:
    model = parsed(
        "g (float[N,3] x) => (seq(float[N,3]) s) { n = Neg (x) s = SequenceConstruct (x, n) }"
    )
    with opened(model, name) as session:
        found = session.run({"x": X})["s"]
    assert isinstance(found, list)
    np.testing.assert_array_equal(found[1], -X)


@pytest.mark.parametrize("name", RUNNERS)
def test_weights_are_read_from_where_they_lie(name: str, tmp_path: Path) -> None:
    weight = np.random.default_rng(0).standard_normal((32, 32)).astype(np.float32)
    proto = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 18]> g (float[N,32] x) => (float[N,32] y)'
        " { y = MatMul (x, w) }"
    )
    proto.graph.initializer.append(onnx.numpy_helper.from_array(weight, "w"))
    onnx.save(proto, tmp_path / "m.onnx")
    model = load(tmp_path / "m.onnx")
    linked = onnx.ModelProto.FromString(model.to_bytes(weights="link", folder=model.folder))
    assert linked.graph.initializer[0].external_data[0].value == "m.onnx"
    x = np.ones((2, 32), np.float32)
    with opened(model, name) as session:
        np.testing.assert_allclose(session.run({"x": x})["y"], x @ weight, rtol=1e-5)


@pytest.mark.parametrize("name", RUNNERS)
def test_values_lie_in_their_own_order(name: str) -> None:
    """Views too: a Transpose moves nothing in numpy."""
    model = parsed("g (float[2,3] x) => (float[3,2] y) { y = Transpose <perm = [1, 0]> (x) }")
    with find_backend(name).open(model, OPTIONS) as session:
        found = session.run({"x": X})["y"]
    assert isinstance(found, np.ndarray) and found.flags.c_contiguous
    assert np.array_equal(found, X.T)


@pytest.mark.parametrize("name", RUNNERS)
def test_an_unknown_operator_is_a_backend_error(name: str) -> None:
    model = parsed("g (float[2] x) => (float[2] y) { y = custom.Swish (x) }")
    with pytest.raises(BackendError, match=r"Swish"):
        opened(model, name)


@pytest.mark.parametrize("name", RUNNERS)
@pytest.mark.parametrize(
    ("body", "same"),
    [
        ("y = Relu (x)", True),
        ("y = RandomNormalLike <seed = 1.0> (x)", False),
        ("y = custom.Anything (x)", False),
        ("t = Constant <value = bool {1}> () y, m = Dropout (x, , t)", False),
        (
            "c = Constant <value = bool {1}> () y = If (c) <then_branch = t () => (float[2] a)"
            " { a = RandomUniformLike (x) }, else_branch = e () => (float[2] b)"
            " { b = Identity (x) }>",
            False,
        ),
    ],
)
def test_repeatable_looks_for_random_operators(name: str, body: str, same: bool) -> None:
    model = parsed(f"g (float[2] x) => (float[2] y) {{ {body} }}")
    assert find_backend(name).repeatable(model, OPTIONS) is same


def test_functions_of_the_model_are_no_strangers() -> None:
    model = parsed(
        "g (float[2] x) => (float[2] y) { y = custom.Twice (x) }\n"
        '<domain: "custom", opset_import: ["" : 18]> Twice (a) => (b) { b = Add (a, a) }'
    )
    assert find_backend("ort").repeatable(model, OPTIONS)


@pytest.mark.parametrize("name", ["fp64", "reference"])
def test_interpreters_refuse_what_they_cannot_honour(name: str) -> None:
    with pytest.raises(UsageError, match=rf"{name} cannot load custom operators"):
        opened(parsed(GRAPH), name, custom_ops=("lib.so",))
    with pytest.raises(UsageError, match=rf"@{name} takes no settings; 'none' means nothing"):
        find_backend(name).configure(["none"], OPTIONS)


def test_onnxruntime_settings() -> None:
    configure = find_backend("ort").configure
    assert configure(["basic", "cpu", "prepack"], OPTIONS) == RunOptions("basic", prepack=True)
    with pytest.raises(UsageError, match=r"no provider 'cuda' here; there are: .*CPUExecution"):
        configure(["cuda"], OPTIONS)
    with pytest.raises(
        UsageError, match=r"level 'some': use one of none, basic, extended, (layout, )?all"
    ):
        opened(parsed(GRAPH), level="some")
    with pytest.raises(UsageError, match=r"--custom-ops no\.so: there is no such file"):
        opened(parsed(GRAPH), custom_ops=("no.so",))


def test_a_library_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.so").write_text("no library")
    with pytest.raises(UsageError, match=r"--custom-ops .*text.so: "):
        opened(parsed(GRAPH), custom_ops=(str(tmp_path / "text.so"),))


def test_levels_and_disabled_optimizers_reach_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[object, object]] = []
    real = ort.InferenceSession

    def spy(model: bytes, options: ort.SessionOptions, **given: object) -> ort.InferenceSession:
        seen.append((options.graph_optimization_level, given["disabled_optimizers"]))
        prepacking = options.get_session_config_entry("session.disable_prepacking")
        assert prepacking == "1"
        return real(model, options, **given)

    monkeypatch.setattr(ort, "InferenceSession", spy)
    opened(parsed(GRAPH), level="none").close()
    opened(parsed(GRAPH), disabled_optimizers=("ConstantFolding",)).close()
    level = ort.GraphOptimizationLevel
    assert seen == [
        (level.ORT_DISABLE_ALL, None),
        (level.ORT_ENABLE_ALL, ["ConstantFolding"]),
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("bfloat16", ml_dtypes.bfloat16),
        ("float8e4m3fn", ml_dtypes.float8_e4m3fn),
        ("int4", ml_dtypes.int4),
        ("uint4", ml_dtypes.uint4),
    ],
)
def test_types_that_numpy_lacks_go_in_and_out(name: str, kind: type) -> None:
    to = onnx.TensorProto.DataType.Value(name.upper())
    model = parsed(
        f"g ({name}[3] a, float[3] x) => (float[3] b, {name}[3] c, float[3] z, seq(float[3]) s)"
        f" {{ b = Cast <to = 1> (a) c = Cast <to = {to}> (x)"
        " z = Neg (x) s = SequenceConstruct (z) }",
        opset=21,
    )
    a, x = np.array([1, 2, 7]).astype(kind), np.array([3, 1, 2], np.float32)
    with opened(model, level="none") as session:
        found = session.run({"a": a, "x": x})
    assert found["c"].dtype == a.dtype
    np.testing.assert_array_equal(found["b"], [1, 2, 7])
    np.testing.assert_array_equal(found["c"].astype(float), x)
    np.testing.assert_array_equal(found["s"][0], -x)
    with pytest.raises(BackendError, match=r"Unexpected input data type. Actual: float32"):
        opened(model).run({"a": x, "x": x})


@pytest.mark.parametrize(
    ("graph", "feeds", "told"),
    [
        (
            "g (float[2] x) => (float[2] y) { [bad] y = Nope (x) }",
            {},
            "onnxruntime refuses the model .* node 'bad' .Nope.: .*--custom-ops FILE",
        ),
        (
            "g (float[2] x) => (float[2] y) { y = Add (x, nowhere) }",
            {},
            "Node input 'nowhere' is not a graph input",
        ),
        (
            "g (float[A] x, float[B] z) => (float[C] y) { [sum] y = Add (x, z) }",
            {"x": np.ones(2, np.float32), "z": np.ones(3, np.float32)},
            "failed to run the model: node 'sum' .Add.: .*broadcast an axis .* 2 by 3$",
        ),
        (
            "g (float[A] x, int64[B] i) => (float[B] y) { [look] y = Gather (x, i) }",
            {"x": np.ones(2, np.float32), "i": np.array([9])},
            "node 'look' .Gather.: indices element out of data bounds, idx=9",
        ),
    ],
)
def test_errors_of_onnxruntime_are_told_plainly(
    graph: str, feeds: dict[str, np.ndarray], told: str
) -> None:
    with pytest.raises(BackendError, match=told) as caught:
        opened(parsed(graph)).run(feeds)
    text = str(caught.value)
    assert "ONNXRuntimeError" not in text
    assert ".cc:" not in text
    assert "status code" not in text


def test_a_model_that_is_too_new_says_so() -> None:
    with pytest.raises(BackendError, match=r"install a newer one, or lower the opset"):
        opened(parsed("g (float[2] x) => (float[2] y) { y = Relu (x) }", opset=999))


def test_runners_and_recorders_are_told_apart() -> None:
    assert RUNNERS == ["fp64", "onnxruntime", "reference"]
    assert RECORDERS == ["command", "dump"]
    with pytest.raises(UsageError, match=r"no backend is called 'tvm'; there are: command, "):
        find_backend("tvm")
    with pytest.raises(UsageError, match=r"holds values and runs no model; these run: fp64, onn"):
        find_backend("dump")
    with pytest.raises(AssertionError):
        find_recorder("fp64")


def test_a_dump_may_be_a_folder(tmp_path: Path) -> None:
    for index in range(11):
        np.savez(tmp_path / f"outputs_{index}.npz", y=np.array([index]))
    np.savez(tmp_path / "inputs_0.npz", x=X)
    values = find_recorder("dump").record(str(tmp_path))
    assert [int(values.values({}, index)["y"][0]) for index in (0, 2, 10)] == [0, 2, 10]
    with pytest.raises(BackendError, match=r"holds 11 sample\(s\); sample 11 was asked for"):
        values.values({}, 11)


def test_a_dump_may_be_a_folder_of_arrays_or_a_data_set(tmp_path: Path) -> None:
    arrays = tmp_path / "arrays"
    (arrays / "layer").mkdir(parents=True)
    np.save(arrays / "layer" / "conv.npy", X)
    found = find_recorder("dump").record(str(arrays)).values({}, 0)
    np.testing.assert_array_equal(found["layer/conv"], X)
    data = tmp_path / "test" / "test_data_set_0"
    data.mkdir(parents=True)
    tensor = onnx.numpy_helper.from_array(X, "y")
    (data / "output_0.pb").write_bytes(tensor.SerializeToString())
    found = find_recorder("dump").record(str(tmp_path / "test")).values({}, 0)
    np.testing.assert_array_equal(found["y"], X)


def test_dumps_that_are_none(tmp_path: Path) -> None:
    record = find_recorder("dump").record
    with pytest.raises(UsageError, match=r"no.npz: there is no such file or folder"):
        record(str(tmp_path / "no.npz"))
    with pytest.raises(UsageError, match=r"no .npz, .npy or test_data_set"):
        record(str(tmp_path))
    np.savez(tmp_path / "evil.npz", x=np.array([{}], object))
    with pytest.raises(UsageError, match=r"Python objects, which are not loaded for safety"):
        record(str(tmp_path / "evil.npz")).values({}, 0)
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04torn")
    with pytest.raises(UsageError, match=r"torn.npz: cannot be read"):
        record(str(tmp_path / "torn.npz")).values({}, 0)


def test_a_command_takes_placeholders_and_any_input_name(tmp_path: Path) -> None:
    script = tmp_path / "copy.py"
    script.write_text("import shutil, sys\nshutil.copy(sys.argv[2], sys.argv[1])\n")
    spec = f"{shlex.quote(sys.executable)} {shlex.quote(str(script))} {{outputs}} {{inputs}}"
    found = find_recorder("command").record(spec).values({"file": X, "a/b": X[0]}, 0)
    np.testing.assert_array_equal(found["file"], X)
    np.testing.assert_array_equal(found["a/b"], X[0])


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import sys; sys.exit('it broke')", "failed with exit code 1:\nit broke"),
        ("pass", "wrote no {outputs} file"),
        ("import sys; open(sys.argv[2], 'w').write('?')", "wrote a file that is no npz"),
    ],
)
def test_a_command_that_fails_is_quoted(code: str, told: str) -> None:
    values = find_recorder("command").record(shlex.join([sys.executable, "-c", code]))
    with pytest.raises(BackendError) as caught:
        values.values({"x": X}, 0)
    assert told in str(caught.value)


def test_a_command_has_limited_time_and_must_exist() -> None:
    from pyonnxtool.backends.command import CommandValues

    slow = CommandValues([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.2)
    with pytest.raises(BackendError, match=r"took longer than 0.2 s"):
        slow.values({}, 0)
    with pytest.raises(BackendError, match=r"cannot be started: No such file"):
        find_recorder("command").record("no-such-program-here").values({}, 0)
    with pytest.raises(UsageError, match=r"names no program"):
        find_recorder("command").record("")
    with pytest.raises(UsageError, match=r"No closing quotation"):
        find_recorder("command").record("'open")
