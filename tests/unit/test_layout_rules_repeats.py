"""Repeats, fillings, random draws and onnxruntime's activations in other layouts."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from pyonnxtool import _core
from support.one_node import Constant, Given, Input, node_model
from support.relaid import check_rule, op_types, refusal, relaid

TO_NHWC, TO_NCHW = [0, 2, 3, 1], [0, 3, 1, 2]
MICROSOFT = "com.microsoft"


def ints(*numbers: int) -> Constant:
    return Constant(np.array(numbers, np.int64))


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [
        ([2, 3, 1, 1], [2, 3, 5, 4]),
        ([2, 3, 1, 1], [5, 4]),
        ([3, 1, 1], [2, 3, 5, 4]),
        ([4], [2, 3, 5, 4]),
        ([1], [2, 3, 5, 4]),
        ([], [2, 3, 5, 4]),
        ([1, 3, 1, 4], [2, 1, 5, 1]),
    ],
)
@pytest.mark.parametrize("perm", [TO_NHWC, TO_NCHW, [3, 1, 0, 2]])
def test_expand(shape: list[int], sizes: list[int], perm: list[int]) -> None:
    drawn = check_rule(node_model("Expand", [shape, ints(*sizes)]), "y0", perm)
    assert op_types(drawn)[-1] == "Expand"
    assert "Gather" not in op_types(drawn)
    if len(sizes) == 4:
        computed = np.array(sizes, np.int64)
        run_time = check_rule(
            node_model("Expand", [shape, computed]), "y0", perm, feed={"x1": computed}
        )
        assert "Gather" in op_types(run_time)


def test_expand_from_its_input() -> None:
    assert check_rule(
        node_model("Expand", [[3, 1, 4], ints(2, 1, 5, 1)]), "x0", [2, 0, 1]
    ).outputs == [[0, 3, 1, 2]]
    single = node_model("Expand", [[1, 1], ints(2, 3, 5)])
    drawn = check_rule(single, "x0", [1, 0])
    assert (drawn.outputs, op_types(drawn)) == ([[0, 1, 2]], ["Expand"])


def test_expand_with_an_inner_order() -> None:
    inner = [(1, [2, 3], [1, 0])]
    for shape in ([2, 6, 4], [6, 1], [2, 1, 4], [4]):
        check_rule(node_model("Expand", [shape, ints(2, 6, 4)]), "y0", [0, 2, 1], inner)
        check_rule(node_model("Expand", [shape, ints(2, 6, 4)]), "y0", [0, 1, 2], inner)


@pytest.mark.parametrize("opset", [8, 13, 22])
def test_expand_of_any_version(opset: int) -> None:
    check_rule(node_model("Expand", [[5, 4], ints(2, 3, 5, 4)], opset=opset), "y0", TO_NHWC)


def test_what_expand_cannot() -> None:
    fewer = node_model("Expand", [[2, 3, 1, 4], Given([2], "int64")])
    assert refusal(fewer, "y0", TO_NHWC).endswith(
        "input 1 'x1' is computed and lists fewer sizes than the output has axes"
    )
    open_ended = node_model("Expand", [[2, 3], Given(["r"], "int64")])
    assert refusal(open_ended, "x0", [1, 0]).endswith("the length of input 1 'x1' is not known")
    listed = node_model("Expand", [[2, 3], Given([6], "int64")])
    assert refusal(listed, "x1", [0], [(0, [2, 3], [1, 0])]).endswith("input 1 lists sizes")


@pytest.mark.parametrize("opset", [6, 13])
def test_tile(opset: int) -> None:
    repeats = np.array([1, 2, 3, 1], np.int64)
    for given in (Constant(repeats), repeats):
        model = node_model("Tile", [["n", 3, 5, 4], given], opset=opset)
        for operand in ("x0", "y0"):
            check_rule(model, operand, TO_NHWC, feed={"x1": repeats})


def test_tile_beside_an_inner_order() -> None:
    inner = [(1, [2, 3], [1, 0])]
    model = node_model("Tile", [[2, 6, 4], ints(2, 1, 3)])
    check_rule(model, "x0", [0, 2, 1], inner)
    check_rule(model, "y0", [0, 1, 2], inner)
    repeated = node_model("Tile", [[2, 6, 4], ints(1, 2, 1)])
    assert refusal(repeated, "x0", [0, 1, 2], inner).endswith(
        "its axis 1 is stored in another inner order"
    )
    computed = node_model("Tile", [[2, 6, 4], Given([3], "int64")])
    assert refusal(computed, "x0", [0, 2, 1], inner).endswith(
        "its axis 1 is stored in another inner order"
    )


def test_what_tile_cannot() -> None:
    open_ended = node_model("Tile", [[2, 3], Given(["r"], "int64")])
    assert "'x1'" in refusal(open_ended, "x0", [1, 0])
    old = node_model("Tile", [[2, 3], [], []], opset=5)
    assert refusal(old, "x0", [1, 0]).endswith("before opset 6 it repeats one axis")
    listed = node_model("Tile", [[2, 3], Given([6], "int64")])
    assert refusal(listed, "x1", [0], [(0, [2, 3], [1, 0])]).endswith("input 1 lists repeats")


def test_a_filling_of_any_shape() -> None:
    value = onnx.helper.make_tensor("v", onnx.TensorProto.FLOAT, [1], [3.5])
    sizes = np.array([2, 3, 5, 4], np.int64)
    for given in (Constant(sizes), sizes):
        model = node_model("ConstantOfShape", [given], value=value)
        check_rule(model, "y0", TO_NHWC, feed={"x0": sizes})
        check_rule(model, "y0", [0, 1, 2, 3], [(3, [2, 2], [1, 0])], feed={"x0": sizes})
    listed = node_model("ConstantOfShape", [Given([6], "int64")])
    assert refusal(listed, "x0", [0], [(0, [2, 3], [1, 0])]).endswith("input 0 lists sizes")


@pytest.mark.parametrize(
    ("op_type", "inputs", "attributes"),
    [
        ("RandomNormal", [], {"shape": [2, 3, 4]}),
        ("RandomUniform", [], {"shape": [2, 3, 4]}),
        ("RandomNormalLike", [[2, 3, 4]], {}),
        ("RandomUniformLike", [[2, 3, 4]], {"dtype": 1}),
        ("Bernoulli", [[2, 3, 4]], {}),
    ],
)
def test_draws_without_a_seed(
    op_type: str, inputs: list[Input], attributes: dict[str, object]
) -> None:
    drawn = relaid(node_model(op_type, inputs, opset=21, **attributes), "y0", [2, 0, 1])
    assert drawn.outputs == [[2, 0, 1]]
    facts = _core.infer_shapes(drawn.model)
    assert facts.value("y0").dims == [4, 2, 3]
    seeded = node_model(op_type, inputs, opset=21, seed=1.0, **attributes)
    assert refusal(seeded, "y0", [2, 0, 1]).endswith("its seed fixes what is drawn for each place")


def test_a_draw_of_no_shape() -> None:
    model = node_model("RandomNormal", [])
    model.graph.output[0].CopyFrom(
        onnx.helper.make_tensor_value_info("y0", onnx.TensorProto.FLOAT, [2, 3])
    )
    assert refusal(model, "y0", [1, 0]).endswith("its shape is not known")


@pytest.mark.parametrize("op_type", ["Gelu", "QuickGelu", "FastGelu", "ScaledSiLU", "SampleOp"])
def test_activations_of_the_runtime(op_type: str) -> None:
    model = node_model(op_type, [["n", 3, 5, 4]], domain=MICROSOFT)
    check_rule(model, "x0", TO_NHWC, tolerance=1e-6)


@pytest.mark.parametrize("op_type", ["BiasGelu", "FastGelu"])
def test_a_bias_keeps_the_last_axis_last(op_type: str) -> None:
    model = node_model(op_type, [[2, 3, 5, 6], [6]], domain=MICROSOFT)
    check_rule(model, "y0", [1, 0, 2, 3], tolerance=1e-6)
    inner = [(3, [2, 3], [1, 0])]
    assert check_rule(model, "x0", [2, 1, 0, 3], inner, tolerance=1e-6).input_inner[1] == [
        (0, [2, 3], [1, 0])
    ]
    assert refusal(model, "x0", TO_NCHW).endswith("the last axis is where input 1 'x1' lies")
    single = node_model(op_type, [[2, 3, 1], [1]], domain=MICROSOFT)
    assert refusal(single, "x0", [2, 0, 1]).endswith("the last axis is where input 1 'x1' lies")


def test_a_gate_for_each_row() -> None:
    model = node_model("GatedAdd", [[2, 3, 4], [2, 3, 4], [2, 3, 1]], domain=MICROSOFT)
    check_rule(model, "x2", [1, 0, 2])
    assert refusal(model, "y0", [2, 0, 1]).endswith(
        "its gate has one element for each row of the last axis"
    )


def test_hashes_and_checks_look_at_each_element() -> None:
    hashed = node_model("MurmurHash3", [Given([2, 3, 4], "int32")], domain=MICROSOFT)
    check_rule(hashed, "x0", [2, 0, 1])
    finite = node_model("IsAllFinite", [[2, 3, 4], [2, 5]], domain=MICROSOFT)
    drawn = relaid(finite, "x1", [1, 0])
    assert (drawn.inputs, drawn.outputs) == ([[0, 1, 2], [1, 0]], [[]])


def test_bits_of_a_mask_are_numbered_in_order() -> None:
    model = node_model("BitmaskDropout", [[2, 3, 4]], outputs=2, domain=MICROSOFT)
    assert refusal(model, "x0", [2, 0, 1]).endswith("its mask numbers the elements in order")
    alone = node_model("BitmaskDropout", [[2, 3, 4]], domain=MICROSOFT)
    assert relaid(alone, "x0", [2, 0, 1]).outputs == [[2, 0, 1]]


def test_text_is_joined_element_by_element() -> None:
    model = node_model("StringConcat", [Given([2, 3, 4], "object"), Given([4], "object")], opset=20)
    check_rule(model, "y0", [2, 0, 1])
    matched = node_model("RegexFullMatch", [Given([2, 3], "object")], opset=20, pattern="[0-4]*")
    check_rule(matched, "x0", [1, 0])


def test_features_that_are_looked_up_one_by_one() -> None:
    ml = "ai.onnx.ml"
    check_rule(node_model("Binarizer", [[2, 3]], domain=ml, threshold=0.1), "x0", [1, 0])
    mapped = {"cats_int64s": [1, 2], "cats_strings": ["a", "b"], "default_int64": 7}
    words = node_model("CategoryMapper", [Given([2, 3], "object")], domain=ml, **mapped)
    check_rule(words, "y0", [1, 0])
    numbers = {"keys_int64s": [1, 2], "values_floats": [0.5, 1.5], "default_float": 9.0}
    labels = node_model("LabelEncoder", [Given([2, 3], "int64")], domain=ml, **numbers)
    labels.opset_import[1].version = 2
    check_rule(labels, "x0", [1, 0])
