"""Several sizes of one model: weights once, all files or none, nothing of others replaced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import onnx
import onnxruntime as ort
import pytest

import pyonnxtool as pot
from pyonnxtool import schemas
from pyonnxtool.errors import UsageError
from pyonnxtool.variants import folder as folders
from pyonnxtool.variants import load_variants
from pyonnxtool.variants.expression import names_in, value_of
from support.parsed import parsed

SIZES = {"small": {"x": (1, 64)}, "large": {"x": (3, 64)}}
COLUMNS = 512


def network() -> onnx.ModelProto:
    """64 x 512 weights (128 KiB), and a table that is computed from the batch size."""
    random = np.random.default_rng(0)
    nodes = [
        onnx.helper.make_node("MatMul", ["x", "w"], ["h"], "product"),
        onnx.helper.make_node("Shape", ["h"], ["s"], "shape"),
        onnx.helper.make_node(
            "ConstantOfShape",
            ["s"],
            ["ones"],
            "ones",
            value=onnx.helper.make_tensor("one", onnx.TensorProto.FLOAT, [1], [1.0]),
        ),
        onnx.helper.make_node("Add", ["h", "ones"], ["y"], "sum"),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "net",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 64])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", COLUMNS])],
        [onnx.numpy_helper.from_array(random.normal(size=(64, COLUMNS)).astype("f4"), "w")],
    )
    return onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10
    )


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "models" / "net.onnx"
    path.parent.mkdir()
    onnx.save(network(), path)
    return path


def outputs(path: Path, rows: int) -> Any:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    x = np.random.default_rng(rows).normal(size=(rows, 64)).astype(np.float32)
    return session.run(None, {"x": x})[0]


def assert_same(folder: Path, model: Path) -> None:
    for name, rows in (("small", 1), ("large", 3)):
        found = outputs(folder / f"{name}.onnx", rows)
        np.testing.assert_allclose(found, outputs(model, rows), rtol=1e-5, atol=1e-5)


def test_one_file_of_weights(model: Path, tmp_path: Path) -> None:
    report = pot.specialize_variants(model, tmp_path / "out", SIZES, verify=1)
    assert report.written == ("large.onnx", "small.onnx", "variants.json", "weights.data")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == list(report.written)
    assert (tmp_path / "out" / "small.onnx").stat().st_size < 2000
    assert (tmp_path / "out" / "weights.data").stat().st_size < 1.2 * 64 * COLUMNS * 4
    assert [one.report.inputs[0].shape for one in report.variants] == [(1, 64), (3, 64)]
    assert all(one.report.verification for one in report.variants)
    assert_same(tmp_path / "out", model)
    for path in (tmp_path / "out").glob("*.onnx"):
        onnx.checker.check_model(str(path))
        assert path.stat().st_mode & 0o777 == model.stat().st_mode & 0o777


def test_equal_tensors_are_in_the_file_once(tmp_path: Path) -> None:
    model = pot.from_proto(network())
    folder = tmp_path / "out"
    pot.specialize_variants(model, folder, {**SIZES, "again": {"x": (1, 64)}})
    once = folder / "weights.data"
    assert once.stat().st_size < 1.2 * 64 * COLUMNS * 4
    assert outputs(folder / "again.onnx", 1).shape == (1, COLUMNS)


def test_the_index(model: Path, tmp_path: Path) -> None:
    pot.specialize_variants(model, tmp_path / "out", SIZES)
    text = (tmp_path / "out" / "variants.json").read_text()
    jsonschema.validate(json.loads(text), schemas.load("variants"))
    found = load_variants(tmp_path / "out")
    assert found.to_json() + "\n" == text
    assert found.model == "net.onnx"
    assert found.weights == ("weights.data",)
    assert [(one.name, one.file, one.inputs[0].shape) for one in found.variants] == [
        ("small", "small.onnx", (1, 64)),
        ("large", "large.onnx", (3, 64)),
    ]
    assert found.inputs[0].shape == ("n", 64)
    assert found.outputs[0].shape == ("n", COLUMNS)


def test_sizes_that_follow_from_others(tmp_path: Path) -> None:
    model = parsed(
        "g (float[a,b] x, float[a,c] z) => (float[p,q] both, float[r,s] half, int64[u,v] where)"
        " <int64[1] two = {2}, int64[1] zero = {0}, int64[1] axis = {1}, int64[1] far = {99}> {"
        " both = Concat <axis = 1> (x, z)\n"
        " half = Slice (x, zero, far, axis, two)\n"
        " where = NonZero (x) }"
    )
    sizes = {"s": {"a": 2, "b": 4, "c": 3}, "l": {"a": 2, "b": 9, "c": 5}}
    pot.specialize_variants(model, tmp_path / "out", sizes)
    found = load_variants(tmp_path / "out")
    assert [port.shape for port in found.inputs] == [("a", "b"), ("a", "c")]
    both, half, where = (port.shape for port in found.outputs)
    assert both == ("a", None), "two sizes decide it"
    assert half is not None
    assert half[0] == "a"
    assert [value_of(half[1], {"b": size}) for size in (1, 4, 9)] == [1, 2, 5]
    assert where == (2, None), "the data decides it"


def test_names_for_axes_that_have_none(tmp_path: Path) -> None:
    model = parsed("g (float[n,8] x) => (float[n,8] y) { y = Relu (x) }")
    proto = pot.to_proto(model)
    proto.graph.input[0].type.tensor_type.shape.dim[0].Clear()
    proto.graph.output[0].type.tensor_type.shape.dim[0].Clear()
    pot.specialize_variants(proto, tmp_path / "out", {"a": {"x[0]": 1}, "b": {"x": (2, 8)}})
    found = load_variants(tmp_path / "out")
    assert found.inputs[0].shape == ("x_axis0", 8)
    assert found.outputs[0].shape == ("x_axis0", 8)


@pytest.mark.parametrize(
    ("text", "names", "value"),
    [
        ("h", {"h"}, 7),
        ("h//2", {"h"}, 3),
        ("2*w + 1", {"w"}, 11),
        ("Max(1, (h - 8)//2)", {"h"}, 1),
        ("min(h, w)", {"h", "w"}, 5),
        ("-h + 10", {"h"}, 3),
        ("batch-size", {"batch-size"}, 2),
        ("h / 2", {"h"}, None),
        ("import os", {"import os"}, None),
        ("h**w", {"h", "w"}, None),
        ("h//(w - 5)", {"h", "w"}, None),
        ("t", {"t"}, None),
    ],
)
def test_expressions(text: str, names: set[str], value: int | None) -> None:
    sizes = {"h": 7, "w": 5, "batch-size": 2}
    assert value_of(text, sizes) == value
    if text not in sizes:
        assert names_in(text) == names


def test_link_copies_no_weights(model: Path, tmp_path: Path) -> None:
    before = model.read_bytes()
    report = pot.specialize_variants(model, tmp_path / "out", SIZES, weights="link")
    assert report.linked == ("original_net.onnx",)
    assert (tmp_path / "out" / "original_net.onnx").samefile(model)
    written = sum((tmp_path / "out" / name).stat().st_size for name in report.written)
    assert written < 16384
    assert_same(tmp_path / "out", model)
    assert model.read_bytes() == before
    assert load_variants(tmp_path / "out").weights[0] == "original_net.onnx"


def test_link_beside_the_model_needs_no_second_name(model: Path) -> None:
    report = pot.specialize_variants(model, model.parent, SIZES, weights="link")
    assert report.linked == ("net.onnx",)
    assert "net.onnx" not in report.written
    assert_same(model.parent, model)


def test_link_to_external_data(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    path = tmp_path / "models" / "net.onnx"
    onnx.save(network(), path, save_as_external_data=True, location="net.bin", size_threshold=0)
    report = pot.specialize_variants(path, tmp_path / "out", SIZES, weights="link")
    assert len(report.linked) == 1, "nothing is read from the .onnx itself"
    assert report.linked[0].endswith("net.bin")
    assert len(list((tmp_path / "out").iterdir())) == len(report.written) + 1
    assert_same(tmp_path / "out", path)


def test_link_where_no_second_name_can_be(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(folders.os, "link", refuse)
    with pytest.raises(UsageError) as caught:
        pot.specialize_variants(model, tmp_path / "out", SIZES, weights="link")
    assert str(caught.value) == (
        "--weights link: runtimes read weights only beneath the model's folder, and "
        f"{model} can have no second name in {tmp_path / 'out'} (Invalid cross-device link); "
        "write to the folder that holds it, or use --weights external"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models"]


def test_weights_inside_each(model: Path, tmp_path: Path) -> None:
    report = pot.specialize_variants(model, tmp_path / "out", SIZES, weights="inside")
    assert report.written == ("large.onnx", "small.onnx", "variants.json")
    assert load_variants(tmp_path / "out").weights == ()
    assert_same(tmp_path / "out", model)


def test_nothing_is_replaced_without_force(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    pot.specialize_variants(model, folder, SIZES)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"variants.json exists; give --force to replace it"):
        pot.specialize_variants(model, folder, SIZES)
    pot.specialize_variants(model, folder, {"tiny": {"n": 2}}, force=True)
    assert sorted(path.name for path in folder.iterdir()) == [
        *("notes.txt", "tiny.onnx", "variants.json", "weights.data"),
    ]
    assert outputs(folder / "tiny.onnx", 2).shape == (2, COLUMNS)


def test_the_model_itself_is_never_replaced(model: Path) -> None:
    before = model.read_bytes()
    with pytest.raises(UsageError, match=r"net.onnx is what is specialized; give the variant ano"):
        pot.specialize_variants(model, model.parent, {"net": {"n": 1}}, force=True)
    assert model.read_bytes() == before


def test_all_or_nothing(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "out"
    pot.specialize_variants(model, folder, SIZES)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    rename = Path.rename

    def fails_at_the_index(self: Path, target: Path) -> Path:
        if self.name == "variants.json" and self.parent != folder and ".old" not in str(self):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails_at_the_index)
    with pytest.raises(UsageError, match="out cannot be written: No space left on device"):
        pot.specialize_variants(model, folder, {"tiny": {"n": 2}, **SIZES}, force=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_variant_that_is_refused_writes_nothing(tmp_path: Path) -> None:
    model = parsed("g (float[n] x) => (float[n] y) <float[1] w = {2.0}> { y = Mul (x, w) }")
    with pytest.raises(pot.PyonnxtoolError, match="variant b: no size of an input is called 'm'"):
        pot.specialize_variants(model, tmp_path / "out", {"a": {"n": 1}, "b": {"m": 1}}, verify=1)
    assert not (tmp_path / "out").exists()


def test_what_does_not_fit(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(UsageError, match=r"'x' is an input: give its whole shape, not 1"):
        pot.specialize_variants(model, out, {"a": {"x": 1}})
    with pytest.raises(UsageError, match="no variant is given"):
        pot.specialize_variants(model, out, {})
    with pytest.raises(UsageError, match="weights='none': use one of auto, external, inside, link"):
        pot.specialize_variants(model, out, SIZES, weights="none")
    out.write_text("a file")
    with pytest.raises(UsageError, match="out is a file; several sizes go into a folder"):
        pot.specialize_variants(model, out, SIZES)
    with pytest.raises(UsageError, match="there is no folder"):
        pot.specialize_variants(model, tmp_path / "no" / "out", SIZES)


def test_without_a_folder_nothing_is_written(model: Path, tmp_path: Path) -> None:
    report = pot.specialize_variants(model, None, SIZES, verify=1)
    assert (report.folder, report.written) == ("", ())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models"]


def test_a_size_that_is_named_and_baked_in_has_no_name(tmp_path: Path) -> None:
    model = parsed(
        "g (float[batch,n] x) => (float[batch,n] y) <float[2,1] w = {1.0, 2.0}> { y = Mul (x, w) }"
    )
    baked = {"a": {"batch": 2, "n": 3}, "b": {"batch": 2, "n": 5}}
    pot.specialize_variants(model, tmp_path / "out", baked)
    found = load_variants(tmp_path / "out")
    assert found.outputs[0].shape in ((2, "n"), (None, "n")), "batch 1 would give 2 rows, too"
