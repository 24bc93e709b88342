"""A baseline: known differences pass, and what got worse is named with its reason."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.reports import CULPRIT, bisect_report, diff_report, row
from pyonnxtool.baseline import against, load_baseline, sentence
from pyonnxtool.errors import UsageError
from pyonnxtool.report import BisectReport, DiffReport
from pyonnxtool.report_parts import Worse

DIFF, BISECT = "pyonnxtool/diff/1", "pyonnxtool/bisect/1"


def aged(tmp_path: Path, old: DiffReport | BisectReport) -> Any:
    """The report as it comes back from a file."""
    path = tmp_path / "old.json"
    path.write_text(old.to_json())
    return load_baseline(path, DIFF if isinstance(old, DiffReport) else BISECT)


def worse(tmp_path: Path, old: Any, new: Any) -> list[Worse]:
    found = against(new, aged(tmp_path, old)).baseline
    assert found is not None
    return list(found.worse)


@pytest.mark.parametrize("report", [diff_report(), bisect_report(), bisect_report("drift")])
def test_nothing_is_worse_than_itself(tmp_path: Path, report: Any) -> None:
    found = against(report, aged(tmp_path, report)).baseline
    assert found is not None
    assert (found.worse, found.gone, found.notes, found.better) == ((), (), (), 0)
    assert sentence(found) == f"nothing got worse than in {tmp_path / 'old.json'}"


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (row("y", "noise", 2e-6), row("y", "bad", 3e-2), "was noise, is bad"),
        (row("y", "bad", 1e-3), row("y", "bad", 2.5e-3), "error is 2.50 times what it was"),
        (row("y", "bad", 1e-3), row("y", "bad", 1.9e-3), ""),
        (row("y", "noise", 1e-7), row("y", "noise", 3e-6), ""),
        (row("y", "bad", 0.0), row("y", "bad", 1e-3), "error is what it was: 1.00e-03, was 0"),
        (row("y", "bad", math.inf), row("y", "bad", math.inf), ""),
        (
            row("y", "bad", 1e-3),
            row("y", "bad", 1e-3, accumulated={"max_abs": 1e-3, "nan_mismatch": 1}),
            "was off by 1.00e-03, now a NaN or an infinity is on one side only",
        ),
        (
            row("y", "bad", accumulated={"mismatched": 3}),
            row("y", "bad", accumulated={"mismatched": 9}),
            "error is 3.00 times what it was",
        ),
    ],
)
def test_when_a_final_output_is_worse(tmp_path: Path, before: Any, after: Any, why: str) -> None:
    old, new = (diff_report(outputs=(one,), values=()) for one in (before, after))
    found = worse(tmp_path, old, new)
    assert [one.kind for one in found] == (["output"] if why else [])
    assert all(one.name == "y" and one.why.startswith(why) for one in found)


def test_a_value_is_judged_by_what_its_node_introduces(tmp_path: Path) -> None:
    old = diff_report(values=(row("v", "bad", 1.0, introduced={"max_abs": 1e-3}),))
    same = diff_report(values=(row("v", "bad", 9.0, introduced={"max_abs": 1e-3}),))
    more = diff_report(values=(row("v", "bad", 1.0, introduced={"max_abs": 3e-3}),))
    assert worse(tmp_path, old, same) == []
    why = "error is 3.00 times what it was: 3.00e-03, was 1.00e-03"
    assert worse(tmp_path, old, more) == [Worse("value", "v", 1e-3, 3e-3, why)]
    blind = diff_report(values=(row("v", "bad", 9.0, introduced={}),))
    assert worse(tmp_path, old, blind)[0].was == 1.0, "both accumulated where one has no more"


def test_values_that_come_and_go(tmp_path: Path) -> None:
    old = diff_report(values=(row("a", "bad", 1.0), row("b", "bad", 1.0)))
    new = diff_report(values=(row("b", "ok"), row("c", "bad", 1.0), row("d", "ok")))
    found = against(new, aged(tmp_path, old)).baseline
    assert found is not None
    assert found.gone == ("a",)
    assert found.better == 1
    assert found.worse == (Worse("value", "c", None, 1.0, "was not there, is bad"),)
    assert sentence(found) == f"1 value got worse than in {tmp_path / 'old.json'}"


def test_a_new_culprit_is_worse_and_its_value_is_not_told_again(tmp_path: Path) -> None:
    bad = row("fc_out", "bad", 1.0)
    new = replace(CULPRIT, node="fc", outputs=("fc_out",))
    report = bisect_report(culprits=(CULPRIT, new), values=(bad,))
    found = worse(tmp_path, bisect_report(culprits=(CULPRIT,)), report)
    assert found == [Worse("culprit", "fc", None, 3.2e-2, "was no culprit")]


def test_a_culprit_that_introduces_more(tmp_path: Path) -> None:
    louder = replace(CULPRIT, introduced={"max_abs": 1.0})
    old = bisect_report(culprits=(CULPRIT,))
    assert worse(tmp_path, old, bisect_report(culprits=(louder,)))[0].kind == "culprit"


def test_another_pair_is_told(tmp_path: Path) -> None:
    old = diff_report(reference="build/1/good.onnx@ort:none", candidate="other.onnx", samples=3)
    found = against(diff_report(), aged(tmp_path, old)).baseline
    assert found is not None
    assert found.notes == (
        "the candidate was other.onnx there and is bad.onnx@ort:none here",
        "it is of 3 samples, not 1",
    )


def test_an_inconclusive_baseline_is_told(tmp_path: Path) -> None:
    found = against(diff_report(), aged(tmp_path, diff_report("inconclusive"))).baseline
    assert found is not None
    assert "its verdict was inconclusive" in found.notes[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "old.json: there is no such file; the --json of an earlier run is meant"),
        ("{", "is no JSON: Expecting property name"),
        ("[]", "is no report; a report of schema 'pyonnxtool/diff/1' is needed"),
        (bisect_report().to_json(), "is of schema 'pyonnxtool/bisect/1'; a report of schema"),
        (json.dumps({"schema": DIFF}), "its 'outputs' are not those of a report"),
        (json.dumps({"schema": DIFF, "outputs": [3]}), "its 'outputs' are not those of a report"),
    ],
)
def test_what_is_no_baseline(tmp_path: Path, text: str | None, told: str) -> None:
    path = tmp_path / "old.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError) as error:
        load_baseline(path, DIFF)
    assert told in str(error.value)
    assert str(error.value).startswith(f"--baseline {path}")
