"""Upwards: what changed goes through the onnx package's converter, all else stays as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

import pyonnxtool as pot
from pyonnxtool import Model
from pyonnxtool.errors import Refused
from support.parsed import parsed


def run(model: Model, **feeds: Any) -> list[Any]:
    session = ort.InferenceSession(model.to_bytes(), providers=["CPUExecutionProvider"])
    return list(session.run(None, feeds))


def up(model: Model, to: int = 21) -> Model:
    made = pot.opset(model, to=to).model
    onnx.checker.check_model(pot.to_proto(made), full_check=True)
    return made


def refusal(model: Model, to: int = 21) -> str:
    with pytest.raises(Refused) as caught:
        pot.opset(model, to=to)
    return str(caught.value)


def rng(*shape: int) -> Any:
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


SQUEEZE = (
    "g (float[1,4,1] x) => (float[4,1] y) { [a] t = Relu (x)\n[s] y = Squeeze <axes = [0]> (t) }"
)


def test_what_changed_is_made_anew_and_keeps_its_names() -> None:
    made = pot.opset(parsed(SQUEEZE, opset=11, ir_version=6), to=21, verify=1)
    assert made.model.opset_imports[""] == 21
    assert made.model.ir_version == 10, "that which came with the opset"
    assert [node.op_type for node in made.model.graph.order()] == ["Relu", "Squeeze"]
    squeeze = made.model.graph.value("y").producer
    assert squeeze is not None and squeeze.name == "s"
    assert [change.rule for change in made.report.changes] == [
        "Squeeze 11 -> 21: by the onnx package's converter"
    ]
    assert made.report.rules["y"] == "Squeeze 11 -> 21: by the onnx package's converter"


@pytest.mark.parametrize("opset", [11, 13])
def test_equal_parts_are_a_number_from_opset_18_on(opset: int) -> None:
    text = "g (float[6] x) => (float[3] y, float[3] z) { y, z = Split (x) }"
    model = parsed(text, opset=opset)
    assert up(model, to=17).graph.nodes[0].attributes.get("num_outputs") is None
    made = up(model, to=23)
    assert made.graph.nodes[0].attributes["num_outputs"] == 2
    for ours, theirs in zip(run(model, x=rng(6)), run(made, x=rng(6)), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_file_that_is_newer_keeps_its_ir_version() -> None:
    assert up(parsed(SQUEEZE, opset=11, ir_version=11), to=13).ir_version == 11


def test_softmax_of_two_dimensions() -> None:
    model = parsed(
        "g (float[2,3,4] x) => (float[2,3,4] y) { y = Softmax <axis = 1> (x) }", opset=11
    )
    made = pot.opset(model, to=17, verify=1).model
    x = rng(2, 3, 4)
    assert np.allclose(run(made, x=x)[0].reshape(2, -1).sum(axis=1), 1.0)
    assert np.allclose(run(made, x=x), run(model, x=x), rtol=1e-6)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("factor", [2.0, 1.5, 2.5])
def test_upsampling_goes_by_the_corner_as_it_did(mode: str, factor: float) -> None:
    size = int(4 * factor)
    old = parsed(
        f"g (float[1,1,4,4] x) => (float[1,1,{size},{size}] y) <float[4] s = "
        f'{{1, 1, {factor}, {factor}}}> {{ y = Upsample <mode = "{mode}"> (x, s) }}',
        opset=9,
    )
    resize = parsed(
        f"g (float[1,1,4,4] x) => (float[1,1,{size},{size}] y) <float[4] s = "
        f'{{1, 1, {factor}, {factor}}}> {{ y = Resize <mode = "{mode}"> (x, s) }}',
        opset=10,
    )
    x = rng(1, 1, 4, 4)
    for model in (old, resize):
        assert np.allclose(run(up(model), x=x), run(model, x=x), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float", "double", "float16"])
def test_bounds_that_become_operands_have_the_dtype_of_the_values(dtype: str) -> None:
    model = parsed(
        f"g ({dtype}[2,3] x) => ({dtype}[4,3] y) {{ c = Clip <min = -0.5, max = 0.5> (x)\n"
        "y = Pad <pads = [1, 0, 1, 0], value = 2.5> (c) }",
        opset=10,
    )
    x = rng(2, 3).astype({"float": "f4", "double": "f8", "float16": "f2"}[dtype])
    found = run(up(model), x=x)[0]
    assert np.array_equal(found, np.pad(x.clip(-0.5, 0.5), [(1, 1), (0, 0)], constant_values=2.5))


def test_the_other_name_of_the_domain() -> None:
    proto = onnx.parser.parse_model(
        '<ir_version: 6, opset_import: ["ai.onnx" : 11]> '
        "g (float[1,4] x) => (float[4] y) { y = Squeeze <axes = [0]> (x) }"
    )
    proto.graph.node[0].domain = "ai.onnx"
    made = pot.to_proto(pot.opset(proto, to=13, verify=1).model)
    assert [one.version for one in made.opset_import] == [13]
    assert len(made.graph.node[0].input) == 2


def test_bodies_go_up_too() -> None:
    model = parsed(
        "g (bool c, float[1,4] x) => (float[4] y) { y = If (c) <"
        "then_branch = a () => (float[4] p) { p = Squeeze <axes = [0]> (x) }, "
        "else_branch = b () => (float[4] q) { r = Neg (x)\n q = Squeeze <axes = [0]> (r) }> }",
        opset=11,
    )
    made = up(model)
    x = rng(1, 4)
    for c in (True, False):
        assert np.array_equal(run(made, c=np.array(c), x=x), run(model, c=np.array(c), x=x))


def test_functions_go_up_and_stay_where_nothing_in_them_changed() -> None:
    text = (
        '<ir_version: 8, opset_import: ["" : 11, "f" : 1]> '
        "g (float[1,4] x) => (float[4] y, float[1,4] z) { y = f.flat (x)  z = f.act (x) }"
        '<domain: "f", opset_import: ["" : 11]> flat (a) => (b) { b = Squeeze <axes = [0]> (a) }'
        '<domain: "f", opset_import: ["" : 11]> act (a) => (b) { b = Sigmoid (a) }'
    )
    model = pot.from_proto(onnx.parser.parse_model(text))
    made = pot.opset(model, to=12, verify=1).model
    assert [function.name for function in made.functions] == ["flat", "act"]
    assert all(function.opset_imports[""] == 12 for function in made.functions)
    made = pot.opset(model, to=13, verify=1).model
    assert not made.functions, "Sigmoid has another schema at 13 as well"


def test_other_domains_are_left_alone() -> None:
    made = up(
        parsed(
            "g (float[1,4] x) => (float[4] y, float[1,4] z) "
            "{ z = custom.Magic (x)\n y = Squeeze <axes = [0]> (z) }",
            opset=11,
        )
    )
    assert made.opset_imports == {"": 21, "custom": 1}
    assert "Magic" in [node.op_type for node in made.graph.nodes]


def test_what_did_not_change_stays_byte_for_byte() -> None:
    proto = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 13]> '
        "g (float[2,4] x) => (float[2,4] y) { [one] t = Neg (x)  [two] y = Abs (t) }"
    )
    proto.graph.node[0].doc_string = "mine"
    proto.metadata_props.add(key="k", value="v")
    made = pot.to_proto(pot.opset(proto, to=16).model)
    assert made.graph == proto.graph
    assert made.metadata_props == proto.metadata_props


def test_large_weights_are_not_shown_to_the_converter() -> None:
    proto = onnx.parser.parse_model(
        '<ir_version: 7, opset_import: ["" : 12]> '
        "g (float[1,64] x) => (float[64] y) { t = Gemm (x, w)  y = Squeeze <axes = [0]> (t) }"
    )
    w = onnx.numpy_helper.from_array(rng(64, 64), "w")
    proto.graph.initializer.append(w)
    made = pot.opset(proto, to=13, verify=1).model
    assert pot.to_proto(made).graph.initializer[0].raw_data == w.raw_data
    assert [value.name for value in made.graph.inputs] == ["x"]


def test_what_the_converter_refuses_is_refused_in_its_words_for_every_node() -> None:
    model = parsed(
        "g (float[2,2] x) => (float[2,2] y, float[2,2] z) { [one] t = custom.Magic (x)\n"
        "[two] y = Gemm (t, t, t)\n [three] z = Gemm (t, t, t) }",
        opset=6,
    )
    told = refusal(model)
    assert "refused for 2 reasons" in told
    assert (
        "- nodes 'two', 'three' (Gemm): the onnx package's converter refuses it: Shape of" in told
    )
    strange = parsed("g (float[2] x) => (float[2] y) { [one] y = Magic (x) }", opset=11)
    assert "- node 'one' (Magic): there is no Magic in opset 11" in refusal(strange)


def test_a_meaning_that_the_converter_does_not_know_of() -> None:
    model = parsed(
        "g (float[1,4,3] x, float[2] s, float[2] b) => (float[1,4,3] y) "
        "{ [gn] y = GroupNormalization <num_groups = 2> (x, s, b) }",
        opset=18,
    )
    assert "node 'gn' (GroupNormalization): its scale and bias are for each group" in refusal(model)
    assert pot.opset(model, to=20).model.opset_imports[""] == 20


def test_regions_are_not_moved_by_half_a_pixel() -> None:
    model = parsed(
        "g (float[1,1,8,8] x, float[2,4] r, int64[2] i) => (float[2,1,2,2] y) "
        "{ y = RoiAlign <output_height = 2, output_width = 2> (x, r, i) }",
        opset=13,
    )
    regions = np.array([[1, 1, 6, 5], [0, 2, 7, 7]], np.float32)
    feeds = {"x": rng(1, 1, 8, 8), "r": regions, "i": np.zeros(2, np.int64)}
    assert np.allclose(run(up(model, to=17), **feeds), run(model, **feeds), rtol=1e-6)


def test_an_odd_padding_changes_sides() -> None:
    text = (
        "g (float[1,1,4,4] x, float[1,1,2,2] w) => (float[1,1,%s,%s] y) "
        '{ [up] y = ConvTranspose <auto_pad = "%s"> (x, w) }'
    )
    told = refusal(parsed(text % (4, 4, "SAME_UPPER"), opset=9))
    assert "node 'up' (ConvTranspose): an odd padding has its larger half at the other end" in told
    assert up(parsed(text % (5, 5, "VALID"), opset=9), to=12).opset_imports[""] == 12


def test_loops_and_scans_stay_what_they_are() -> None:
    model = parsed(
        "g (float[3,2] x, float[2] z) => (float[2] y, float[3,2] all) { y, all = Scan "
        "<num_scan_inputs = 1, body = b (float[2] s, float[2] i) => (float[2] t, float[2] u) "
        "{ t = Add (s, i)\n u = Identity (t) }> (z, x) }",
        opset=9,
    )
    feeds = {"x": rng(3, 2), "z": rng(2)}
    for ours, theirs in zip(run(up(model), **feeds), run(model, **feeds), strict=True):
        assert np.array_equal(ours, theirs)


def test_an_open_batch() -> None:
    model = parsed(
        "g (float[n,3,4] x) => (float[n,3,4] y) { y = LogSoftmax <axis = 1> (x) }", opset=11
    )
    found = run(pot.opset(model, to=21).model, x=rng(5, 3, 4))[0]
    assert np.allclose(np.exp(found).reshape(5, -1).sum(axis=1), 1.0)
