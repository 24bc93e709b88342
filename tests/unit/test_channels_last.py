"""Operators as calls of channels-last functions: what the functions compute, and the way back."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx.checker
import onnx.inliner
import onnxruntime
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from pyonnxtool import _core, from_proto
from pyonnxtool.errors import Refused, UsageError
from support.channels_last import called, channels_last, computes_the_same, feed_of, function_of
from support.one_node import Constant, Given, Input, node_model

RNG = np.random.default_rng(3)


def weight(*shape: int, dtype: str = "float32") -> Constant:
    """A constant with elements of both signs."""
    if dtype == "float32":
        return Constant(RNG.normal(size=shape).astype(np.float32))
    return Constant(RNG.integers(0, 9, shape).astype(dtype))


def zero(dtype: str) -> Constant:
    """A zero point."""
    return Constant(np.array(3, dtype))


SCALE = Constant(np.array(0.05, np.float32))
REGIONS = Constant(np.array([[0, 0, 6, 6], [1, 2, 7, 5]], np.float32))
IMAGES = Constant(np.array([0, 1], np.int64))
SCALES = Constant(np.array([1, 1, 2, 1.5], np.float32))
SIZES = Constant(np.array([2, 3, 12, 10], np.int64))
U8 = Given([2, 4, 7, 6], "uint8")
QUANTIZED: list[Input] = [U8, SCALE, zero("uint8"), weight(5, 4, 3, 2, dtype="uint8"), SCALE]
QUANTIZED += [zero("uint8"), Constant(np.array(0.7, np.float32)), zero("uint8")]

CASES: dict[str, tuple[str, list[Input], dict[str, Any]]] = {
    "Conv": ("Conv", [[2, 4, 7, 6], weight(5, 4, 3, 2), weight(5)], {"strides": [2, 1]}),
    "Conv 1-D": ("Conv", [[2, 4, 9], weight(5, 4, 3)], {"pads": [1, 0]}),
    "Conv 3-D": ("Conv", [[1, 4, 5, 6, 7], weight(3, 4, 2, 3, 1)], {"dilations": [1, 2, 1]}),
    "Conv auto_pad": ("Conv", [[2, 4, 7, 6], weight(5, 4, 3, 2)], {"auto_pad": "SAME_LOWER"}),
    "Conv grouped": ("Conv", [[2, 4, 7, 6], weight(6, 2, 3, 3)], {"group": 2}),
    "Conv depthwise": ("Conv", [[2, 4, 7, 6], weight(4, 1, 3, 3)], {"group": 4}),
    "Conv of named sizes": ("Conv", [["n", 4, "h", "w"], weight(5, 4, 3, 2)], {}),
    "Conv of a given filter": ("Conv", [[2, 4, 7, 6], [5, 4, 3, 2]], {}),
    "ConvTranspose": (
        "ConvTranspose",
        [[2, 4, 5, 6], weight(4, 3, 2, 3), weight(3)],
        {"strides": [2, 1]},
    ),
    "ConvTranspose 1-D": ("ConvTranspose", [[2, 4, 5], weight(4, 3, 2)], {"strides": [2]}),
    "ConvInteger": ("ConvInteger", [U8, weight(5, 4, 3, 2, dtype="uint8"), zero("uint8")], {}),
    "QLinearConv": ("QLinearConv", [*QUANTIZED, weight(5, dtype="int32")], {"pads": [1, 1, 1, 1]}),
    "QLinearConv without bias": ("QLinearConv", QUANTIZED, {}),
    "DeformConv": (
        "DeformConv",
        [[2, 4, 7, 6], weight(5, 4, 2, 2), [2, 8, 6, 5], None, [2, 4, 6, 5]],
        {},
    ),
    "DeformConv without mask": ("DeformConv", [[2, 4, 7, 6], weight(5, 4, 2, 2), [2, 8, 6, 5]], {}),
    "MaxPool": ("MaxPool", [[2, 4, 7, 6]], {"kernel_shape": [3, 2], "ceil_mode": 1}),
    "MaxPool 1-D": ("MaxPool", [[2, 4, 7]], {"kernel_shape": [3]}),
    "AveragePool": (
        "AveragePool",
        [[2, 4, 7, 6]],
        {"kernel_shape": [3, 2], "count_include_pad": 1, "pads": [1, 0, 1, 1]},
    ),
    "AveragePool 3-D": ("AveragePool", [[2, 4, 5, 4, 3]], {"kernel_shape": [3, 2, 2]}),
    "LpPool": ("LpPool", [[2, 4, 7, 6]], {"kernel_shape": [3, 2], "p": 3}),
    "GlobalAveragePool": ("GlobalAveragePool", [[2, 4, 7, 6]], {}),
    "GlobalMaxPool 1-D": ("GlobalMaxPool", [[2, 4, 7]], {}),
    "GlobalLpPool": ("GlobalLpPool", [[2, 4, 7, 6]], {"p": 1}),
    "BatchNormalization": (
        "BatchNormalization",
        [[2, 4, 7, 6], weight(4), weight(4), weight(4), Constant(np.ones(4, np.float32))],
        {"epsilon": 1e-3},
    ),
    "InstanceNormalization": ("InstanceNormalization", [[2, 4, 7, 6], weight(4), weight(4)], {}),
    "GroupNormalization": (
        "GroupNormalization",
        [[2, 4, 7, 6], weight(4), weight(4)],
        {"num_groups": 2},
    ),
    "LRN": ("LRN", [[2, 4, 7, 6]], {"size": 3, "alpha": 0.2}),
    "DepthToSpace": ("DepthToSpace", [[2, 8, 3, 5]], {"blocksize": 2, "mode": "CRD"}),
    "SpaceToDepth": ("SpaceToDepth", [[2, 3, 4, 6]], {"blocksize": 2}),
    "Resize cubic by scales": ("Resize", [[2, 3, 5, 6], None, SCALES], {"mode": "cubic"}),
    "Resize cubic by sizes": (
        "Resize",
        [[2, 3, 5, 6], None, None, SIZES],
        {"mode": "cubic", "cubic_coeff_a": -0.5},
    ),
    "GridSample": ("GridSample", [[2, 4, 7, 6], [2, 5, 3, 2]], {"mode": "linear"}),
    "RoiAlign": ("RoiAlign", [[2, 4, 9, 9], REGIONS, IMAGES], {"output_height": 3}),
    "MaxRoiPool": (
        "MaxRoiPool",
        [[2, 4, 9, 9], Constant(np.array([[1, 0, 0, 6, 6]], np.float32))],
        {"pooled_shape": [2, 3]},
    ),
    "MaxUnpool": (
        "MaxUnpool",
        [[1, 2, 2, 2], Constant(np.arange(0, 32, 4, dtype=np.int64).reshape(1, 2, 2, 2))],
        {"kernel_shape": [2, 2], "strides": [2, 2]},
    ),
}
ONNXRUNTIME: dict[str, tuple[str, list[Input], dict[str, Any]]] = {
    "FusedConv": (
        "FusedConv",
        [[2, 4, 7, 6], weight(5, 4, 3, 2), weight(5)],
        {"activation": "Relu"},
    ),
    "FusedConv and a sum": (
        "FusedConv",
        [[2, 4, 7, 6], weight(5, 4, 3, 2), None, [2, 5, 5, 5]],
        {"activation": "LeakyRelu", "activation_params": [0.1]},
    ),
    "QLinearAveragePool": (
        "QLinearAveragePool",
        [U8, SCALE, zero("uint8"), SCALE, zero("uint8")],
        {"kernel_shape": [2, 2]},
    ),
    "QLinearGlobalAveragePool": (
        "QLinearGlobalAveragePool",
        [U8, SCALE, zero("uint8"), SCALE, zero("uint8")],
        {"channels_last": 0},
    ),
    "ConvTransposeWithDynamicPads": (
        "ConvTransposeWithDynamicPads",
        [[2, 4, 5, 6], weight(4, 3, 2, 3), Constant(np.array([1, 0, 0, 1], np.int64))],
        {"strides": [2, 2]},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_call_computes_what_the_operator_does(case: str) -> None:
    op_type, inputs, attributes = CASES[case]
    computes_the_same(node_model(op_type, inputs, 21, **attributes))


@pytest.mark.parametrize("case", ONNXRUNTIME)
def test_so_do_calls_of_what_onnxruntime_adds(case: str) -> None:
    op_type, inputs, attributes = ONNXRUNTIME[case]
    computes_the_same(node_model(op_type, inputs, 17, domain="com.microsoft", **attributes))


@pytest.mark.parametrize("opset", [7, 8, 9, 10, 11, 12, 13, 18, 21, 22])
@pytest.mark.parametrize("op_type", ["Conv", "MaxPool", "BatchNormalization"])
def test_functions_of_every_opset_run(op_type: str, opset: int) -> None:
    _, inputs, attributes = CASES[op_type]
    kept = {name: value for name, value in attributes.items() if name != "ceil_mode" or opset > 9}
    computes_the_same(node_model(op_type, inputs, opset, **kept))


@pytest.mark.parametrize(
    ("filters", "order"), [("oihw", (0, 1, 2, 3)), ("ohwi", (0, 2, 3, 1)), ("hwio", (2, 3, 1, 0))]
)
def test_filters_lie_as_asked(filters: str, order: tuple[int, ...]) -> None:
    given = weight(5, 4, 3, 2)
    model = node_model("Conv", [[2, 4, 7, 6], given], 17)
    made = channels_last(model, filters=filters)
    (tensor,) = called(made).graph.initializer
    assert onnx.numpy_helper.to_array(tensor).tolist() == given.array.transpose(order).tolist()
    computes_the_same(model, filters)


@pytest.mark.parametrize(("filters", "order"), [("ohwi", [1, 2, 3, 0]), ("hwio", [2, 3, 0, 1])])
def test_the_first_axis_of_a_transposed_filter_is_i(filters: str, order: list[int]) -> None:
    model = node_model("ConvTranspose", [[2, 4, 5, 6], weight(4, 3, 2, 3)], 17)
    assert channels_last(model, filters=filters).inputs[1] == order
    computes_the_same(model, filters)


@pytest.mark.parametrize("case", ["Conv 1-D", "Conv 3-D", "QLinearConv", "DeformConv"])
@pytest.mark.parametrize("filters", ["ohwi", "hwio"])
def test_filters_of_any_rank_and_place_lie_as_asked(case: str, filters: str) -> None:
    op_type, inputs, attributes = CASES[case]
    computes_the_same(node_model(op_type, inputs, 21, **attributes), filters)


def test_names_say_rank_and_what_else_moves() -> None:
    assert function_of(CASES["Conv"]) == "Conv"
    assert function_of(CASES["Conv 1-D"]) == "Conv_rank3"
    assert function_of(CASES["Conv 3-D"]) == "Conv_rank5"
    assert function_of(CASES["DeformConv"]) == "DeformConv_with_mask"
    assert function_of(CASES["DeformConv without mask"]) == "DeformConv"


def test_indices_count_as_the_operator_counts() -> None:
    model = node_model("MaxPool", [[2, 4, 6, 6]], 17, outputs=2, kernel_shape=[2, 2])
    made = computes_the_same(model)
    (function,) = called(made).functions
    assert function.name == "MaxPool_with_indices"
    assert made.outputs == [[0, 2, 3, 1], [0, 2, 3, 1]]


def test_the_function_says_what_it_is_and_where_its_attributes_come_from() -> None:
    op_type, inputs, _ = CASES["Conv"]
    model = node_model(op_type, inputs, 17, strides=[2, 1], pads=[0, 0, 1, 1])
    (function,) = called(channels_last(model)).functions
    assert function.domain == "pyonnxtool.nhwc"
    assert list(function.attribute) == ["pads", "strides"]
    assert [each.ref_attr_name for each in function.node[1].attribute] == ["pads", "strides"]
    assert [(each.domain, each.version) for each in function.opset_import] == [("", 17)]
    assert [node.op_type for node in function.node] == ["Transpose", "Conv", "Transpose"]
    assert function.doc_string == (
        "Conv whose maps are stored channels-last: batch, spatial axes, channels. A compiler may "
        "take a call for its own kernel; everyone else runs the body. Written by pyonnxtool "
        "layout, which also turns calls back into Conv (--expand)."
    )


def test_a_bias_that_is_not_given_has_its_place() -> None:
    """The reference evaluator wants as many inputs as the function has."""
    model = node_model("Conv", [[2, 4, 7, 6], weight(5, 4, 3, 2)], 17)
    made = called(channels_last(model))
    assert list(made.graph.node[0].input) == ["x0", "x1", ""]
    feed = {"x0": np.ones((2, 7, 6, 4), np.float32)}
    (ours,) = ReferenceEvaluator(made).run(None, feed)
    assert ours.shape == (2, 5, 5, 5)
    assert list(onnx.inliner.inline_local_functions(made).graph.node[1].input)[:2]


def test_a_domain_of_the_users_own() -> None:
    model = node_model("Conv", [[2, 4, 7, 6], weight(5, 4, 3, 2)], 17)
    made = called(channels_last(model, domain="com.vendor"))
    assert made.graph.node[0].domain == made.functions[0].domain == "com.vendor"
    assert ("com.vendor", 1) in [(each.domain, each.version) for each in made.opset_import]


@pytest.mark.parametrize("domain", ["", "ai.onnx", "ai.onnx.ml", "com.microsoft"])
def test_a_domain_with_operators_is_none_for_functions(domain: str) -> None:
    model = node_model("Conv", [[2, 4, 7, 6], weight(5, 4, 3, 2)], 17)
    with pytest.raises(UsageError) as caught:
        channels_last(model, domain=domain)
    assert str(caught.value) == (
        f"domain '{domain or 'ai.onnx'}' has operators of its own: functions need another"
    )


def _with_function(model: onnx.ModelProto, name: str, nodes: str) -> onnx.ModelProto:
    body = onnx.parser.parse_function(
        f'<domain: "d", opset_import: ["" : 17, "d" : 1]>\n{name} {nodes}'
    )
    model.functions.append(body)
    model.opset_import.append(helper.make_opsetid("d", 1))
    return model


def test_a_function_of_that_name_keeps_ours_out() -> None:
    model = node_model("Conv", [[2, 4, 7, 6], weight(5, 4, 3, 2)], 17)
    taken = _with_function(model, "Conv", "(x, w) => (y) { y = Conv (x, w) }")
    with pytest.raises(UsageError) as caught:
        channels_last(taken, domain="d")
    assert str(caught.value) == "domain 'd' has another function 'Conv': name another domain"


FOREIGN = {
    "(x) => (y) { a = Relu (x)  y = Abs (a) }": "it has Relu and Abs",
    "(x) => (y) { y = Transpose <perm = [0, 2, 1]> (x) }": "it has no operator besides Transposes",
    "(x) => (y) { a = Transpose (x)  y = Relu (a) }": "a Transpose in it has no order of axes",
    "(x) => (y) { y = d.Theirs (x) }": "it calls a function of its domain",
    "(x) => (y) { y = Softmax <axis = 1> (x) }": "attributes do not come from the call",
    "(x, z) => (y) { y = Sub (z, x) }": (
        "its operator does not read its inputs and make its outputs in their order"
    ),
    "(x) => (y, a) { a = Transpose <perm = [1, 0]> (x)  y = Relu (a) }": (
        "its operator does not read its inputs and make its outputs in their order"
    ),
}


@pytest.mark.parametrize("body", FOREIGN)
def test_functions_of_others_are_not_expanded(body: str) -> None:
    model = _with_function(node_model("Relu", [[2, 3]], 17), "Theirs", body)
    with pytest.raises(UsageError) as caught:
        _core.expand_channels_last(from_proto(model), "d")
    assert str(caught.value) == (
        f"function 'Theirs' of domain 'd' is none that layout writes: {FOREIGN[body]}; "
        "name another domain"
    )


REFUSALS: dict[str, tuple[str, list[Input], dict[str, Any]]] = {
    "input 0 has 2 axes: no spatial ones": (
        "BatchNormalization",
        [[2, 4], weight(4), weight(4), weight(4), weight(4)],
        {},
    ),
    "the rank of input 0 is not known": ("GlobalAveragePool", [Given(None)], {}),
    "the rank of input 1 is not known": ("MaxUnpool", [[1, 2, 2, 2], Given(None, "int64")], {}),
    "input 1 is missing": ("Conv", [[2, 4, 7, 6], None], {}),
    "it has 4 inputs, but takes at most 3": ("Conv", [[2, 4, 7, 6], [5, 4, 3, 2], [5], [5]], {}),
    "it works in any layout as it is": ("Resize", [[2, 3, 5, 6], None, SCALES], {"mode": "linear"}),
    "Relu has no channels-last function": ("Relu", [[2, 3, 5, 6]], {}),
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_what_has_no_call_says_why(reason: str) -> None:
    op_type, inputs, attributes = REFUSALS[reason]
    with pytest.raises(Refused) as caught:
        channels_last(node_model(op_type, inputs, 17, **attributes))
    assert str(caught.value) == reason


def test_training_has_outputs_that_no_call_makes() -> None:
    inputs = [[2, 4, 7, 6], weight(4), weight(4), weight(4), weight(4)]
    model = node_model("BatchNormalization", inputs, 17, outputs=3, training_mode=1)
    with pytest.raises(Refused, match=r"^output 1 has no channels-last form$"):
        channels_last(model)


def test_a_mean_for_each_place_has_no_channels_last_form() -> None:
    inputs = [[2, 4, 7, 6], [4, 7, 6], [4, 7, 6], [4, 7, 6], [4, 7, 6]]
    model = node_model("BatchNormalization", inputs, 8, spatial=0)
    with pytest.raises(Refused, match=r"^spatial=0: each place has a mean of its own$"):
        channels_last(model)


def test_an_operator_that_is_channels_last_already_is_left() -> None:
    inputs = [Given([2, 7, 6, 4], "uint8"), SCALE, zero("uint8"), SCALE, zero("uint8")]
    model = node_model(
        "QLinearGlobalAveragePool", inputs, 17, domain="com.microsoft", channels_last=1
    )
    with pytest.raises(Refused, match=r"^its channels are last already$"):
        channels_last(model)


def test_a_missing_node_and_other_filters_are_usage_errors() -> None:
    model = from_proto(node_model("Conv", [[2, 4, 7, 6], weight(5, 4, 3, 2)], 17))
    with pytest.raises(UsageError, match=r"^the graph has no node called 'm'$"):
        _core.channels_last_node(model, "m")
    with pytest.raises(UsageError, match=r"^filters lie as oihw, ohwi or hwio, not as 'iohw'$"):
        _core.channels_last_node(model, "n", "iohw")


@pytest.mark.parametrize("level", ["ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_ALL"])
@pytest.mark.parametrize("case", ["Conv", "Conv 1-D", "Resize cubic by sizes", "QLinearConv"])
def test_onnxruntime_takes_calls_at_every_level(case: str, level: str) -> None:
    op_type, inputs, attributes = CASES[case]
    model = node_model(op_type, inputs, 17, **attributes)
    made = called(channels_last(model))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.log_severity_level = 4
    running = onnxruntime.InferenceSession(
        made.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    feed = {name: array.transpose(0, *range(2, array.ndim), 1) for name, array in feed_of(model)}
    (made_there,) = running.run(None, feed)
    assert made_there.ndim == next(iter(feed.values())).ndim
