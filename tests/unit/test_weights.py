"""Where weights are read from and where they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

import pyonnxtool as pot

WEIGHT = np.arange(4096, dtype=np.float32).reshape(64, 64)


def proto(weight: onnx.TensorProto | None = None) -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"], name="mm")],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 64])],
        [weight or numpy_helper.from_array(WEIGHT, "w")],
    )
    opsets = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def external(**entries: str) -> onnx.TensorProto:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[64, 64], data_location=1)
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def result(model: str | bytes, **config: str) -> NDArray[Any]:
    options = ort.SessionOptions()
    for key, value in config.items():
        options.add_session_config_entry("session." + key, value)
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": np.ones((1, 64), np.float32)})[0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "w.bin").write_bytes(b"\0" * 8 + WEIGHT.tobytes())
    (tmp_path / "outside.bin").write_bytes(WEIGHT.tobytes())
    return tmp_path / "models"


def saved(folder: Path, **entries: str) -> Path:
    path = folder / "m.onnx"
    path.write_bytes(proto(external(**entries)).SerializeToString())
    return path


def test_external_data_is_a_view_of_the_file(folder: Path) -> None:
    model = pot.load(saved(folder, location="w.bin", offset="8", length="16384"))
    tensor = model.graph.initializers[0]
    assert tensor.location == (str(folder / "w.bin"), 8, 16384)
    assert model.external_files() == [str(folder / "w.bin")]
    array = tensor.numpy()
    del model, tensor
    np.testing.assert_array_equal(array, WEIGHT)
    assert not array.flags.writeable
    assert array.base is not None


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ({"location": "../outside.bin"}, "leaves the model's folder"),
        ({"location": "a/../../outside.bin"}, "leaves the model's folder"),
        ({"location": "/etc/hostname"}, "is absolute"),
        ({"location": "link.bin"}, "through a symbolic link"),
        ({"location": "up/outside.bin"}, "through a symbolic link"),
        ({"location": "."}, "leaves the model's folder"),
        ({"location": ""}, "the location is empty"),
        ({"location": "w.bin", "offset": "16"}, "reach past the end of 'w.bin'"),
        ({"location": "w.bin", "offset": "-8"}, "offset '-8' is not a number"),
        ({"location": "w.bin", "offset": "9" * 30}, "is not a number from 0 up"),
        ({"location": "w.bin", "offset": str(2**64 - 8)}, "reach past the end"),
        ({"location": "w.bin", "length": "-1"}, "length '-1' is not a number"),
        ({"location": "w.bin", "length": "16380"}, "does not fit dtype and shape"),
        ({"location": "w.bin", "length": str(2**63)}, "does not fit dtype and shape"),
    ],
)
def test_external_data_that_is_refused(folder: Path, entries: dict[str, str], text: str) -> None:
    (folder / "link.bin").symlink_to(folder.parent / "outside.bin")
    (folder / "up").symlink_to(folder.parent)
    path = saved(folder, **entries)
    with pytest.raises(pot.ModelError) as caught:
        pot.load(path)
    assert text in str(caught.value)
    assert "external data of tensor 'w'" in str(caught.value)
    assert "(ModelProto.graph.initializer[0].external_data)" in str(caught.value)


def test_a_missing_data_file_is_an_error_when_it_is_read(folder: Path) -> None:
    model = pot.load(saved(folder, location="gone.bin"))
    with pytest.raises(
        pot.ModelError, match=r"gone\.bin: external data of tensor 'w': cannot open"
    ):
        model.graph.initializers[0].numpy()


def test_external_data_without_a_folder() -> None:
    model = pot.from_proto(proto(external(location="w.bin")))
    with pytest.raises(pot.ModelError, match="no folder to look in"):
        model.graph.initializers[0].numpy()


@pytest.mark.parametrize("weights", ["inside", "external", "link", "auto", "keep"])
@pytest.mark.parametrize("source", ["inside", "external"])
def test_all_ways_give_the_same_model(folder: Path, weights: str, source: str) -> None:
    path = saved(folder, location="w.bin", offset="8", length="16384")
    if source == "inside":
        path.write_bytes(proto().SerializeToString())
    expected = result(str(path))
    out = folder / "out.onnx"
    pot.load(path).save(str(out), weights=weights)
    np.testing.assert_array_equal(result(str(out)), expected)
    again = pot.load(out)
    np.testing.assert_array_equal(again.graph.initializers[0].numpy(), WEIGHT)
    onnx.checker.check_model(str(out))
    small = weights in {"external", "link"} or (source == "external" and weights != "inside")
    assert (out.stat().st_size < 1000) == small
    if weights == "external":
        assert again.external_files() == [str(folder / "out.onnx.data")]
    if weights == "link":
        linked = folder / ("w.bin" if source == "external" else "m.onnx")
        assert again.external_files() == [str(linked)]
    assert not [entry.name for entry in folder.iterdir() if entry.name.startswith(".")]


def test_a_linked_model_in_memory(folder: Path) -> None:
    path = folder / "m.onnx"
    path.write_bytes(proto().SerializeToString())
    data = pot.load(path).to_bytes("link", folder=str(folder))
    assert len(data) < 1000
    config = {"model_external_initializers_file_folder_path": str(folder)}
    np.testing.assert_array_equal(result(data, **config), result(str(path)))


def test_packed_float_data_is_linked_too(folder: Path) -> None:
    weight = helper.make_tensor("w", TensorProto.FLOAT, [64, 64], WEIGHT.ravel())
    path = folder / "m.onnx"
    path.write_bytes(proto(weight).SerializeToString())
    model = pot.load(path)
    assert model.graph.initializers[0].location is not None
    model.save(str(folder / "linked.onnx"), weights="link")
    np.testing.assert_array_equal(result(str(folder / "linked.onnx")), result(str(path)))


def test_linking_across_folders_is_refused(folder: Path, tmp_path: Path) -> None:
    path = saved(folder, location="w.bin", offset="8")
    (tmp_path / "elsewhere").mkdir()
    out = tmp_path / "elsewhere" / "out.onnx"
    with pytest.raises(pot.ModelError, match="only beneath the model's folder"):
        pot.load(path).save(str(out), weights="link")
    assert list(out.parent.iterdir()) == []
    pot.load(path).save(str(out))  # auto: the data file goes along
    assert sorted(entry.name for entry in out.parent.iterdir()) == ["out.onnx", "w.bin"]
    np.testing.assert_array_equal(result(str(out)), result(str(path)))


def test_writing_onto_its_own_path(folder: Path) -> None:
    path = folder / "m.onnx"
    path.write_bytes(proto().SerializeToString())
    model = pot.load(path)
    model.graph.rename_value("w", "weight")
    model.save(str(path))
    assert pot.load(path).graph.initializers[0].name == "weight"
    np.testing.assert_array_equal(model.graph.initializers[0].numpy(), WEIGHT)
    with pytest.raises(pot.ModelError, match="would replace the file that it links to"):
        pot.load(path).save(str(path), weights="link")


def test_another_file_is_not_overwritten(folder: Path) -> None:
    path = folder / "m.onnx"
    path.write_bytes(proto().SerializeToString())
    other = folder / "other.onnx"
    other.write_text("precious")
    with pytest.raises(pot.ModelError, match=r"other\.onnx: exists already; say force"):
        pot.load(path).save(str(other))
    assert other.read_text() == "precious"
    pot.load(path).save(str(other), force=True)
    assert other.read_bytes() == path.read_bytes()


def test_a_folder_that_is_not_there(folder: Path) -> None:
    model = pot.from_proto(proto())
    with pytest.raises(pot.ModelError, match="cannot create a file in its folder: No such file"):
        model.save(str(folder / "none" / "m.onnx"))
    with pytest.raises(pot.ModelError, match='weights is "outside"; it can be auto, keep'):
        model.save(str(folder / "m.onnx"), weights="outside")


EXOTIC = ["bfloat16", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"]
EXOTIC += ["float8_e8m0fnu", "float4_e2m1fn", "float6_e2m3fn", "float6_e3m2fn"]
EXOTIC += ["int4", "uint4", "int2", "uint2"]
PLAIN = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "bool", "complex64"]
PLAIN += ["uint8", "uint16", "uint32", "uint64", "complex128"]


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("name", PLAIN + EXOTIC)
def test_elements_of_every_dtype(name: str, raw: bool) -> None:
    dtype = np.dtype(getattr(ml_dtypes, name) if name in EXOTIC else name)
    values = np.array([1, 0, 1, 1, 0, 1, 1], dtype=np.float32).astype(dtype)
    number = helper.np_dtype_to_tensor_dtype(dtype)
    tensor = (
        numpy_helper.from_array(values, "w")
        if raw
        else helper.make_tensor("w", number, [7], values)
    )
    read = pot.from_proto(proto(tensor)).graph.initializers[0].numpy()
    assert read.dtype == dtype
    np.testing.assert_array_equal(
        read.astype(np.complex64), numpy_helper.to_array(tensor).astype(np.complex64)
    )
    np.testing.assert_array_equal(read.astype(np.complex64), values.astype(np.complex64))


def test_strings() -> None:
    tensor = helper.make_tensor("w", TensorProto.STRING, [2, 1], [b"a", "ü".encode()])
    read = pot.from_proto(proto(tensor)).graph.initializers[0].numpy()
    assert read.tolist() == [["a"], ["ü"]]


def test_data_that_does_not_fit_its_shape() -> None:
    tensor = numpy_helper.from_array(WEIGHT, "w")
    tensor.dims[0] = 63
    model = pot.from_proto(proto(tensor))
    with pytest.raises(pot.ModelError) as caught:
        model.graph.initializers[0].numpy()
    assert "tensor 'w': float32[63, 64] takes 16128 bytes, raw_data has 16384" in str(caught.value)


@pytest.mark.slow
def test_more_than_2_gb(folder: Path) -> None:
    offset = 5 * 2**29
    with (folder / "big.bin").open("wb") as file:
        file.truncate(offset)
        file.seek(offset)
        file.write(WEIGHT.tobytes())
    path = saved(folder, location="big.bin", offset=str(offset))
    model = pot.load(path)
    model.save(str(folder / "linked.onnx"), weights="link")
    expected = np.ones((1, 64), np.float32) @ WEIGHT
    np.testing.assert_allclose(result(str(folder / "linked.onnx")), expected)


@pytest.mark.slow
def test_a_file_of_more_than_2_gb_with_its_weights_inside(folder: Path) -> None:
    # One initializer of zeros that takes 2.5 GB in the file (a hole on disk), then the real one.
    size = 5 * 2**29
    hole = TensorProto(name="hole", data_type=TensorProto.UINT8, dims=[size]).SerializeToString()
    head = hole + b"\x4a" + _varint(size)
    small = proto().graph
    rest = small.SerializeToString()
    graph_size = 1 + len(_varint(len(head) + size)) + len(head) + size + len(rest)
    path = folder / "big.onnx"
    with path.open("wb") as file:
        header = proto()
        header.ClearField("graph")
        file.write(header.SerializeToString() + b"\x3a" + _varint(graph_size))
        file.write(b"\x2a" + _varint(len(head) + size) + head)
        file.truncate(file.tell() + size)
        file.seek(0, 2)
        file.write(rest)
    model = pot.load(path)
    assert [tensor.name for tensor in model.graph.initializers] == ["hole", "w"]
    with pytest.raises(pot.ModelError, match="stop at 2 GB"):
        model.to_bytes()
    model.save(str(folder / "linked.onnx"), weights="link")
    expected = np.ones((1, 64), np.float32) @ WEIGHT
    np.testing.assert_allclose(result(str(folder / "linked.onnx")), expected)


def _varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_memory_of_weights_that_were_read_goes_back(folder: Path) -> None:
    big = np.arange(8 << 20, dtype=np.float32)  # 32 MiB
    tensor = numpy_helper.from_array(big, "w")
    onnx.save(proto(tensor), folder / "big.onnx")
    held = pot.load(folder / "big.onnx").graph.value("w").initializer
    assert held is not None
    array = held.numpy()
    assert np.array_equal(array, big)
    before = mapped_kib()
    held.forget()
    assert before - mapped_kib() > 30 << 10
    assert np.array_equal(array, big)  # read again from the file


def mapped_kib() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssFile:")[2].split()[0])


def test_nothing_is_forgotten_that_is_only_in_memory() -> None:
    held = pot.from_proto(proto()).graph.value("w").initializer
    assert held is not None
    held.forget()
    assert np.array_equal(held.numpy(), WEIGHT)
