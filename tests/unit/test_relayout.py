"""pot.layout: what it takes, what it reports, and what it gives back."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import numpy as np
import onnxruntime
import pytest

import pyonnxtool as pot
from pyonnxtool import schemas
from pyonnxtool.errors import UsageError
from pyonnxtool.relayout import LayoutReport, Traffic
from pyonnxtool.rewriting import StandsFor
from support.parsed import parsed

LAST, FIRST = (0, 2, 3, 1), (0, 3, 1, 2)

NET = """g (float[{n},8,6,2] x) => (float[{n},8,6,2] y)
<float[2,2,3,3] w = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9,
1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9}}> {{
  [there] t = Transpose <perm = [0, 3, 1, 2]> (x)
  [conv] c = Conv <pads = [1, 1, 1, 1]> (t, w)
  [back] d = Transpose <perm = [0, 2, 3, 1]> (c)
  [act] a = Relu (d)
  [there2] u = Transpose <perm = [0, 3, 1, 2]> (a)
  [conv2] e = Conv <pads = [1, 1, 1, 1]> (u, w)
  [back2] y = Transpose <perm = [0, 2, 3, 1]> (e)
}}"""


def net(n: object = 1) -> pot.Model:
    return parsed(NET.format(n=n))


def run(model: pot.Model, x: Any) -> Any:
    session = onnxruntime.InferenceSession(model.to_bytes())
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def test_the_report_of_a_plan() -> None:
    model = net()
    made = pot.layout(model, verify=2)
    report = made.report
    assert isinstance(report, LayoutReport)
    assert report.plan.before == Traffic(4, 4 * 8 * 6 * 2 * 4)
    assert report.plan.after == Traffic(2, 2 * 8 * 6 * 2 * 4)
    assert report.plan.optimum == report.plan.after.nbytes
    assert report.plan.is_best
    assert [move.perm for move in report.plan.moves] == [FIRST, LAST]
    assert all(move.reason for move in report.plan.moves)
    assert StandsFor("a", "u") in report.value_map or StandsFor("a", "a", FIRST) in report.value_map
    assert report.border == {} and report.functions == ()
    assert report.verification is not None and report.verification.samples == 2
    assert [node.op_type for node in model.graph.nodes].count("Transpose") == 4, "it is a copy"


def test_a_border_by_names_layouts_and_axes() -> None:
    for io in (["x", "y"], {"x": "nchw", "y": "NCHW"}, {"x": FIRST, "y": list(FIRST)}):
        made = pot.layout(net(2), "nchw", io=io, verify=1)
        assert made.report.border == {"x": FIRST, "y": FIRST}
        assert made.report.plan.after == Traffic(0, 0)
        assert made.report.inputs[0].shape == (2, 2, 8, 6)
        assert made.report.inputs_before[0].shape == (2, 8, 6, 2)
        assert made.report.outputs[0].shape == (2, 2, 8, 6)
        x = np.random.default_rng(0).standard_normal((2, 8, 6, 2), dtype=np.float32)
        moved = np.ascontiguousarray(x.transpose(FIRST))
        assert np.array_equal(run(made.model, moved), run(net(2), x).transpose(FIRST))


def test_channels_last_functions_there_and_back() -> None:
    made = pot.layout(net(), "nhwc", filters="hwio", domain="mine", verify=1)
    assert made.report.functions == ("mine::Conv",)
    assert made.report.plan.after == Traffic(0, 0)
    back = pot.layout(made.model, "nchw", domain="mine", verify=1)
    assert not back.model.functions
    assert back.report.plan.after.nbytes == pot.layout(net()).report.plan.after.nbytes


def test_sizes_weigh_bytes() -> None:
    small, large = (pot.layout(net("n"), dims=dims).report for dims in (None, {"n": 8}))
    assert large.plan.before.nbytes == 8 * small.plan.before.nbytes
    assert (small.sizes, large.sizes) == ({}, {"n": 8})


def test_only_transposes_are_touched() -> None:
    made = pot.layout(net(), only_cancel=True, verify=1)
    assert made.report.plan.after.transposes <= 4
    kept = [node.op_type for node in made.model.graph.nodes if node.op_type != "Transpose"]
    assert kept == ["Conv", "Relu", "Conv"]


def test_a_target_that_is_slower_in_one_layout() -> None:
    text = (
        "g (float[1,8,6,2] x) => (float[1,2,8,6] y) {"
        " s = Softmax <axis = 3> (x)  y = Transpose <perm = [0, 3, 1, 2]> (s) }"
    )
    for layout in ("nchw", "nhwc"):
        made = pot.layout(parsed(text), target_costs={f"Softmax@{layout}": 50.0}, verify=1)
        assert made.report.plan.after.transposes == 1


def test_the_json_is_of_its_schema() -> None:
    made = pot.layout(net("n"), "nhwc", io=["x"], dims={"n": 4}, verify=1)
    told = json.loads(made.report.to_json())
    jsonschema.validate(told, schemas.load("layout"))
    assert told["schema"] == "pyonnxtool/layout/1"
    assert told["sizes"] == {"n": 4}


def test_diff_takes_the_report() -> None:
    made = pot.layout(net(), "nchw", io=["x", "y"])
    for value_map in (made.report, made.report.value_map):
        found = pot.diff(net(), made.model, value_map=value_map)
        assert found.verdict == "same"
        assert found.outputs[0].note == "transposed (0, 3, 1, 2)"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": "nwhc"}, "to='nwhc': give nchw or nhwc"),
        ({"filters": "ihwo", "to": "nhwc"}, "filters='ihwo': give oihw, ohwi or hwio"),
        ({"filters": "ohwi"}, "filters ohwi is how channels-last convolutions hold"),
        ({"io": "x"}, "io='x': give a list of names, or a dictionary"),
        ({"io": ["x"]}, "io x: in which layout? Write x=nhwc, or give the layout"),
        ({"io": {"x": "nhwd"}}, "io x=nhwd: write nhwc, nchw, or an order of axes"),
        ({"io": {"x": (0, 1, 2, 4)}}, "io x=0,1,2,4: this is no order of axes; input 'x' is"),
        ({"io": {"x": ()}}, "io x=: this orders 0 axes, but input 'x' is float32[1,8,6,2], of 4"),
        ({"target_costs": {"Softmax": 3.0}}, "target cost Softmax=3: write an operator, a layout"),
        ({"target_costs": {"Softmax@nchw": -1.0}}, "target cost Softmax@nchw=-1: write an"),
        ({"target_costs": {"Softmax@nchw": float("nan")}}, "target cost Softmax@nchw=nan: write"),
        ({"dims": {"m": 2}}, "--dim m=2: no input has a size of that name; it has no named size"),
    ],
)
def test_what_does_not_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        pot.layout(net(), **options)
    assert str(caught.value).startswith(message)


def test_an_input_that_is_no_tensor() -> None:
    model = parsed(
        "g (seq(float[2]) s, float[2,2] x) => (float[2] y) <int64 i = {0}> "
        "{ y = SequenceAt (s, i) }"
    )
    with pytest.raises(UsageError, match="io s: input 's' is a sequence; only tensors have axes"):
        pot.layout(model, io={"s": (1, 0)})
    assert pot.layout(model, io={"x": (1, 0)}).report.border == {"x": (1, 0)}
