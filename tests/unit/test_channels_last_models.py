"""Models with channels-last calls: what `layout` writes of them, and what it turns back."""

from __future__ import annotations

from typing import Any

import onnx
import onnx.reference
import pytest
from onnx import helper

from pyonnxtool import _core, from_proto
from support.changed_layout import op_types, parsed, relaid

NHWC = "pyonnxtool.nhwc"


def _there(model: onnx.ModelProto, **options: Any) -> onnx.ModelProto:
    return relaid(model, to="channels_last", **options)[1]


def _back(model: onnx.ModelProto, **options: Any) -> onnx.ModelProto:
    """What the expansion gives; values are held against those of the functions' model."""
    return relaid(model, expand=True, **options)[1]


def _imports(model: onnx.ModelProto) -> dict[str, int]:
    return {each.domain: each.version for each in model.opset_import}


CHAIN = """g (float[1,3,8,8] x) => (float[1,4,4,4] y)
  <float[4,3,3,3] w, float[4] b, float[4,1,1] scale, float[4,4,3,3] v> {
    a = Conv <kernel_shape = [3, 3]> (x, w, b)
    c = Mul (a, scale)
    d = Relu (c)
    y = Conv (d, v)
}"""


def test_operators_become_calls_between_two_transposes() -> None:
    found = _there(parsed(CHAIN))
    assert op_types(found.graph) == ["Transpose", "Conv", "Mul", "Relu", "Conv", "Transpose"]
    assert [n.domain for n in found.graph.node if n.op_type == "Conv"] == [NHWC, NHWC]
    assert [(f.name, list(f.attribute)) for f in found.functions] == [("Conv", ["kernel_shape"])]
    assert _imports(found) == {"": 17, NHWC: 1}


@pytest.mark.parametrize("filters", ["oihw", "ohwi", "hwio"])
def test_they_come_back_byte_for_byte(filters: str) -> None:
    model = parsed(CHAIN)
    assert _back(_there(model, filters=filters)).SerializeToString() == model.SerializeToString()


def test_the_border_goes_there_and_comes_back() -> None:
    model = parsed(CHAIN)
    there = _there(model, io={"x": "nhwc", "y": "nhwc"})
    assert op_types(there.graph) == ["Conv", "Mul", "Relu", "Conv"]
    back = _back(there, io={"x": "nchw", "y": "nchw"})
    assert back.SerializeToString() == model.SerializeToString()


def test_a_border_that_stays_channels_last_keeps_its_transposes() -> None:
    found = _back(_there(parsed(CHAIN), io={"x": "nhwc", "y": "nhwc"}))
    assert op_types(found.graph) == ["Transpose", "Conv", "Mul", "Relu", "Conv", "Transpose"]
    assert [v.name for v in found.graph.output] == ["y"]


@pytest.mark.parametrize("version", [4, 7])
def test_an_old_ir_version_is_noted_and_restored(version: int) -> None:
    model = parsed(CHAIN, opset=11, ir_version=version)
    helper.set_model_props(model, {"author": "someone"})
    there = _there(model)
    assert there.ir_version == 8
    noted = {each.key: each.value for each in there.metadata_props}
    assert noted == {"author": "someone", "pyonnxtool.ir_version": str(version)}
    assert _back(there).SerializeToString() == model.SerializeToString()


@pytest.mark.parametrize("text", ["11", "0", "seven", ""])
def test_a_note_that_cannot_be_is_left(text: str) -> None:
    there = _there(parsed(CHAIN))
    helper.set_model_props(there, {"pyonnxtool.ir_version": text})
    back = _back(there)
    assert back.ir_version == 8
    assert [each.value for each in back.metadata_props] == [text]


def test_declared_types_follow_and_come_back() -> None:
    model = onnx.shape_inference.infer_shapes(parsed(CHAIN))
    there = _there(model)
    declared = {
        each.name: [dim.dim_value for dim in each.type.tensor_type.shape.dim]
        for each in there.graph.value_info
    }
    assert declared["a"] == [1, 6, 6, 4]
    assert _back(there).SerializeToString() == model.SerializeToString()


def test_names_docs_attributes_and_a_written_domain_come_back() -> None:
    model = parsed(CHAIN)
    conv = model.graph.node[0]
    conv.name, conv.doc_string, conv.domain = "first", "the first", ""
    conv.attribute.append(helper.make_attribute("auto_pad", "VALID"))
    conv.attribute[1].doc_string = "no pads"
    conv.metadata_props.add(key="origin", value="here")
    model.graph.node[3].domain = ""
    assert _back(_there(model)).SerializeToString() == model.SerializeToString()


SHARED = """g (float[1,4,6,6] x) => (float[1,4,2,2] y, float[4,4,3,3] copy) <float[4,4,3,3] w> {
    a = Conv (x, w)
    y = Conv (a, w)
    copy = Identity (w)
}"""


def test_a_filter_that_others_read_is_stored_twice_and_comes_back() -> None:
    model = parsed(SHARED)
    there = _there(model, filters="hwio")
    assert len(there.graph.initializer) == 2
    back = _back(there)
    assert back.SerializeToString() == model.SerializeToString()


