"""pot.opset: what it takes, what it reports, and what it gives back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool import schemas
from pyonnxtool.conversion import OpsetReport, lowest_reached
from pyonnxtool.errors import BackendError, Refused, UsageError
from pyonnxtool.rewriting import Change
from support.parsed import parsed

MEAN = (
    "g (float[n,4] x) => (float[n,1] y) <int64[1] a = {1}, float[4] w = {1.5, 2, -1, 0.25}> "
    "{ [scaled] s = Mul (x, w)  [mean] y = ReduceMean (s, a) }"
)
RULE = "ReduceMean 18: `axes` goes back from an input to an attribute"


def test_the_report_of_a_way_down() -> None:
    model = parsed(MEAN)
    made = pot.opset(model, to=17, verify=2)
    report = made.report
    assert isinstance(report, OpsetReport)
    assert (report.opset_before, report.opset) == (18, 17)
    assert (report.ir_version_before, report.ir_version) == (10, 8)
    assert report.changes == (Change(RULE, 1),)
    assert report.rules == {"y": RULE}
    assert report.runtime is None
    assert report.notes == ("other domains stay as they are: custom 1",)
    assert report.verification is not None and report.verification.samples == 4
    assert model.opset_imports[""] == 18, "it is a copy"
    assert made.model.opset_imports == {"": 17, "custom": 1}


def test_a_runtime_by_name() -> None:
    made = pot.opset(parsed(MEAN), to="onnxruntime-1.8", verify=1)
    assert made.model.opset_imports[""] == 14
    assert made.model.ir_version == 7
    assert made.report.runtime is not None
    assert (made.report.runtime.name, made.report.runtime.opset) == ("onnxruntime-1.8", 14)


def test_what_is_there_already_is_given_back() -> None:
    model = parsed(MEAN)
    for to in (18, "onnxruntime-1.31"):
        made = pot.opset(model, to=to, verify=1)
        assert made.model is model
        assert made.report.changes == () and made.report.verification is None


def test_a_runtime_takes_lower_opsets_but_no_newer_file() -> None:
    model = parsed("g (float[2] x) => (float[2] y) { y = Relu (x) }", opset=9, ir_version=10)
    made = pot.opset(model, to="onnxruntime-1.8", verify=1)
    assert (made.model.opset_imports[""], made.model.ir_version) == (9, 7)
    assert model.ir_version == 10
    assert (made.report.opset_before, made.report.opset) == (9, 9)


def test_a_runtime_takes_nothing_below_opset_7() -> None:
    model = parsed("g (float[2] x) => (float[2] y) { y = Relu (x) }", opset=5, ir_version=3)
    assert pot.opset(model, to="onnxruntime-1.8", verify=1).report.opset == 7


def test_a_runtime_whose_ir_version_is_older_than_its_opset() -> None:
    made = pot.opset(parsed(MEAN, opset=21), to="onnxruntime-1.15", verify=1).model
    assert (made.opset_imports[""], made.ir_version) == (19, 8)


def test_what_is_no_number() -> None:
    assert pot.opset(parsed(MEAN), to=np.int64(17)).report.opset == 17  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="float"):
        pot.opset(parsed(MEAN), to=13.0)  # type: ignore[arg-type]


def test_a_file_for_an_old_runtime_has_no_functions() -> None:
    proto = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 13, "f" : 1]> '
        "g (float[2] x) => (float[2] y) { y = f.twice (x) }"
        '<domain: "f", opset_import: ["" : 13]> twice (a) => (b) { b = Add (a, a) }'
    )
    made = pot.opset(proto, to="onnxruntime-1.8", verify=1).model
    assert made.ir_version == 7
    assert not made.functions
    assert [node.op_type for node in made.graph.nodes] == ["Add"]


def test_weights_are_not_read(tmp_path: Path) -> None:
    proto = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 18]> '
        "g (float[2,8] x) => (float[2,1] y) <int64[1] a = {1}> "
        "{ m = MatMul (x, w)  y = ReduceMean (m, a) }"
    )
    w = np.arange(8 * 512, dtype=np.float32).reshape(8, 512)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(w, "w"))
    path = tmp_path / "m.onnx"
    onnx.save(proto, path)
    for to in (13, 20):
        made = pot.opset(path, to=to).model
        (there,) = [one for one in made.graph.initializers if one.name == "w"]
        assert there.location is not None and there.location[0] == str(path)


def test_the_json_is_of_its_schema() -> None:
    told = json.loads(pot.opset(parsed(MEAN), to="ort-1.12", verify=1).report.to_json())
    jsonschema.validate(told, schemas.load("opset"))
    assert told["schema"] == "pyonnxtool/opset/1"
    assert told["rules"] == {"y": RULE}


def test_diff_takes_the_report() -> None:
    made = pot.opset(parsed(MEAN), to=13)
    assert (
        pot.diff(parsed(MEAN), made.model, value_map=made.report, dims={"n": 2}).verdict == "same"
    )


@pytest.mark.parametrize(
    ("to", "message"),
    [
        (0, "there is no way to opset 0: give one from 7 to 28, the newest that the onnx package"),
        (29, "there is no way to opset 29: give one from 7 to 28"),
        ("onnxruntime-0.1", "onnxruntime: there is nothing known of its release '0.1'; known are"),
        ("13", "no runtime is called '13'; there are releases of cann, "),
    ],
)
def test_what_does_not_fit(to: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        pot.opset(parsed(MEAN), to=to)
    assert str(caught.value).startswith(message)


def test_what_is_no_option_is_an_error() -> None:
    with pytest.raises(TypeError, match="samples"):
        pot.opset(parsed(MEAN), to=17, samples=1)  # type: ignore[call-arg]


def test_every_refusal_is_in_the_error_and_told_in_few_lines() -> None:
    model = parsed(
        "g (string[2] a, float[2] x) => (string[2] c, string[2] y) { [one] b = StringConcat (a, a)"
        "  [two] c = StringConcat (b, a)  [three] y, n = StringSplit (a) }",
        opset=20,
    )
    with pytest.raises(Refused) as caught:
        pot.opset(model, to=13)
    assert [one.node for one in caught.value.refusals] == ["one", "two", "three"]
    first, alike, other = str(caught.value).splitlines()
    assert first == "opset 13 was refused for 3 reasons; nothing is written"
    assert alike.startswith("  - nodes 'one', 'two' (StringConcat): ")
    assert other.startswith("  - node 'three' (StringSplit): ")
    tried: list[str] = []
    assert lowest_reached(model, 7, lambda told, *_: tried.append(told)) == 20
    assert tried[0] == "trying opset 13"
    assert len(tried) <= 4, "by halves"


def test_the_lowest_opset_that_is_reached() -> None:
    model = parsed("g (float[2] x) => (float[2] y) { y = Relu (x) }")
    assert lowest_reached(model, 13) is None, "13 is"
    assert lowest_reached(model, 18) is None
    assert lowest_reached(model, 21) is None, "it is above"


def test_the_original_has_to_run() -> None:
    model = parsed("g (float[2] x) => (float[2] y) { y = custom.Magic (x) }")
    with pytest.raises(BackendError, match="opset 13 could not be verified: the original model"):
        pot.opset(model, to=13, verify=1)
    assert pot.opset(model, to=13).model.graph.nodes[0].domain == "custom"


def test_progress_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    pot.opset(parsed(MEAN), to=17, verify=1, progress=lambda *one: told.append(one))
    assert told[0] == ("opset 17", 0, 0)
    assert ("verifying", 1, 2) in told
