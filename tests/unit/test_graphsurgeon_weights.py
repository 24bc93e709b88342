"""Weights go through onnx-graphsurgeon: their bytes, dtypes, order and what is declared of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import onnx_graphsurgeon as gs
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import pyonnxtool as pot
from support.through_graphsurgeon import CONTROL, PLAIN, model_of, same, through


def test_order_and_declarations_of_weights_stay() -> None:
    proto = model_of(CONTROL)
    weights = [("z", [2.0]), ("b", [1.0]), ("a", [3.0])]  # read in another order, and in a body
    proto.graph.initializer.extend(helper.make_tensor(n, 1, [1], v) for n, v in weights)
    for name in ("a", "w", "z"):
        info = helper.make_tensor_value_info(name, 1, [3 if name == "w" else 1])
        info.metadata_props.add(key="kind", value=f"parameter {name}")
        proto.graph.value_info.append(info)
    for at, name in enumerate(["a", "b", "z"]):
        proto.graph.node.append(helper.make_node("Add", [name, "x"], [f"s{at}"]))
        proto.graph.output.append(helper.make_tensor_value_info(f"s{at}", 1, [3]))

    def wider(graph: gs.Graph) -> None:
        graph.tensors()["a"].values = np.ones(3, np.float32)

    made = through(proto)
    assert [one.name for one in made.graph.initializer] == ["w", "z", "b", "a"]
    assert list(made.graph.value_info) == list(proto.graph.value_info)
    for ours, theirs in zip(
        made.graph.node[0].attribute, proto.graph.node[0].attribute, strict=True
    ):
        assert list(ours.g.value_info) == list(theirs.g.value_info)
    made = through(proto, wider)
    assert [one.name for one in made.graph.value_info] == ["w", "z"]  # a is not what was declared


def test_weights_can_be_read_changed_and_made(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(model_of(PLAIN), path)
    before = path.read_bytes()

    def edit(graph: gs.Graph) -> None:
        w = graph.tensors()["w"]
        assert w.values.tolist() == [1, 2, 3]
        w.values[1] = 7
        bias = gs.Constant("bias", np.array([1, 1, 1], np.float32))
        y = graph.outputs[0]
        z = gs.Variable("z", np.float32, y.shape)
        graph.nodes.append(gs.Node("Add", inputs=[y, bias], outputs=[z]))
        graph.outputs = [z]

    made = pot.edit(path, edit).model
    values = {tensor.name: tensor.numpy().tolist() for tensor in made.graph.initializers}
    assert values == {"w": [1, 7, 3], "bias": [1, 1, 1]}
    assert path.read_bytes() == before
    made.save(str(path))  # over the file that it was made of
    assert pot.load(path).graph.initializers[0].numpy()[1] == 7


@pytest.mark.parametrize("external", [False, True])
def test_large_weights_are_views_of_the_file(tmp_path: Path, external: bool) -> None:
    proto = model_of(PLAIN)
    large = np.arange(3 * 2**17, dtype=np.float32).reshape(-1, 3)
    for name in ("big", "other"):
        proto.graph.initializer.append(numpy_helper.from_array(large, name))
    proto.graph.node.append(helper.make_node("Gather", ["big", "ids"], ["p"]))
    proto.graph.node.append(helper.make_node("Gather", ["other", "ids"], ["q"]))
    proto.graph.initializer.append(numpy_helper.from_array(np.array([3]), "ids"))
    proto.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in "pq"
    )
    path = tmp_path / "m.onnx"
    onnx.save(proto, path, save_as_external_data=external, location="m.data")

    def edit(graph: gs.Graph) -> None:
        big, other = (graph.tensors()[name] for name in ("big", "other"))
        assert isinstance(big.values, np.memmap)
        assert big.values[3].tolist() == [9, 10, 11]
        other.values[3] *= 2

    given = pot.load(path)
    made = pot.edit(given, edit).model
    places = {tensor.name: tensor.location for tensor in given.graph.initializers}
    kept = {tensor.name: tensor.location for tensor in made.graph.initializers}
    assert kept["big"] == places["big"]  # it was read, and is still where it was
    assert kept["other"] is None
    assert made.graph.value("other").initializer is not None
    values = {tensor.name: tensor.numpy() for tensor in made.graph.initializers}
    assert values["other"][3].tolist() == [18, 20, 22]
    assert np.array_equal(values["big"], large)


@pytest.mark.parametrize(
    "dtype",
    [
        *(ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2fnuz, ml_dtypes.int4),
        *(np.float16, np.float64, np.int8, np.uint16, np.bool_),
    ],
)
def test_weights_of_every_dtype_come_back(dtype: Any) -> None:
    values = np.array([0, 1, 1, 0]).astype(dtype)
    graph = helper.make_graph(
        [helper.make_node("Cast", ["w"], ["y"], to=TensorProto.FLOAT)],
        "g",
        [],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])],
        [numpy_helper.from_array(values, "w")],
    )
    proto = helper.make_model(graph, ir_version=11, opset_imports=[helper.make_opsetid("", 23)])

    def read(graph: gs.Graph) -> None:
        assert graph.tensors()["w"].values.dtype == dtype

    def change(graph: gs.Graph) -> None:
        graph.tensors()["w"].values = values[::-1].copy()

    for edit in (same, read, change):
        made = through(proto, edit).graph.initializer[0]
        assert made.data_type == proto.graph.initializer[0].data_type
        assert (
            numpy_helper.to_array(made).tolist() == values.tolist()[:: -1 if edit is change else 1]
        )


@pytest.mark.parametrize("places", [[1, 5], [[0, 1], [2, 1]]])
@pytest.mark.parametrize("raw", [True, False])
def test_sparse_weights(places: list[Any], raw: bool) -> None:
    values = helper.make_tensor("w", 1, [2], [3.0, 4.0])
    indices = helper.make_tensor("i", 7, np.shape(places), np.ravel(places))
    if raw:
        values = numpy_helper.from_array(np.array([3, 4], np.float32), "w")
        indices = numpy_helper.from_array(np.array(places), "i")
    proto = model_of(PLAIN.replace("Mul", "MatMul").replace("float[n,3] y", "float[n,2] y"))
    del proto.graph.initializer[:]
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [3, 2]))

    def read(graph: gs.Graph) -> None:
        assert graph.tensors()["w"].values.tolist() == [[0, 3], [0, 0], [0, 4]]

    def rename(graph: gs.Graph) -> None:
        graph.tensors()["w"].name = "v"

    assert through(proto).graph.sparse_initializer == proto.graph.sparse_initializer
    made = through(proto, read, verify=1)
    assert made.graph.initializer[0].data_type == TensorProto.FLOAT
    made = through(proto, rename, verify=1)
    assert [one.values.name for one in made.graph.sparse_initializer] == ["v"]


def test_inputs_with_a_default_stay_inputs() -> None:
    proto = model_of(PLAIN)
    proto.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [3]))
    assert [one.name for one in through(proto).graph.input] == ["x", "w"]

    def more(graph: gs.Graph) -> None:
        graph.nodes[1].inputs[1] = gs.Constant("new", np.ones(3, np.float32))

    proto.ir_version = 3  # there, every initializer is an input
    made = through(proto, more)
    assert [one.name for one in made.graph.input] == ["x", "new"]
    onnx.checker.check_model(made)


def test_weights_become_inputs_and_inputs_weights() -> None:
    def swap(graph: gs.Graph) -> None:
        w, x = graph.tensors()["w"], graph.tensors()["x"]
        w.to_variable(np.float32, (3,))
        x.to_constant(np.ones((1, 3), np.float32))
        graph.inputs = [w]

    made = through(model_of(PLAIN), swap)
    assert [one.name for one in made.graph.input] == ["w"]
    assert [one.name for one in made.graph.initializer] == ["x"]
    onnx.checker.check_model(made, full_check=True)


def test_outputs_that_are_weights() -> None:
    def edit(graph: gs.Graph) -> None:
        graph.outputs.append(gs.Constant("k", np.array([5], np.float32)))

    made = through(model_of(PLAIN), edit)
    session = onnxruntime.InferenceSession(made.SerializeToString())
    assert session.run(["k"], {"x": np.ones((1, 3), np.float32)})[0].tolist() == [5]
