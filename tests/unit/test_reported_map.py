"""--map REPORT.json: what a rewrite says of its values, between the old and the new model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest

from pyonnxtool import bisect, diff, load
from pyonnxtool.divergence.pairing.given_pairs import given_pairs
from pyonnxtool.divergence.pairing.reported_map import swapped
from pyonnxtool.divergence.views import Rearranged
from pyonnxtool.errors import UsageError
from pyonnxtool.rewriting import InnerOrder, StandsFor
from support.parsed import parsed

LAST = (0, 2, 3, 1)
HEAD = '<ir_version: 8, opset_import: ["" : 17]>\n'
OURS = HEAD + (
    "g (float[2,4,4,4] x) => (float[2,4,4,4] y)"
    " { a = Relu (x)  b = Softmax <axis = 1> (a)  c = Sqrt (b)  y = CumSum (c, k) }"
).replace("=> (float[2,4,4,4] y)", "=> (float[2,4,4,4] y) <int64 k = {2}>")
THEIRS = OURS.replace("<axis = 1>", "<axis = 3>").replace("k = {2}", "k = {1}")
TOLD = [StandsFor(name, name, LAST) for name in ("x", "a", "b", "c", "y")]


def report(folder: Path, told: Sequence[StandsFor], written: str = "new.onnx") -> str:
    values = [
        {
            "value": one.value,
            "old_value": one.old_value,
            "perm": one.perm,
            "inner": [inner.__dict__ for inner in one.inner],
        }
        for one in told
    ]
    path = folder / "report.json"
    path.write_text(
        json.dumps({"schema": "pyonnxtool/layout/1", "value_map": values, "written": [written]})
    )
    return str(path)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, str]:
    for name, text in (("old", OURS), ("new", THEIRS)):
        onnx.save(onnx.parser.parse_model(text), tmp_path / f"{name}.onnx")
    return str(tmp_path / "old.onnx"), str(tmp_path / "new.onnx")


def test_values_whose_sizes_tell_nothing_are_compared_through_the_report(
    pair: tuple[str, str], tmp_path: Path
) -> None:
    told = [report(tmp_path, TOLD)]
    assert diff(*pair).verdict == "different", "all axes are of one size"
    for models in (pair, pair[::-1]):
        found = diff(*models, value_map=told)
        assert found.verdict == "same", found.outputs
        assert {row.value: row.status for row in found.values} == dict.fromkeys("abcy", "ok")
        assert all("transposed" in row.note for row in found.values)
        assert any("input 'x' is fed transposed" in note for note in found.notes)


def test_bisect_finds_the_node_through_the_report(pair: tuple[str, str], tmp_path: Path) -> None:
    new = Path(pair[1])
    onnx.save(onnx.parser.parse_model(THEIRS.replace("Sqrt", "Exp")), new)
    found = bisect(*pair, value_map=[report(tmp_path, TOLD)])
    assert found.verdict == "fault"
    assert [culprit.outputs for culprit in found.culprits] == [("c",)]


def test_a_name_that_another_operator_makes_is_still_that_value(tmp_path: Path) -> None:
    ours = parsed("g (float[2] x) => (float[2] y) { a = Relu (x)  b = Exp (a)  y = Neg (b) }")
    theirs = parsed("g (float[2] x) => (float[2] y) { a = Clip (x)  p = Exp (a)  y = Neg (p) }")
    given = given_pairs([report(tmp_path, [StandsFor("p", "b")])], ours, theirs)
    assert {(one.reference, one.candidate) for one in given} == {("b", "p"), ("a", "a")}
    assert all(one.form is not None and one.form.view is None for one in given)


def test_what_is_in_neither_graph_is_left_out(tmp_path: Path) -> None:
    model = parsed("g (float[2] x) => (float[2] y) { y = Relu (x) }")
    told = report(tmp_path, [StandsFor("body", "old_body", (1, 0)), StandsFor("y", "y")])
    assert {one.candidate for one in given_pairs([told], model, model)} == {"y"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no such file; the --json of specialize or layout is meant"),
        ("{", "is no JSON: "),
        ("[]", "it has no value map; the --json of specialize or layout is meant"),
        ('{"schema": "pyonnxtool/diff/1"}', "a report of schema 'pyonnxtool/diff/1' has no value"),
        ('{"value_map": [{"value": "a"}]}', "its field value_map is not as a rewrite writes it"),
        ('{"value_map": [{"value": "a", "old_value": "a", "perm": ["b"]}]}', "its field value_map"),
        ('{"value_map": 3}', "its field value_map is not as a rewrite writes it"),
    ],
)
def test_a_file_that_is_no_report(text: str | None, message: str, tmp_path: Path) -> None:
    model = parsed("g (float[2] x) => (float[2] y) { y = Relu (x) }")
    path = tmp_path / "odd.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError) as caught:
        given_pairs([str(path)], model, model)
    assert str(caught.value).startswith(f"--map {path}: {message}")


def test_a_map_is_read_backwards_for_the_new_model_against_the_old_one() -> None:
    value = np.arange(3 * 6 * 4, dtype=np.float32).reshape(3, 6, 4)
    there = StandsFor("new", "old", (2, 1, 0), (InnerOrder(1, (2, 3), (1, 0)),))
    back = swapped(there)
    assert (back.value, back.old_value) == ("old", "new")
    assert back.perm is not None
    stored = Rearranged(there.perm or (), inner=there.inner).to_candidate(value, None)
    assert stored.shape == (4, 6, 3)
    assert not np.array_equal(stored, value.transpose(2, 1, 0))
    assert np.array_equal(Rearranged(back.perm, inner=back.inner).to_candidate(stored, None), value)
    assert swapped(back) == there
    assert swapped(StandsFor("b", "a")) == StandsFor("a", "b")


def test_a_report_is_a_value_map_of_the_api(pair: tuple[str, str]) -> None:
    old, new = (load(path) for path in pair)
    assert diff(old, new, value_map=TOLD).verdict == "same"
