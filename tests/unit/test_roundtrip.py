"""Untouched models save byte for byte; touched ones are equal for whoever parses them."""

from __future__ import annotations

import os
from pathlib import Path

import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool import _core
from support import every_field, suite

DATA_FILES = suite.data_files()
BED = sorted(Path(os.environ["POT_BED"]).glob("*/*.onnx")) if "POT_BED" in os.environ else []


def assert_lossless(data: bytes, folder: str = "") -> None:
    model = _core.from_bytes(data, folder)
    assert model.to_bytes("keep") == data
    model.touch()
    assert onnx.ModelProto.FromString(model.to_bytes("keep")) == onnx.ModelProto.FromString(data)


@pytest.mark.slow
def test_every_backend_test_case() -> None:
    models = suite.node_models()
    assert len(models) > 1000
    for data in models.values():
        assert_lossless(data)


@pytest.mark.parametrize("path", DATA_FILES, ids=lambda path: path.parent.name)
def test_files_of_the_onnx_package(path: Path, tmp_path: Path) -> None:
    assert_lossless(path.read_bytes(), str(path.parent))
    saved = tmp_path / "saved.onnx"
    pot.load(path).save(str(saved), weights="keep")
    assert saved.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("path", BED, ids=lambda path: path.stem)
def test_real_models(path: Path, tmp_path: Path) -> None:
    model = pot.load(path)
    assert model.verify() == []
    data = model.to_bytes("keep")
    assert data == path.read_bytes()
    model.touch()
    assert onnx.ModelProto.FromString(model.to_bytes("keep")) == onnx.ModelProto.FromString(data)


@pytest.mark.parametrize("variant", range(20))
def test_every_field_there_is(variant: int) -> None:
    proto = every_field.model(variant, depth=6)
    assert {field.name for field, _ in proto.ListFields()} >= {"training_info", "configuration"}
    assert_lossless(proto.SerializeToString())


def test_presence_is_kept() -> None:
    node = onnx.NodeProto(name="", op_type="Relu", input=["x", ""], output=["y"])
    proto = onnx.ModelProto(ir_version=8, graph=onnx.GraphProto(node=[node], name="g"))
    model = pot.from_proto(proto)
    model.touch()
    again = pot.to_proto(model).graph.node[0]
    assert again.HasField("name")
    assert not again.HasField("domain")
    assert list(again.input) == ["x", ""]


def test_fields_in_any_order_and_twice() -> None:
    def graph(name: str, node: str) -> bytes:
        made = onnx.GraphProto(name=name, node=[onnx.NodeProto(op_type=node, output=[node])])
        return onnx.ModelProto(graph=made).SerializeToString()

    header = onnx.ModelProto(ir_version=8).SerializeToString()
    data = graph("first", "A") + header + graph("second", "B")
    assert_lossless(data)
    assert [node.op_type for node in _core.from_bytes(data).graph.nodes] == ["A", "B"]


def test_a_changed_node_leaves_the_others_as_they_were() -> None:
    # Attribute before op_type: an order that protobuf itself never writes.
    odd = b"\x2a\x08\x0a\x01a\x18\x01\xa0\x01\x02" + b"\x22\x04Relu" + b"\x0a\x01x" + b"\x12\x01y"
    plain = onnx.NodeProto(op_type="Exp", input=["y"], output=["z"], name="e").SerializeToString()
    body = b"".join(b"\x0a" + bytes([len(node)]) + node for node in (odd, plain))
    model = _core.from_bytes(b"\x08\x08\x3a" + bytes([len(body)]) + body)
    model.graph.rename_value("z", "other")
    data = model.to_bytes("keep")
    assert odd in data
    assert onnx.ModelProto.FromString(data).graph.node[1].output == ["other"]


def test_text_models(tmp_path: Path) -> None:
    path = tmp_path / "m.onnxtxt"
    path.write_text(
        '<ir_version: 8, opset_import: ["": 18]> g (float[2] x) => (float[2] y) { y = Relu(x) }'
    )
    assert pot.load(path).graph.nodes[0].op_type == "Relu"
    path.write_text("g (float[2] x) =>")
    with pytest.raises(pot.ModelError, match=r"m\.onnxtxt: not ONNX text"):
        pot.load(path)
