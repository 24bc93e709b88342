"""Element types, sizes and order of inputs and outputs."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

import pyonnxtool as pot
from pyonnxtool.errors import Refused, UsageError
from pyonnxtool.surgery.exact_casts import holds

NET = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[batch,4] x, int64[batch,2] ids, float[4] c) => (float[batch,4] y, int64[batch,2] z)
<float[batch,4] h> {
   h = Relu (x)
   y = Add (h, c)
   z = Neg (ids)
}
"""


def net(text: str = NET) -> pot.Model:
    return pot.from_proto(onnx.parser.parse_model(text))


def ports(model: pot.Model) -> list[tuple[str, str | None, Any]]:
    values = [*model.graph.inputs, *model.graph.outputs]
    return [(value.name, value.dtype, value.shape) for value in values]


def ops(model: pot.Model) -> list[str]:
    return [node.text().partition(" {")[0] for node in model.graph.nodes]


def run(model: pot.Model, **feeds: Any) -> list[Any]:
    proto = pot.to_proto(model)
    onnx.checker.check_model(proto, full_check=True)
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return list(session.run(None, feeds))


def test_casts_go_between_the_border_and_the_graph() -> None:
    made = pot.set_io(net(), dtypes={"x": "uint8", "y": "float16", "z": "int32"}, verify=1)
    assert ports(made.model) == [
        ("x", "uint8", ("batch", 4)),
        ("ids", "int64", ("batch", 2)),
        ("c", "float32", (4,)),
        ("y", "float16", ("batch", 4)),
        ("z", "int32", ("batch", 2)),
    ]
    x = np.array([[0, 1, 200, 255]], np.uint8)
    ids = np.array([[1, -(2**31)]], np.int64)
    y, z = run(made.model, x=x, ids=ids, c=np.full(4, 0.5, np.float32))
    assert (y.dtype, y.tolist()) == (np.float16, [[0.5, 1.5, 200.5, 255.5]])
    assert (z.dtype, z[0, 0]) == (np.int32, -1)
    assert [(one.rule, one.count) for one in made.report.changes] == [
        ("Casts put in", 3),
        ("inputs with another element type", 1),
        ("outputs with another element type", 2),
    ]
    assert made.report.notes == (
        "output 'y' is cast from float32 to float16: values are rounded, and those beyond its "
        "range become infinite",
        "output 'z' is cast from int64 to int32: what does not fit is cut to the lowest bits",
    )
    found = made.report.verification
    assert found is not None
    assert [(row.value, row.note) for row in found.outputs] == [
        ("y", "as float16"),
        ("z", "as int32"),
    ]


def test_a_glob_takes_those_of_the_same_kind() -> None:
    made = pot.set_io(net(), dtypes={"*": "half"}).model
    assert [dtype for _, dtype, _ in ports(made)] == [
        *("float16", "int64", "float16", "float16", "int64"),
    ]
    made = pot.set_io(net(), dtypes={"*": "int32"}).model
    assert [dtype for _, dtype, _ in ports(made)] == [
        *("float32", "int32", "float32", "float32", "int32"),
    ]


CASTS = """
<ir_version: 8, opset_import: ["" : 17]>
g (int64[n] ids, float[n] x) => (int32[n] a, float[n] b, float[n] d) {
   small = Cast <to = 6> (ids)
   a = Neg (small)
   half = Cast <to = 10> (x)
   twice = Add (half, half)
   b = Cast <to = 1> (twice)
   d = Cast <to = 1> (ids)
}
"""


def test_casts_that_undo_each_other_are_left_out() -> None:
    made = pot.set_io(net(CASTS), dtypes={"ids": "int32", "x": "float16", "b": "float16"}, verify=1)
    assert ops(made.model) == [
        "a = Neg(ids)",
        "twice = Add(x, x)",
        "d = Cast(ids)",
        "b = Identity(twice)",
    ]
    assert ("Casts that are not needed any more", 3) in [
        (one.rule, one.count) for one in made.report.changes
    ]


