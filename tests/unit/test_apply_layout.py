"""How a plan of layouts is carried out: which nodes there are, and what they are called."""

from __future__ import annotations

import onnx
import pytest

from pyonnxtool import _core, from_proto
from support.changed_layout import nodes_text, op_types, parsed, relaid

NCHW, NHWC = "<perm = [0, 3, 1, 2]>", "<perm = [0, 2, 3, 1]>"


def test_a_model_without_anything_to_win_comes_back_byte_for_byte() -> None:
    model = parsed(
        f"""g (float[1,4,4,8] x) => (float[1,3,2,2] y) <float[3,8,3,3] w> {{
          a = Transpose {NCHW} (x)
          y = Conv (a, w)
        }}"""
    )
    made, new = relaid(model)
    assert not made.changes
    assert not made.value_map
    assert new.SerializeToString() == model.SerializeToString()


def test_what_is_dead_in_the_file_is_left_alone() -> None:
    model = parsed(
        f"""g (float[1,4,4,8] x) => (float[1,4,4,8] y) <float[2] unread = {{1, 2}}> {{
          dead = Exp (x)
          a = Transpose {NCHW} (x)
          b = Relu (a)
          y = Transpose {NHWC} (b)
        }}"""
    )
    _, new = relaid(model)
    assert nodes_text(new.graph) == ["dead = Exp (x)", "y = Relu (x)"]
    assert [tensor.name for tensor in new.graph.initializer] == ["unread"]


def test_a_diamond_and_a_skip_keep_one_layout() -> None:
    model = parsed(
        f"""g (float[1,4,4,8] x) => (float[1,4,4,8] y) {{
          a = Transpose {NCHW} (x)
          left = Relu (a)
          right = Sigmoid (a)
          both = Mul (left, right)
          skip = Add (both, a)
          y = Transpose {NHWC} (skip)
        }}"""
    )
    made, new = relaid(model)
    assert nodes_text(new.graph) == [
        "left = Relu (x)",
        "right = Sigmoid (x)",
        "both = Mul (left, right)",
        "y = Add (both, x)",
    ]
    assert ("left", "left", [0, 2, 3, 1], []) in made.value_map
    assert ("x", "a", [0, 2, 3, 1], []) in made.value_map


def test_readers_of_one_layout_share_its_transpose() -> None:
    model = parsed(
        f"""g (float[1,8,4,5] x) => (float[1,4,5,8] y, float[1,4,5,8] z) {{
          r = Relu (x)
          a = Transpose {NHWC} (r)
          b = Transpose {NHWC} (r)
          y = Sin (a)
          z = Cos (b)
        }}"""
    )
    _, new = relaid(model, only_cancel=True)
    assert nodes_text(new.graph)[1:] == ["a = Transpose (r)", "y = Sin (a)", "z = Cos (a)"]


def test_a_transpose_that_is_still_needed_stays_as_it_was() -> None:
    model = parsed(
        f"""g (float[1,4,4,8] x) => (float[1,3,2,2] y, float[1,4,4,8] z) <float[3,8,3,3] w> {{
          a = Transpose {NCHW} (x)
          y = Conv (a, w)
          b = Relu (a)
          z = Transpose {NHWC} (b)
        }}"""
    )
    model.graph.node[0].name = "entry"
    model.graph.node[0].doc_string = "from the camera"
    made, new = relaid(model)
    assert new.graph.node[0] == model.graph.node[0]
    assert nodes_text(new.graph)[1:] == ["y = Conv (a, w)", "z = Relu (x)"]
    assert ("removed Transposes", 1) in made.changes


def test_a_chain_of_transposes_is_one_and_keeps_the_name_of_the_last() -> None:
    model = parsed(
        f"""g (float[1,4,5,8] x) => (float[5,1,4,8] y, float[1,4,5,8] z) {{
          a = Transpose {NCHW} (x)
          b = Transpose <perm = [3, 0, 1, 2]> (a)
          y = Transpose <perm = [0, 1, 3, 2]> (b)
          back = Transpose {NHWC} (a)
          z = Sin (back)
        }}"""
    )
    model.graph.node[2].name = "last"
    _, new = relaid(model, only_cancel=True)
    assert nodes_text(new.graph) == ["y = Transpose (x)", "z = Sin (x)"]
    assert new.graph.node[0].name == "last"
    assert list(new.graph.node[0].attribute[0].ints) == [2, 0, 1, 3]


