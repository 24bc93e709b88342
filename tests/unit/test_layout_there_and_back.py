"""What nodes read beside their maps comes back as it was: axes, pads, sizes, constants, order."""

from __future__ import annotations

import onnx
import pytest
from onnx import helper, numpy_helper

from pyonnxtool import _core, from_proto
from support.changed_layout import nodes_text, op_types, parsed, relaid

WEIGHTS = "<float[4,4,3,3] w>"


def _there_and_back(model: onnx.ModelProto) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    there = relaid(model, to="channels_last")[1]
    return there, relaid(there, expand=True)[1]


def _comes_back(model: onnx.ModelProto) -> onnx.ModelProto:
    there, back = _there_and_back(model)
    assert there.SerializeToString() != model.SerializeToString()
    assert back.SerializeToString() == model.SerializeToString()
    return there


BETWEEN = {
    "axes from the end, in any order": "b = ReduceMean <keepdims = 1, axes = [-1, -2]> (a)",
    "the first axis from the end": "b = ReduceMax <axes = [-3], keepdims = 1> (a)",
    "an axis behind another attribute": "b = LpNormalization <p = 1, axis = -1> (a)",
    "a Concat from the end": "b = Concat <axis = -3> (a, a)",
    "a Softmax": "b = Softmax <axis = -1> (a)",
    "a Gather": "i = Constant <value = int64[2] {1, 0}> ()  b = Gather <axis = -2> (a, i)",
    "a Slice": """s = Constant <value = int64[1] {1}> ()  e = Constant <value = int64[1] {5}> ()
      k = Constant <value = int64[1] {-1}> ()  b = Slice (a, s, e, k)""",
    "an ArgMax": """i = ArgMax <axis = -1, keepdims = 1> (a)  f = Cast <to = 1> (i)
      b = Add (a, f)""",
    "a pad of each axis": """p = Constant <value = int64[8] {0, 0, 1, 2, 0, 0, 3, 4}> ()
      b = Pad (a, p)""",
    "a constant that is broadcast": """k = Constant <value = float[4,1,1] {1, 2, 3, 4}> ()
      b = Mul (a, k)""",
}


@pytest.mark.parametrize("case", BETWEEN)
def test_what_names_axes_comes_back_as_it_was_written(case: str) -> None:
    _comes_back(
        parsed(
            f"""g (float[1,4,8,8] x) => (float[n,c,h,v] y) {WEIGHTS} {{
              a = Conv (x, w)
              {BETWEEN[case]}
              y = Relu (b)
            }}"""
        )
    )


def test_axes_that_two_nodes_share_stay_shared() -> None:
    there = _comes_back(
        parsed(
            """g (float[1,4,8,8] x) => (float[1,4,1,1] y)
            <float[4,4,3,3] w, int64[2] axes = {2, 3}> {
              a = Conv (x, w)
              b = ReduceMean (a, axes)
              c = ReduceMax (a, axes)
              y = Add (b, c)
            }""",
            opset=18,
        )
    )
    (axes,) = (each for each in there.graph.initializer if each.name == "axes")
    assert numpy_helper.to_array(axes).tolist() == [1, 2]


def test_axes_that_something_else_reads_are_left_to_it() -> None:
    there = _comes_back(
        parsed(
            """g (float[1,4,8,8] x) => (float[1,4,1,1] y, int64[2] z)
            <float[4,4,3,3] w, int64[2] axes = {2, 3}> {
              a = Conv (x, w)
              y = ReduceMean (a, axes)
              z = Identity (axes)
            }""",
            opset=18,
        )
    )
    stored = {each.name: numpy_helper.to_array(each) for each in there.graph.initializer}
    assert stored["axes"].tolist() == [2, 3]
    assert stored["ints_1_2"].tolist() == [1, 2]


def test_pads_that_are_computed_are_put_into_order_once() -> None:
    there = _comes_back(
        parsed(
            f"""g (float[1,4,8,8] x, int64[8] p) => (float[n,c,h,v] y) {WEIGHTS} {{
              a = Conv (x, w)
              q = Abs (p)
              b = Pad (a, q)
              y = MaxPool <kernel_shape = [2, 2]> (b)
            }}"""
        )
    )
    assert op_types(there.graph).count("Gather") == 1


SIZES = {
    "all": "s = Shape (a)",
    "batch and channels": "s = Shape <end = 2, start = 0> (a)",
    "height and width": "s = Shape <end = 4, start = 2> (a)",
    "the width": "s = Shape <end = 4, start = 3> (a)",
}


@pytest.mark.parametrize("case", SIZES)
def test_sizes_are_listed_as_they_were(case: str) -> None:
    _comes_back(
        parsed(
            f"""g (float[1,4,8,8] x) => (float[1,4,6,6] y, int64[k] s) {WEIGHTS} {{
              a = Conv (x, w)
              {SIZES[case]}
              y = Relu (a)
            }}"""
        )
    )