def test_a_filter_that_two_calls_read_is_stored_once() -> None:
    model = parsed(
        """g (float[1,4,6,6] x) => (float[1,4,2,2] y) <float[4,4,3,3] w> {
          a = Conv (x, w)
          y = Conv (a, w)
        }"""
    )
    there = _there(model, filters="ohwi")
    assert [tensor.name for tensor in there.graph.initializer] == ["w"]
    assert _back(there).SerializeToString() == model.SerializeToString()


BRANCHES = """g (bool c, float[1,3,8,8] x) => (float[1,4,6,6] y) <float[4,3,3,3] w> {
    r = Relu (x)
    y = If (c) <
      then_branch = t () => (float[1,4,6,6] p) { p = Conv (r, w) },
      else_branch = e () => (float[1,4,6,6] q) { h = Conv (r, w) q = Relu (h) }
    >
}"""


@pytest.mark.parametrize("filters", ["oihw", "hwio"])
def test_calls_in_branches_come_back(filters: str) -> None:
    model = parsed(BRANCHES)
    there = _there(model, filters=filters)
    branch = there.graph.node[-2].attribute[0].g if there.graph.node[-1].op_type != "If" else None
    assert branch is None or any(node.domain == NHWC for node in branch.node)
    back = _back(there)
    assert not back.functions
    assert _imports(back) == {"": 17}
    if filters == "oihw":
        assert back.SerializeToString() == model.SerializeToString()


def test_a_channels_last_model_runs_in_the_reference_evaluator() -> None:
    model = parsed(CHAIN)
    there = _there(model)
    feed = {"x": onnx.numpy_helper.to_array(model.graph.initializer[0])[:1].repeat(3, 2)[..., :1]}
    feed["x"] = feed["x"].repeat(8, 3)[:, :, :8]
    (ours,) = onnx.reference.ReferenceEvaluator(model).run(None, feed)
    (theirs,) = onnx.reference.ReferenceEvaluator(there).run(None, feed)
    assert abs(ours - theirs).max() <= 1e-5 * abs(ours).max()


def test_calls_inside_functions_of_the_user_are_expanded() -> None:
    there = _there(parsed(CHAIN))
    block = onnx.parser.parse_function(
        f'<domain: "user", opset_import: ["" : 17, "{NHWC}" : 1]>\n'
        f"Block (x, w) => (y) {{ a = {NHWC}.Conv (x, w)  y = Relu (a) }}"
    )
    there.functions.append(block)
    there.opset_import.append(helper.make_opsetid("user", 1))
    made, calls, _ = _core.expand_channels_last(from_proto(there))
    found = onnx.ModelProto.FromString(made.to_bytes())
    (function,) = found.functions
    assert calls == 3
    assert [each.domain for each in function.opset_import] == [""]
    assert [node.op_type for node in function.node] == ["Transpose", "Conv", "Transpose", "Relu"]
    assert found.ir_version == 8
    onnx.checker.check_model(found)


def test_the_value_map_of_an_expansion_leads_to_the_old_names() -> None:
    there = _there(parsed(CHAIN))
    _, _, mapped = _core.expand_channels_last(from_proto(there))
    assert ("a", "a", [0, 3, 1, 2]) in mapped
    assert ("a/channels_last", "a", [0, 1, 2, 3]) in mapped


def test_a_model_without_functions_is_expanded_to_itself() -> None:
    model = parsed(CHAIN)
    made, calls, mapped = _core.expand_channels_last(from_proto(model))
    assert (made.to_bytes(), calls, mapped) == (model.SerializeToString(), 0, [])


def test_another_domain_is_written_and_found_again() -> None:
    model = parsed(CHAIN)
    there = _there(model, domain="com.vendor")
    assert _imports(there) == {"": 17, "com.vendor": 1}
    assert _back(there, domain="com.vendor").SerializeToString() == model.SerializeToString()


def test_calls_are_made_anew_with_other_filters() -> None:
    model = parsed(CHAIN)
    there = _there(model, filters="ohwi")
    again = _there(there, filters="hwio")
    assert again.SerializeToString() == _there(model, filters="hwio").SerializeToString()
    assert _there(there, filters="ohwi").SerializeToString() == there.SerializeToString()


def test_functions_of_others_in_the_domain_are_left_alone() -> None:
    model = parsed(CHAIN)
    body = onnx.parser.parse_function(
        '<domain: "d", opset_import: ["" : 17]>\nTheirs (x) => (y) { a = Relu (x)  y = Abs (a) }'
    )
    model.functions.append(body)
    model.opset_import.append(helper.make_opsetid("d", 1))
    there = _there(model, domain="d")
    assert [function.name for function in there.functions] == ["Theirs", "Conv"]


def test_a_call_with_too_many_operands_is_an_error() -> None:
    there = _there(parsed(CHAIN))
    call = next(node for node in there.graph.node if node.domain == NHWC)
    call.input.append("x")
    with pytest.raises(Exception, match="has more inputs or outputs than the function"):
        _core.expand_channels_last(from_proto(there))
