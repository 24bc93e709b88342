"""JUnit's XML: what continuous integration reads, as both Ant's and Jenkins' schemas have it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from cli.reports import CULPRIT, bisect_report, diff_report, row
from pyonnxtool.report_parts import Baseline, Worse

Answers = Callable[[str, Any], list[dict[str, Any]]]

SUITE = {"name", "package", "id", "timestamp", "hostname", "tests", "failures", "errors", "time"}
ALLOWED: dict[str, tuple[set[str], set[str]]] = {
    "testsuites": (set(), {"testsuite"}),
    "testsuite": (SUITE, {"properties", "testcase", "system-out", "system-err"}),
    "properties": (set(), {"property"}),
    "property": ({"name", "value"}, set()),
    "testcase": ({"name", "classname", "time"}, {"failure", "error"}),
    "failure": ({"type", "message"}, set()),
    "error": ({"type", "message"}, set()),
    "system-out": (set(), set()),
    "system-err": (set(), set()),
}
"""Element to its attributes, all of which Ant's schema requires, and to what it may hold."""


def suite(run: Any, answers: Answers, command: str, report: Any) -> ET.Element:
    answers(command, report)
    result = run(command, "a.onnx", "b.onnx", "--format", "junit")
    assert not result.stderr, result.stderr
    root = ET.fromstring(result.stdout.encode())
    assert root.tag == "testsuites"
    for element in root.iter():
        attributes, children = ALLOWED[element.tag]
        assert set(element.attrib) == attributes, element.tag
        assert {child.tag for child in element} <= children
    (found,) = root
    order = [child.tag for child in found]
    cases = order.count("testcase")
    assert order == ["properties", *["testcase"] * cases, "system-out", "system-err"]
    assert all(len(case) <= 1 for case in found.iter("testcase"))
    assert int(found.attrib["tests"]) == cases
    assert int(found.attrib["failures"]) == len(list(found.iter("failure")))
    assert int(found.attrib["errors"]) == len(list(found.iter("error")))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", found.attrib["timestamp"])
    assert re.fullmatch(r"\d{1,3}\.\d*", found.attrib["time"])
    return found


def failing(found: ET.Element) -> dict[str, str]:
    """`group/name` of each case that does not pass, to its message."""
    return {
        name.removeprefix("pyonnxtool.").partition(".")[2]: one.attrib["message"]
        for name, case in zip(names(found), found.iter("testcase"), strict=True)
        for one in case
    }


def names(found: ET.Element) -> list[str]:
    return [f"{case.attrib['classname']}/{case.attrib['name']}" for case in found.iter("testcase")]


def test_a_case_for_each_output_and_each_bad_value(run: Any, answers: Answers) -> None:
    found = suite(run, answers, "diff", diff_report())
    assert names(found) == [
        "pyonnxtool.diff.outputs/logits",
        "pyonnxtool.diff.outputs/boxes",
        "pyonnxtool.diff.values/bn_out",
        "pyonnxtool.diff.values/holes",
    ]
    told = failing(found)
    assert set(told) == {"outputs/logits", "values/bn_out", "values/holes"}
    assert told["outputs/logits"] == "max abs 3.20e-02, allowed 4.10e-06, SQNR 29.9 dB"
    assert "NaN on one side only at 3 places" in told["values/holes"]


def test_a_case_for_each_culprit(run: Any, answers: Answers) -> None:
    found = suite(run, answers, "bisect", bisect_report())
    told = failing(found)
    assert set(told) == {"outputs/logits", "culprits/bn2", "culprits/y, z"}
    assert told["culprits/bn2"] == CULPRIT.why
    text = next(one.text for one in found.iter("failure") if one.attrib["type"] == "fault")
    assert "node `bn2` (BatchNormalization) introduces max abs 3.20e-02" in (text or "")
    assert "referee: candidate wrong" in (text or "")


@pytest.mark.parametrize(("command", "report"), [("diff", diff_report), ("bisect", bisect_report)])
def test_what_is_the_same_passes(command: str, report: Any, run: Any, answers: Answers) -> None:
    found = suite(run, answers, command, report("same"))
    assert failing(found) == {}, "as the exit code is 0"
    assert any(name.endswith("outputs/boxes") for name in names(found))


def test_drift_fails(run: Any, answers: Answers) -> None:
    told = failing(suite(run, answers, "bisect", bisect_report("drift")))
    assert told["verdict/drift"].startswith("the 8 largest contributions make up 80 %")


@pytest.mark.parametrize(("command", "report"), [("diff", diff_report), ("bisect", bisect_report)])
def test_what_could_not_be_judged_is_an_error(
    command: str, report: Any, run: Any, answers: Answers
) -> None:
    found = suite(run, answers, command, report("inconclusive", notes=("it is not deterministic",)))
    assert found.attrib["errors"] == "1"
    assert "verdict/inconclusive" in failing(found)


def test_names_that_xml_cannot_hold(run: Any, answers: Answers) -> None:
    hostile = "a<b>&\"'\x00\x1b\ufffe\ud800]]> \u202e"
    bad = row(hostile, "bad", 1.0, note=hostile, node=hostile, op_type=hostile)
    culprit = replace(CULPRIT, node=hostile, why=hostile, neighbourhood=hostile)
    report = bisect_report(outputs=(bad,), culprits=(culprit,), reference=hostile)
    found = suite(run, answers, "bisect", report)
    shown = "a<b>&\"'\ufffd\ufffd\ufffd\ufffd]]> \u202e"
    assert names(found) == [
        f"pyonnxtool.bisect.outputs/{shown}",
        f"pyonnxtool.bisect.culprits/{shown}",
    ]


def test_an_output_without_a_name(run: Any, answers: Answers) -> None:
    found = suite(run, answers, "diff", diff_report("same", outputs=(row(""),), values=()))
    assert names(found) == ["pyonnxtool.diff.outputs/?"]


def test_with_a_baseline_only_what_got_worse_fails(run: Any, answers: Answers) -> None:
    why = "error is 3.00 times what it was"
    worse = Baseline("old.json", (Worse("value", "bn_out", 1.0, 3.0, why),))
    found = suite(run, answers, "diff", diff_report(baseline=worse))
    assert failing(found) == {"values/bn_out": why}
    assert len(names(found)) == 4, "what is as bad as before passes, and is there"
    calm = suite(run, answers, "bisect", bisect_report(baseline=Baseline("old.json")))
    assert failing(calm) == {}
    value = Baseline("old.json", (Worse("value", "fc_out", None, 1.0, "was not there, is bad"),))
    found = suite(run, answers, "bisect", bisect_report(baseline=value))
    assert failing(found) == {"baseline/fc_out": "was not there, is bad"}


def test_a_file_by_its_ending(run: Any, answers: Answers, tmp_path: Path) -> None:
    answers("diff", diff_report())
    assert run("diff", "a.onnx", "b.onnx", "-o", "report.xml").exit_code == 1
    text = (tmp_path / "report.xml").read_text()
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>')
    properties = {
        one.attrib["name"]: one.attrib["value"] for one in ET.fromstring(text).iter("property")
    }
    assert properties["verdict"] == "different"
    assert properties["command"] == "pyonnxtool diff a.onnx b.onnx"
