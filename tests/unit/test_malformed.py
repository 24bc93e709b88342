"""Damaged files: an error with file, byte and field, or a model; never a crash."""

from __future__ import annotations

import random
import re
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import pyonnxtool as pot
from pyonnxtool import _core
from support import fresh_process


def sample() -> bytes:
    then = helper.make_graph(
        [helper.make_node("Mul", ["h", "w"], ["t"])],
        "then",
        [],
        [helper.make_tensor_value_info("t", TensorProto.FLOAT, ["n", 4])],
    )
    other = helper.make_graph(
        [helper.make_node("Neg", ["h"], ["o"])],
        "other",
        [],
        [helper.make_tensor_value_info("o", TensorProto.FLOAT, ["n", 4])],
    )
    graph = helper.make_graph(
        [
            helper.make_node("Relu", ["x"], ["h"], name="relu"),
            helper.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other),
        ],
        "main",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4]),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])],
        [numpy_helper.from_array(np.arange(4, dtype=np.float32), "w")],
    )
    return helper.make_model(graph).SerializeToString()


def load_or_explain(data: bytes) -> str:
    try:
        model = _core.from_bytes(data)
        model.touch()
        model.to_bytes("keep")
    except pot.ModelError as error:
        assert re.match(r"byte \d+ \(ModelProto[\w.\[\]]*\): \S", str(error)), str(error)
        return str(error)
    return ""


def test_truncation_at_every_byte() -> None:
    data = sample()
    texts = [load_or_explain(data[:size]) for size in range(len(data))]
    assert sum(map(bool, texts)) > len(data) // 2
    assert any("ModelProto.graph.node[1].attribute[0].g" in text for text in texts) or any(
        "are left" in text for text in texts
    )


def test_every_bit_flipped() -> None:
    data = sample()
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        load_or_explain(bytes(damaged))


def test_random_bytes() -> None:
    source = random.Random(7)
    for _ in range(2000):
        load_or_explain(source.randbytes(source.randrange(200)))


def test_the_error_names_file_byte_and_field(tmp_path: Path) -> None:
    # In the node, op_type (field 4) announces more than the node has.
    node = b"\x22\x7fRelu"
    graph = b"\x0a" + bytes([len(node)]) + node
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"\x08\x08\x3a" + bytes([len(graph)]) + graph)
    with pytest.raises(pot.ModelError) as caught:
        pot.load(path)
    assert str(caught.value) == (
        f"{path}: byte 7 (ModelProto.graph.node[0]): truncated: field number 4 announces "
        "127 bytes, 4 are left"
    )


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "expected an ONNX model, found no bytes at all"),
        (b"\x0f", "expected a field, found wire type 7"),
        (b"\x08", "truncated inside a number"),
        (b"\x08" + b"\xff" * 11, "a number of more than 10 bytes"),
        (b"\x00\x00", "a field number that protobuf forbids"),
        (b"\x0b\x08\x01", "truncated inside a group"),
        (b"\x0b\x14", "the end of a group that is not open"),
        (b"\xb8\x3e\x01", "expected an ONNX model, found none of its fields"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, text: str) -> None:
    with pytest.raises(pot.ModelError, match=re.escape(text)):
        _core.from_bytes(data)


def test_nesting_is_bounded() -> None:
    inner = b""
    for _ in range(60):  # a graph in an attribute in a node, 60 times
        for tag in (b"\x32", b"\x2a", b"\x0a"):
            inner = tag + _sized(inner)
    with pytest.raises(pot.ModelError, match="nested more than 100 deep"):
        _core.from_bytes(b"\x08\x08\x3a" + _sized(inner))


def _sized(payload: bytes) -> bytes:
    size, length = len(payload), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return length + bytes([size]) + payload


@pytest.mark.parametrize("name", ["missing.onnx", "folder"])
def test_what_is_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(pot.ModelError, match=f"{name}: (cannot open the file|not a regular file)"):
        pot.load(tmp_path / name)


def test_announced_sizes_allocate_nothing(tmp_path: Path) -> None:
    path = tmp_path / "sample.onnx"
    path.write_bytes(sample())
    script = _DAMAGE_IN_LITTLE_MEMORY.format(path=str(path))
    ended = fresh_process.run_python("-c", script, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr


# Huge dims, counts and lengths, with an address space that has no room for any of them.
_DAMAGE_IN_LITTLE_MEMORY = """
import random, resource, numpy
from pyonnxtool import _core
from pyonnxtool.errors import ModelError
data = open({path!r}, "rb").read()
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 64 * 2**20, resource.RLIM_INFINITY))
source = random.Random(3)
for _ in range(5000):
    damaged = bytearray(data)
    for _ in range(3):
        at = source.randrange(len(data))
        damaged[at : at + source.randrange(2)] = source.choice([b"\\xff" * 9 + b"\\x01", b"\\x7f"])
    try:
        model = _core.from_bytes(bytes(damaged))
        for tensor in model.graph.initializers:
            tensor.numpy()
    except ModelError:
        pass
"""