def test_an_input_straight_to_an_output_keeps_its_transpose() -> None:
    model = parsed(f"g (float[1,4,4,8] x) => (float[1,8,4,4] y) {{ y = Transpose {NCHW} (x) }}")
    made, new = relaid(model)
    assert not made.changes
    assert new.SerializeToString() == model.SerializeToString()
    made, new = relaid(model, io={"x": [0, 3, 1, 2]})
    assert nodes_text(new.graph) == ["y = Identity (x)"]
    assert made.border == {"x": [0, 3, 1, 2]}


def test_the_maker_takes_the_name_of_an_output_and_a_second_one_is_an_identity() -> None:
    model = parsed(
        f"""g (float[1,4,4,8] x) => (float[1,4,4,8] y, float[1,4,4,8] z) {{
          a = Transpose {NCHW} (x)
          b = Relu (a)
          y = Transpose {NHWC} (b)
          z = Transpose {NHWC} (b)
        }}"""
    )
    made, new = relaid(model)
    assert nodes_text(new.graph) == ["y = Relu (x)", "z = Identity (y)"]
    assert ("Identities under the name of an output", 1) in made.changes


def test_a_value_and_its_transpose_may_both_be_outputs() -> None:
    model = parsed(
        f"""g (float[1,4,4,8] x) => (float[1,8,4,4] b, float[1,4,4,8] y) {{
          a = Transpose {NCHW} (x)
          b = Relu (a)
          y = Transpose {NHWC} (b)
        }}"""
    )
    made, new = relaid(model)
    assert made.after[0] == 1
    assert op_types(new.graph).count("Transpose") == 1


def test_an_output_that_is_an_input_stays_one() -> None:
    model = parsed(
        f"""g (float[1,4,4,8] x) => (float[1,4,4,8] x, float[1,4,4,8] y) {{
          a = Transpose {NCHW} (x)
          b = Relu (a)
          y = Transpose {NHWC} (b)
        }}"""
    )
    _, new = relaid(model)
    assert nodes_text(new.graph) == ["y = Relu (x)"]


@pytest.mark.parametrize("opset", [12, 17])
def test_where_only_axes_of_size_1_move_a_reshape_does(opset: int) -> None:
    model = parsed(
        """g (float[1,8,N,1] x) => (float[N,1,8,1] y) {
          a = Transpose <perm = [0, 1, 3, 2]> (x)
          b = Softmax <axis = 0> (a)
          y = Transpose <perm = [3, 0, 1, 2]> (b)
        }""",
        opset,
    )
    made, new = relaid(model, only_cancel=True)
    assert op_types(new.graph) == ["Reshape", "Softmax", "Transpose"]
    assert list(onnx.numpy_helper.to_array(new.graph.initializer[0])) == [1, 8, 1, -1]
    assert made.changes == [("Reshapes in place of Transposes", 1)]


@pytest.mark.parametrize("opset", [12, 17])
def test_where_two_open_sizes_change_place_axes_are_taken_out_and_put_in(opset: int) -> None:
    model = parsed(
        """g (float[1,N,M,1,3] x) => (float[N,M,3] y) {
          a = Transpose <perm = [1, 2, 0, 4, 3]> (x)
          b = Softmax <axis = 0> (a)
          c = ReduceMax <axes = [2, 4], keepdims = 0> (b)
          y = Neg (c)
        }""",
        opset,
    )
    _, new = relaid(model, only_cancel=True)
    assert op_types(new.graph)[:2] == ["Squeeze", "Unsqueeze"]


