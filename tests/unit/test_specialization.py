"""specialize as Python calls it: what is bound, what is told, what is checked."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool import Model, schemas
from pyonnxtool.binding import example_command
from pyonnxtool.errors import BackendError, Refused, UsageError
from pyonnxtool.rewriting import Change, Measure, Refusal, StandsFor, refused
from pyonnxtool.specialization import SpecializeReport
from support.parsed import parsed

FLAT = """g (float[batch,3,h,w] x) => (float[batch,n] y) <int64[1] rest = {-1}> {
  [shape] s = Shape (x)
  [batch] b = Slice (s, zero, one)
  [target] t = Concat <axis = 0> (b, rest)
  [flat] r = Reshape (x, t)
  [relu] y = Relu (r)
}"""


def flat() -> Model:
    return parsed(
        FLAT.replace("<int64[1] rest", "<int64[1] zero = {0}, int64[1] one = {1}, int64[1] rest")
    )


def test_everything_bound() -> None:
    model = flat()
    before = model.graph.text()
    made = pot.specialize(model, {"x": (2, 3, 8, 8)}, verify=2)
    assert [node.op_type for node in made.model.graph.nodes] == ["Reshape", "Relu"]
    assert model.graph.text() == before, "the model that is given stays as it is"
    report = made.report
    assert report.inputs_before[0].shape == ("batch", 3, "h", "w")
    assert report.inputs[0].shape == (2, 3, 8, 8)
    assert report.outputs[0].shape == (2, 192)
    assert report.dynamic == ()
    assert (report.before.nodes, report.before.shape_ops) == (5, 1)
    assert (report.after.nodes, report.after.shape_ops) == (2, 0)
    assert report.verification is not None
    assert report.verification.samples == 2
    assert report.changes
    assert all(isinstance(one, Change) and one.count > 0 for one in report.changes)


def test_some_bound_and_the_rest_open() -> None:
    made = pot.specialize(flat(), dims={"batch": 1, "h": None}, verify=1)
    assert made.report.inputs[0].shape == (1, 3, "h", "w")
    assert made.report.after.shape_ops == 0
    assert made.report.verification is not None
    assert [sizes["x"] for sizes in made.report.verification.sizes] == [
        (1, 3, 128, 128),
        (1, 3, 192, 256),
    ]


def test_sizes_are_given_by_name_place_or_shape() -> None:
    for shapes, dims in (
        ({"x": (2, 3, None, None)}, {}),
        ({}, {"batch": 2}),
        ({}, {"x[0]": 2}),
        ({"x": (None, 3, "h", 4)}, {"x[0]": 2}),
        ({"x": ("n", 3, None, None)}, {"n": 2}),
    ):
        found = pot.specialize(flat(), shapes, dims).report.inputs[0].shape
        assert found is not None
        assert found[0] == 2, (shapes, dims)


def test_nothing_bound_names_a_command_that_works(tmp_path: Path) -> None:
    model = pot.from_proto(pot.to_proto(flat()))
    with pytest.raises(UsageError) as caught:
        pot.specialize(model)
    assert str(caught.value) == (
        "no size is bound; dimensions of the inputs without one: batch (x[0]), h (x[2]), w (x[3])."
        " For example:\n  pyonnxtool specialize model.onnx -o model_fixed.onnx --dim batch=1"
        " --dim h=128 --dim w=128"
    )
    nameless = parsed("g (float[?,4] x, int64[seq] ids) => (float[?,4] y) { y = Relu (x) }")
    assert example_command(nameless).endswith("--shape x=1,4 --dim seq=8")
    rankless = pot.to_proto(parsed("g (float[1] x, float[n] z) => (float[n] y) { y = Mul (x, z) }"))
    rankless.graph.input[0].type.tensor_type.ClearField("shape")
    assert example_command(pot.from_proto(rankless)).endswith("--shape x=1,8 --dim n=1")
    fixed = parsed("g (float[2] x) => (float[2] y) { a = Identity (x)\n y = Relu (a) }")
    assert pot.specialize(fixed).report.after.nodes == 1, "there is nothing to bind"
    assert pot.specialize(flat(), {"x": (None,) * 4}).report.inputs[0].shape[0] == "batch"


def test_the_report_is_json() -> None:
    report = pot.specialize(flat(), dims={"batch": 1}, verify=1).report
    told = json.loads(report.to_json())
    jsonschema.validate(told, schemas.load("specialize"))
    assert told["schema"] == "pyonnxtool/specialize/1"
    assert told["verification"]["outputs"][0]["accumulated"]["sqnr_db"] == "inf"


def test_what_stays_dynamic_has_a_reason() -> None:
    model = parsed("g (float[n,4] x) => (int64[2,k] y) { [nz] y = NonZero (x) }")
    (one,) = pot.specialize(model, dims={"n": 3}).report.dynamic
    assert (one.value, one.shape) == ("y", "[2, ?]")
    assert "NonZero" in one.reason


def test_a_size_that_is_baked_in_is_told_with_the_node() -> None:
    model = parsed(
        "g (float[batch,4] x) => (float[b,4] y) <int64[2] s = {1, 4}> "
        "{ [flat] r = Reshape (x, s)\n y = Relu (r) }"
    )
    with pytest.raises(pot.PyonnxtoolError, match=r"batch.*node 'flat' \(Reshape\) needs 1, not 2"):
        pot.specialize(model, dims={"batch": 2})


def test_limits() -> None:
    model = parsed("""g (float[n] x) => (float[n] y) <int64 trip = {5}, bool cond = {1}> {
      [loop] y = Loop (trip, cond, x) <body = b (int64 i, bool c, float[n] a)
        => (bool c2, float[n] a2) { c2 = Identity (c)\n a2 = Add (a, a) }> }""")
    assert pot.specialize(model, dims={"n": 2}).report.after.shape_ops == 0
    made = pot.specialize(model, dims={"n": 2}, max_unroll=4, verify=1).report
    assert made.after.shape_ops == 1
    (left,) = made.left
    assert left.node == "node 'loop' (Loop)"
    assert "5" in left.reason


def test_custom_operators_stay_and_cannot_be_checked() -> None:
    model = parsed("g (float[n,4] x) => (float[n,4] y) { h = custom.Magic (x)\n y = Relu (h) }")
    made = pot.specialize(model, dims={"n": 2})
    assert [node.op_type for node in made.model.graph.nodes] == ["Magic", "Relu"]
    with pytest.raises(BackendError, match=r"could not be verified.*--no-verify") as caught:
        pot.specialize(model, dims={"n": 2}, verify=1)
    assert caught.value.exit_code == 125


def test_inputs_to_check_on_have_the_bound_sizes() -> None:
    feeds = {"x": np.ones((2, 3, 8, 8), np.float32)}
    assert pot.specialize(flat(), {"x": (2, 3, 8, 8)}, verify=1, inputs=feeds).report.verification
    with pytest.raises(UsageError, match=r"has shape \[2,3,8,8\]; the model expects \[1,3,8,8\]"):
        pot.specialize(flat(), {"x": (1, 3, 8, 8)}, verify=1, inputs=feeds)


def test_a_proto_a_path_and_a_model(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(pot.to_proto(flat()), path)
    for given in (path, str(path), pot.load(path), onnx.load(path)):
        assert pot.specialize(given, dims={"batch": 1}).report.inputs[0].shape[0] == 1
    assert pot.specialize(path, dims={"batch": 1}).report.model == str(path)


def test_refusals_are_all_told() -> None:
    reasons = [
        Refusal("loop0", "Loop", "its trip count is computed", "unroll"),
        Refusal("", "", "output 'y' differs"),
    ]
    error = refused("specializing", reasons)
    assert isinstance(error, Refused)
    assert error.refusals == tuple(reasons)
    assert error.exit_code == 1
    assert str(error) == (
        "specializing was refused for 2 reasons; nothing is written\n"
        "  - node 'loop0' (Loop): its trip count is computed [unroll]\n"
        "  - output 'y' differs"
    )


def test_values_that_stand_for_others_are_pairs_for_diff() -> None:
    zero = Measure(0, 0, 0)
    report = SpecializeReport(
        model="m",
        changes=(),
        value_map=(StandsFor("b", "a"), StandsFor("d", "c", (0, 2, 1))),
        before=zero,
        after=zero,
        inputs_before=(),
        inputs=(),
        outputs=(),
    )
    assert report.pairs == (("a", "b"),), "one with other axes is no equal value"


def test_diff_takes_the_map_of_a_rewrite() -> None:
    model = flat()
    made = pot.specialize(model, {"x": (1, 3, 4, 4)})
    found = pot.diff(model, made.model, shapes={"x": (1, 3, 4, 4)}, value_map=made.report.pairs)
    assert found.verdict == "same"