def test_casts_stay_where_values_would_change() -> None:
    # int64 -> int32 -> int64 loses what a direct reading keeps.
    made = pot.set_io(net(CASTS), dtypes={"a": "int64", "x": "float64"}, verify=1)
    assert "x_float32 = Cast(x)" in ops(made.model)
    assert "half = Cast(x_float32)" in ops(made.model)
    assert made.report.notes == (
        "input 'x' is cast from float64 to float32, which cannot hold all of its values",
    )


EDGES = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[2] x, bool go, float[2] unused) => (float[2] x, float[2] w, float[2] y)
<float[2] w = {1, 2}> {
   y = If (go) <
     then_branch = t () => (float[2] a) { a = Add (x, w) },
     else_branch = e () => (float[2] b) { b = Neg (x) }
   >
}
"""


def test_what_passes_through_weights_and_bodies() -> None:
    given = net(EDGES)
    made = pot.set_io(given, dtypes={"x": "float16", "w": "float16", "unused": "float16"}).model
    x, w, y = run(
        made,
        x=np.array([0.5, 1], np.float16),
        go=np.array(True),
        unused=np.zeros(2, np.float16),
    )
    assert [x.dtype, w.dtype, y.dtype] == [np.float16, np.float16, np.float32]
    assert (x.tolist(), w.tolist(), y.tolist()) == ([0.5, 1], [1, 2], [1.5, 3])


def test_names_of_sizes_change_wherever_they_stand() -> None:
    made = pot.set_io(net(), dims={"batch": "N"})
    assert {shape for _, _, shape in ports(made.model)} == {("N", 4), ("N", 2), (4,)}
    assert made.model.graph.value("h").shape == ("N", 4)
    fixed = pot.set_io(net(), dims={"batch": 3}).model
    assert fixed.graph.value("h").shape == (3, 4)
    forgotten = pot.set_io(net(), dims={"batch": None}).model
    assert forgotten.graph.value("x").shape == (None, 4)


def test_an_axis_of_one_input_and_what_follows() -> None:
    made = pot.set_io(net(), dims={"x[0]": 5}).model
    assert made.graph.value("x").shape == (5, 4)
    assert made.graph.value("y").shape == (5, 4)
    assert made.graph.value("ids").shape == ("batch", 2)


FIXED = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[1,2,3] x) => (float[1,6] y) <int64[2] s = {%s, 6}, float[1,2,3] h> {
   h = Relu (x)
   [flat] f = Reshape (h, s)
   y = Neg (f)
}
"""


def test_a_size_is_opened_and_the_graph_follows() -> None:
    made = pot.set_io(net(FIXED % "-1"), shapes={"x": ["N", 2, 3]}, verify=1)
    assert ports(made.model) == [("x", "float32", ("N", 2, 3)), ("y", "float32", ("N", 6))]
    assert made.model.graph.value("h").shape == ("N", 2, 3)
    assert run(made.model, x=np.ones((4, 2, 3), np.float32))[0].shape == (4, 6)


def test_a_graph_that_is_made_for_one_size_is_refused() -> None:
    with pytest.raises(Refused, match=r"node 'flat' \(Reshape\)") as caught:
        pot.set_io(net(FIXED % "1"), dims={"x[0]": "N"})
    assert "the graph is made for one size at N=2: " in str(caught.value)
    with pytest.raises(Refused, match=r"made for one size at x\[0\]=2: "):
        pot.set_io(net(FIXED % "1"), dims={"x[0]": None})
    assert "[2, 2, 3] has 12 elements, the shape [1, 6] takes 6" in str(caught.value)


def test_a_cast_that_makes_nothing_is_left_alone() -> None:
    model = net()
    model.graph.add_node("Cast", ["x"], [], attributes={"to": 1})
    made = pot.set_io(model, dtypes={"x": "float16"}).model
    assert made.graph.inputs[0].dtype == "float16"