def test_a_further_layout_of_the_same_bytes_is_a_reshape_of_the_first() -> None:
    model = parsed(
        """g (float[2,3,4,1] x) => (float[2,4,1,3] y, float[2,4,3,1] z) {
          a = Transpose <perm = [0, 2, 3, 1]> (x)
          b = Transpose <perm = [0, 2, 1, 3]> (x)
          y = Softmax <axis = 1> (a)
          z = Softmax <axis = 2> (b)
        }"""
    )
    made, new = relaid(model, only_cancel=True)
    assert sorted(op_types(new.graph)) == ["Reshape", "Softmax", "Softmax", "Transpose"]
    assert made.after[0] == 1


def test_a_file_that_lists_readers_before_makers_is_put_in_order() -> None:
    model = parsed(
        f"""g (float[1,4,4,8] x) => (float[1,4,4,8] y) {{
          a = Transpose {NCHW} (x)
          b = Relu (a)
          y = Transpose {NHWC} (b)
        }}"""
    )
    nodes = [*model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(reversed(nodes))
    made = _core.layout(from_proto(model))
    assert [node.op_type for node in made.model.graph.nodes] == ["Relu"]
    assert not made.model.verify()


def test_a_name_that_goes_on_in_another_layout_is_in_the_map_beside_the_value_itself() -> None:
    model = parsed(
        f"""g (float[2,8,4,5] x) => (float[2,2,3,8] y, float[2,8,1,2] z) <float[8,8,3,3] w> {{
          a = Conv (x, w)
          b = Transpose {NHWC} (a)
          c = Sigmoid (b)
          y = Transpose <perm = [0, 1, 2, 3]> (c)
          d = Transpose {NCHW} (c)
          z = MaxPool <kernel_shape = [2, 2]> (d)
        }}"""
    )
    made, _ = relaid(model)
    assert ("c", "c", [0, 3, 1, 2], []) in made.value_map
    assert ("y", "c", None, []) in made.value_map


def test_an_identity_under_the_name_of_an_output_is_in_the_value_map() -> None:
    model = parsed(
        f"""g (float[1,4,5,8] x) => (float[1,8,4,5] y, float[1,4,5,8] z) {{
          y = Transpose {NCHW} (x)
          z = Relu (x)
        }}"""
    )
    made, new = relaid(model, io={"y": [0, 2, 3, 1]})
    assert nodes_text(new.graph) == ["y = Identity (x)", "z = Relu (x)"]
    assert ("y", "y", [0, 2, 3, 1], []) in made.value_map


def test_one_inner_order_becomes_another_by_one_transpose() -> None:
    model = parsed(
        """g (float[2,8] x) => (float[2,8] y, float[2,2,4] z)
        <int64[3] two = {2, 2, 4}, int64[4] four = {2, 2, 2, 2}, int64[2] flat = {2, 8}> {
          a = Reshape (x, two)
          b = Transpose <perm = [0, 2, 1]> (a)
          c = Reshape (b, flat)
          d = Reshape (c, two)
          e = Transpose <perm = [0, 2, 1]> (d)
          y = Reshape (e, flat)
          f = Reshape (d, four)
          h = Transpose <perm = [0, 1, 3, 2]> (f)
          z = Reshape (h, two)
        }"""
    )
    made, new = relaid(model)
    assert made.after == (2, 128)
    assert op_types(new.graph).count("Transpose") == 2


def test_inner_orders_that_share_no_factors_are_picked() -> None:
    model = parsed(
        """g (float[3,6] x) => (float[3,6] y, float[6] z)
        <int64[3] apart = {3, 2, 3}, int64[2] flat = {3, 6}> {
          a = Reshape (x, apart)
          b = Transpose <perm = [0, 2, 1]> (a)
          c = Reshape (b, flat)
          d = Reshape (c, apart)
          e = Transpose <perm = [0, 2, 1]> (d)
          y = Reshape (e, flat)
          z = ReduceMax <axes = [0], keepdims = 0> (c)
        }"""
    )
    made, new = relaid(model)
    assert made.after == (2, 96)
    types = op_types(new.graph)
    assert (types.count("Gather"), types.count("Transpose")) == (1, 1)
