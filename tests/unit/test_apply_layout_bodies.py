"""Layouts of values that bodies read, take and give."""

from __future__ import annotations

import onnx

from support.changed_layout import nodes_text, op_types, parsed, relaid

NCHW, NHWC = "<perm = [0, 3, 1, 2]>", "<perm = [0, 2, 3, 1]>"


def bodies(graph: onnx.GraphProto) -> list[onnx.GraphProto]:
    return [a.g for node in graph.node for a in node.attribute if a.HasField("g")]


def test_a_branch_reads_what_the_outer_value_has_become() -> None:
    model = parsed(
        f"""g (float[1,4,4,8] x, bool c) => (float[1,4,4,8] y) {{
          a = Transpose {NCHW} (x)
          b = Relu (a)
          i = If (c) <
            then_branch = t () => (float[1,8,4,4] p) {{ p = Sin (b) }},
            else_branch = e () => (float[1,8,4,4] q) {{ q = Cos (a) }}
          >
          y = Transpose {NHWC} (i)
        }}"""
    )
    _, new = relaid(model)
    assert op_types(new.graph) == ["Relu", "If"]
    then, other = bodies(new.graph)
    assert nodes_text(then) == ["p = Sin (b)"]
    assert nodes_text(other) == ["q = Cos (x)"]
    assert new.graph.node[1].output == ["y"]
    shape = then.output[0].type.tensor_type.shape
    assert [dim.dim_value for dim in shape.dim] == [1, 4, 4, 8]


def test_what_only_one_branch_needs_is_converted_there() -> None:
    model = parsed(
        f"""g (float[1,4,4,8] x, bool c) => (float[1,4,4,8] y) <float[8,8,1,1] w> {{
          r = Relu (x)
          a = Transpose {NCHW} (r)
          y = If (c) <
            then_branch = t () => (float[1,4,4,8] p) {{
              s = Softmax <axis = 2> (a)
              n = Conv (s, w)
              p = Transpose {NHWC} (n)
            }},
            else_branch = e () => (float[1,4,4,8] q) {{ q = Cos (r) }}
          >
        }}"""
    )
    _, new = relaid(model, only_cancel=True)
    assert op_types(new.graph) == ["Relu", "If"]
    then, other = bodies(new.graph)
    assert op_types(then)[0] == "Transpose"
    assert nodes_text(other) == ["q = Cos (r)"]


def test_what_a_loop_reads_is_converted_once_before_it() -> None:
    model = parsed(
        f"""g (float[1,4,4,8] x, float[1,8,4,4] h) => (float[1,8,4,4] y)
            <int64 n = {{3}}, bool go = {{1}}> {{
          r = Relu (x)
          y = Loop (n, go, h) <
            body = b (int64 i, bool g, float[1,8,4,4] s) => (bool k, float[1,8,4,4] u) {{
              k = Identity (g)
              a = Transpose {NCHW} (r)
              u = Add (s, a)
            }}
          >
        }}"""
    )
    made, new = relaid(model, only_cancel=True)
    assert op_types(new.graph) == ["Relu", "Transpose", "Loop"]
    [body] = bodies(new.graph)
    assert op_types(body) == ["Identity", "Add"]
    assert made.before[0] == made.after[0] == 1


def test_the_state_of_a_loop_may_lie_otherwise() -> None:
    model = parsed(
        f"""g (float[1,4,4,8] x) => (float[1,4,4,8] y)
            <int64 n = {{3}}, bool go = {{1}}> {{
          a = Transpose {NCHW} (x)
          last = Loop (n, go, a) <
            body = b (int64 i, bool g, float[1,8,4,4] s) => (bool k, float[1,8,4,4] u) {{
              k = Identity (g)
              u = Sin (s)
            }}
          >
          y = Transpose {NHWC} (last)
        }}"""
    )
    made, new = relaid(model)
    assert nodes_text(new.graph) == ["y = Loop (n, go, x)"]
    assert made.after == (0, 0)
    [body] = bodies(new.graph)
    for value in (body.input[2], body.output[1]):
        dims = value.type.tensor_type.shape.dim
        assert [dim.dim_value for dim in dims] == [1, 4, 4, 8]