def test_order() -> None:
    made = pot.set_io(net(), input_order=["c", "i*"], output_order=["z"], verify=1)
    assert [name for name, _, _ in ports(made.model)] == ["c", "ids", "x", "z", "y"]
    assert [(one.rule, one.count) for one in made.report.changes] == [
        ("new order of inputs", 1),
        ("new order of outputs", 1),
    ]
    assert pot.set_io(net(), input_order=["x"]).report.changes == ()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"dtypes": {"q": "float16"}}, "there is no input or output called 'q'; there are: x, ids"),
        ({"dtypes": {"x": "float12"}}, "'float12' is no element type that Cast of opset 17 takes"),
        ({"dtypes": {"x": "int4"}}, "'int4' is no element type that Cast of opset 17 takes"),
        ({"dtypes": {"x": "fp16", "[x]": "fp64"}}, "'x' cannot be both float16 and float64"),
        ({"dtypes": {"?ds": "bool"}}, "?ds=bool: none of these inputs and outputs is of that kind"),
        ({"shapes": {"x": [1, 2, 3]}}, "'x' is float32[batch,4], of 2 axes; 3 sizes are given"),
        ({"shapes": {"x": [-1, 4]}}, "x: a size cannot be -1; write a number, a name, or ?"),
        ({"dims": {"batch": 10**20}}, "batch: a size cannot be 100000000000000000000; write"),
        ({"dims": {"x[2]": 1}}, "x[2]: 'x' has 2 axes; axes are counted from 0"),
        ({"dims": {"bach": 1}}, "there is no size called 'bach'; did you mean: batch"),
        ({"dims": {"q[0]": 1}}, "there is no input or output called 'q'"),
        ({"input_order": ["y"]}, "there is no input called 'y'; there are: x, ids, c"),
        ({}, "say what to change: element types, sizes or the order"),
    ],
)
def test_what_cannot_be(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=re.escape(told)):
        pot.set_io(net(), **asked)


@pytest.mark.parametrize(
    ("dtype", "other", "expected"),
    [
        ("float32", "float16", True),
        ("float16", "bfloat16", False),
        ("float16", "uint8", True),
        ("float16", "int16", False),
        ("float64", "int64", False),
        ("int8", "uint4", True),
        ("uint8", "int4", False),
        ("int64", "float16", False),
        ("uint8", "bool", True),
        ("bool", "uint8", False),
    ],
)
def test_which_type_holds_another(dtype: str, other: str, *, expected: bool) -> None:
    assert holds(dtype, other) is expected


def test_a_default_keeps_its_type() -> None:
    proto = onnx.parser.parse_model(NET)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.ones(4, np.float32), "c"))
    with pytest.raises(UsageError, match="input 'c' has a default, which would have to be"):
        pot.set_io(pot.from_proto(proto), dtypes={"c": "float16"})


def test_what_is_checked_is_under_the_new_names_too() -> None:
    given = net()
    made = pot.rename(given, input_names={"x": "c", "c": "x"}, output_names={"y": "sum"}, verify=2)
    found = made.report.verification
    assert found is not None
    assert [row.value for row in found.outputs] == ["sum", "z"]
    feeds = {
        "x": np.ones((3, 4), np.float32),
        "ids": np.ones((3, 2), np.int64),
        "c": np.ones(4, np.float32),
    }
    assert pot.set_io(given, dtypes={"x": "uint8"}, inputs=feeds, verify=1).report.verification
    theirs = feeds | {"x": np.ones((3, 4), np.uint8)}
    assert pot.set_io(given, dtypes={"x": "uint8"}, inputs=theirs, verify=1).report.verification


def test_no_output_in_common_cannot_be_checked() -> None:
    with pytest.raises(UsageError, match="they have no output in common; leave out the samples"):
        pot.outputs(net(FIXED % "1"), add=["h"], remove=["y"], verify=1)