def test_two_gathers_of_the_file_are_joined() -> None:
    """Only where a plan changes something at all."""
    model = parsed(
        """g (float[1,8,8,4] x, int64[4] p) => (float[1,8,8,4] y, int64[2] q, int64[4] r) {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          b = Relu (a)
          y = Transpose <perm = [0, 2, 3, 1]> (b)
          i = Constant <value = int64[4] {3, 2, 1, 0}> ()
          j = Constant <value = int64[2] {0, -1}> ()
          turned = Gather (p, i)
          q = Gather (turned, j)
          r = Gather (turned, i)
        }"""
    )
    made, new = relaid(model)
    assert ("joined Gathers", 2) in made.changes
    text = nodes_text(new.graph)
    assert "q = Gather (p, j)" in text  # j holds 3, 0 by now
    assert "r = Identity (p)" in text


def test_a_graph_that_is_listed_out_of_order_stays_so() -> None:
    model = parsed(
        f"""g (float[1,4,8,8] x) => (float[1,4,4,4] y) {WEIGHTS} {{
          a = Conv (x, w)
          b = Relu (a)
          y = Conv (b, w)
        }}"""
    )
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([nodes[2], nodes[0], nodes[1]])
    # onnx's checker takes no such graph, onnxruntime does.
    there = _core.layout(from_proto(model), to="channels_last").model
    back = _core.layout(there, expand=True).model
    assert back.to_bytes() == model.SerializeToString()


def test_a_reshape_around_axes_of_size_1_goes_again() -> None:
    there = _comes_back(
        parsed(
            f"""g (float[1,4,3,3] x) => (float[1,4,1,1] y) {WEIGHTS} {{
              a = Relu (x)
              y = Conv (a, w)
            }}"""
        )
    )
    assert op_types(there.graph)[-1] == "Reshape"


def test_groups_that_a_reshape_makes_are_no_channels() -> None:
    model = parsed(
        """g (float[1,4,8,8] x) => (float[1,4,6,6] y)
        <float[4,4,3,3] w, float[2] s, float[2] t> {
          a = Conv (x, w)
          groups = Constant <value = int64[3] {0, 2, -1}> ()
          shape = Constant <value = int64[4] {1, 4, 6, 6}> ()
          b = Reshape (a, groups)
          c = InstanceNormalization (b, s, t)
          y = Reshape (c, shape)
        }"""
    )
    made, there = relaid(model, to="channels_last")
    assert [function.name for function in there.functions] == ["Conv"]
    assert [reason for _, reason in made.left] == ["a Reshape makes its channels"]


def test_another_name_of_the_standard_domain_is_no_name_in_a_function() -> None:
    model = parsed(
        f"""g (float[1,4,8,8] x) => (float[1,4,6,6] y) {WEIGHTS} {{
          y = Conv (x, w)
        }}"""
    )
    model.graph.node[0].domain = "ai.onnx"
    there = relaid(model, to="channels_last")[1]
    assert [node.domain for node in there.functions[0].node] == ["", "", ""]


@pytest.mark.parametrize("filters", ["oihw", "hwio"])
def test_elements_stay_in_the_field_that_they_are_written_in(filters: str) -> None:
    """What `helper.make_tensor` writes."""
    model = parsed(
        """g (float[1,4,8,8] x) => (float[1,5,1,1] y) {
          a = Conv (x, w)
          y = ReduceMean (a, axes)
        }""",
        opset=18,
    )
    numbers = [float(number) for number in range(5 * 4 * 3 * 3)]
    model.graph.initializer.extend(
        [
            helper.make_tensor("w", onnx.TensorProto.FLOAT, [5, 4, 3, 3], numbers),
            helper.make_tensor("axes", onnx.TensorProto.INT64, [2], [-2, -1]),
        ]
    )
    there = relaid(model, to="channels_last", filters=filters)[1]
    assert list(there.graph.initializer[1].int64_data) == [-3, -2]
    back = relaid(there, expand=True)[1]
    assert back.SerializeToString() == model.SerializeToString()


def test_attributes_keep_their_places() -> None:
    model = parsed(
        f"""g (float[1,4,8,8] x) => (float[1,4,1,1] y) {WEIGHTS} {{
          a = Conv (x, w)
          y = ReduceMean (a)
        }}"""
    )
    model.graph.node[1].attribute.extend(
        [helper.make_attribute("axes", [2, 3]), helper.make_attribute("keepdims", 1)]
    )
    there = _comes_back(model)
    (reduced,) = (node for node in there.graph.node if node.op_type == "ReduceMean")
    assert [each.name for each in reduced.attribute] == ["axes", "keepdims"]