def test_what_a_loop_stacks_may_lie_otherwise_item_by_item() -> None:
    model = parsed(
        """g (float[4,5,8] x) => (float[3,4,5,8] y)
            <int64 n = {3}, bool go = {1}> {
          a = Transpose <perm = [2, 0, 1]> (x)
          stack = Loop (n, go) <
            body = b (int64 i, bool g) => (bool k, float[8,4,5] u) {
              k = Identity (g)
              f = Cast <to = 1> (i)
              u = Add (a, f)
            }
          >
          y = Transpose <perm = [0, 2, 3, 1]> (stack)
        }"""
    )
    made, new = relaid(model)
    assert made.after == (0, 0)
    assert nodes_text(new.graph) == ["y = Loop (n, go)"]


def test_a_body_that_gives_a_value_twice_gives_it_in_two_layouts() -> None:
    model = parsed(
        """g (float[4,5,8] x) => (float[8,4,5] y, float[3,4,5,8] z)
            <int64 n = {3}, bool go = {1}> {
          a = Transpose <perm = [2, 0, 1]> (x)
          y, stack = Loop (n, go, a) <
            body = b (int64 i, bool g, float[8,4,5] s) =>
                (bool k, float[8,4,5] u, float[8,4,5] u) {
              k = Identity (g)
              u = CumSum (s, i)
            }
          >
          z = Transpose <perm = [0, 2, 3, 1]> (stack)
        }"""
    )
    made, new = relaid(model)
    assert made.after[1] < made.before[1]
    [body] = bodies(new.graph)
    assert len({value.name for value in body.output}) == 3


def test_a_name_that_a_body_uses_for_itself_is_not_confused() -> None:
    model = parsed(
        f"""g (float[1,4,4,8] x, bool c) => (float[1,4,4,8] y, float[1,4,4,8] z) {{
          a = Transpose {NCHW} (x)
          b = Relu (a)
          z = Transpose {NHWC} (b)
          y = If (c) <
            then_branch = t () => (float[1,4,4,8] p) {{
              s = Sin (b)
              p = Transpose {NHWC} (s)
            }},
            else_branch = e () => (float[1,4,4,8] q) {{
              s = Cos (b)
              q = Transpose {NHWC} (s)
            }}
          >
        }}"""
    )
    _, new = relaid(model)
    then, other = bodies(new.graph)
    assert nodes_text(then) == ["p = Sin (z)"]
    assert nodes_text(other) == ["q = Cos (z)"]


def test_a_branch_that_hands_on_what_it_read_keeps_a_node_for_it() -> None:
    model = parsed(
        f"""g (float[1,4,4,8] x, bool c) => (float[1,4,4,8] y) {{
          a = Transpose {NCHW} (x)
          i = If (c) <
            then_branch = t () => (float[1,8,4,4] p) {{ p = Identity (a) }},
            else_branch = e () => (float[1,8,4,4] q) {{ q = Sin (a) }}
          >
          y = Transpose {NHWC} (i)
        }}"""
    )
    _, new = relaid(model)
    assert op_types(new.graph) == ["If"]
    then, _ = bodies(new.graph)
    assert nodes_text(then) == ["p = Identity (x)"]


def test_branch_outputs_that_are_transposes_of_outer_values_become_identities() -> None:
    model = parsed(
        f"""g (float[1,4,4,8] x, bool c) => (float[1,8,4,4] y) {{
          r = Relu (x)
          i = If (c) <
            then_branch = t () => (float[1,8,4,4] p) {{ p = Transpose {NCHW} (r) }},
            else_branch = e () => (float[1,8,4,4] q) {{ q = Transpose {NCHW} (x) }}
          >
          y = Neg (i)
        }}"""
    )
    made, new = relaid(model, io={"y": "nhwc"})
    assert made.after == (0, 0)
    assert [op_types(body) for body in bodies(new.graph)] == [["Identity"], ["Identity"]]
