"""Where a saved model's weights go: one file or one each, how aligned, and equal places once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import pyonnxtool as pot
from pyonnxtool import _core
from pyonnxtool.errors import ModelError


def net(**weights: Any) -> pot.Model:
    """A model that adds every weight to its input."""
    names = list(weights)
    nodes = [
        helper.make_node("Add", ["x" if not i else f"s{i}", name], [f"s{i + 1}"])
        for i, name in enumerate(names)
    ]
    nodes.append(helper.make_node("Identity", [f"s{len(names)}"], ["y"]))
    info = [helper.make_tensor_value_info(one, TensorProto.FLOAT, None) for one in "xy"]
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "g", info[:1], info[1:], tensors)
    return pot.from_proto(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))


def ramp(count: int, first: float = 0) -> Any:
    return np.arange(count, dtype=np.float32) + np.float32(first)


def places(path: Path) -> dict[str, tuple[str, int]]:
    """File and offset of every external tensor, as the file says it."""
    proto = onnx.load(path, load_external_data=False)
    found = {}
    for tensor in proto.graph.initializer:
        entries = {one.key: one.value for one in tensor.external_data}
        if entries:
            found[tensor.name] = (entries["location"], int(entries.get("offset", 0)))
    return found


def test_what_is_large_enough_goes_to_one_file_from_pages_on(tmp_path: Path) -> None:
    weights = {"a": ramp(4), "b": ramp(300, 4), "c": ramp(5000, 8), "d": ramp(300, 9)}
    path = tmp_path / "m.onnx"
    net(**weights).save(str(path), "external")
    assert places(path) == {
        "b": ("m.onnx.data", 0),
        "c": ("m.onnx.data", 4096),
        "d": ("m.onnx.data", 4096 + 20032),
    }
    net(**weights).save(str(path), "external", force=True, threshold=0, alignment=65536)
    assert [offset for _, offset in places(path).values()] == [0, 65536, 131072, 196608]
    for tensor in pot.load(path).graph.initializers:
        assert np.array_equal(tensor.numpy(), weights[tensor.name])


def test_a_file_each_with_names_that_every_file_system_takes(tmp_path: Path) -> None:
    weights = {
        "/l1/w:0": ramp(300),
        "_L1_w_0": ramp(300, 1),
        "..": ramp(300, 2),
        "é" * 200: ramp(9),
    }
    path = tmp_path / "m.onnx"
    net(**weights).save(str(path), "external", threshold=16, file_each=True)
    assert [location for location, _ in places(path).values()] == [
        "m.onnx.weights/_l1_w_0.bin",
        "m.onnx.weights/_L1_w_0_1.bin",
        "m.onnx.weights/_..bin",
        f"m.onnx.weights/{'_' * 120}.bin",
    ]
    for tensor in pot.load(path).graph.initializers:
        assert np.array_equal(tensor.numpy(), weights[tensor.name])
    again = pot.load(path)
    again.save(str(path), "external", threshold=16, file_each=True)  # over its own files
    assert len(list((tmp_path / "m.onnx.weights").iterdir())) == 4
    path.unlink()
    with pytest.raises(ModelError, match=r"_l1_w_0\.bin: exists already; say force to overwrite"):
        net(**weights).save(str(path), "external", threshold=16, file_each=True)


def test_a_failed_save_leaves_no_folder_behind(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").mkdir()
    with pytest.raises(ModelError, match="is not a regular file"):
        net(a=ramp(300)).save(str(tmp_path / "m.onnx"), "external", force=True, file_each=True)
    (tmp_path / "n.onnx.weights").write_text("in the way")
    with pytest.raises(ModelError, match="cannot make the folder"):
        net(a=ramp(300)).save(str(tmp_path / "n.onnx"), "external", file_each=True)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["m.onnx", "n.onnx.weights"]


def test_what_lies_at_one_place_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    net(a=ramp(3000)).save(str(path), "external")
    model = pot.load(path)
    shared = model.copy()
    shared.graph.set_initializer(model.graph.initializers[0], "b")
    shared.graph.op("Add", "y", "b", outputs=["z"])
    shared.save(str(tmp_path / "n.onnx"), "external")
    assert places(tmp_path / "n.onnx") == {"a": ("n.onnx.data", 0), "b": ("n.onnx.data", 0)}
    assert (tmp_path / "n.onnx.data").stat().st_size == 12000


def test_floats_are_rounded_into_halves() -> None:
    floats = np.array([1.5, 65504, 65520, -3e38, np.inf, 1e-6, -1e-9, 0], np.float32)
    halves = np.empty(8, np.float16)
    assert _core.narrow_to_half(floats, halves) == (2, 1, 1)
    with np.errstate(over="ignore"):
        assert halves.tolist() == floats.astype(np.float16).tolist()
    assert _core.narrow_to_half(floats, halves, stay_finite=True) == (2, 1, 1)
    assert halves[2:5].tolist() == [65504, -65504, np.inf]
    with pytest.raises(TypeError, match="these are of float64 and float16"):
        _core.narrow_to_half(floats.astype(np.float64), halves)
    with pytest.raises(ValueError, match="differ in size"):
        _core.narrow_to_half(floats[1:], halves)
    halves.setflags(write=False)
    with pytest.raises(ValueError, match="read-only"):
        _core.narrow_to_half(floats, halves)
