"""Reports in the XML of JUnit, as continuous integration shows them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from pyonnxtool.baseline import sentence
from pyonnxtool.cli._document import Report, Setting, now, versions
from pyonnxtool.report import BisectReport, Culprit, ValueRow
from pyonnxtool.wording import amount, distance, finding, who

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped (section 2.2, Char)."""


@dataclass(frozen=True)
class Case:
    """One line of the list of tests. `fault` is empty where it passes."""

    group: str
    name: str
    fault: str = ""
    kind: str = ""
    details: str = ""
    error: bool = False
    """It could not be judged."""


def render(report: Report, setting: Setting) -> str:
    """One suite: a case for each final output, each bad value and each culprit.

    Some case fails where the exit code is 1, and only there. With a baseline, what was as bad
    before passes, and what got worse fails. The elements and attributes are those that both Ant's
    and Jenkins' schemas of JUnit know. Characters that XML cannot hold are replaced by U+FFFD.
    """
    cases = list(_known(report, list(_cases(report))))
    suite = ET.Element(
        "testsuite",
        name=f"pyonnxtool {setting.title}",
        package="pyonnxtool",
        id="0",
        timestamp=now().strftime("%Y-%m-%dT%H:%M:%S"),
        hostname="localhost",  # the schema's word for "does not matter"
        tests=str(len(cases)),
        failures=str(sum(bool(case.fault) and not case.error for case in cases)),
        errors=str(sum(case.error for case in cases)),
        time=f"{time.process_time():.3f}",
    )
    properties = ET.SubElement(suite, "properties")
    told = [("verdict", report.verdict), ("command", setting.command), *versions()]
    for name, value in told:
        ET.SubElement(properties, "property", name=name, value=_clean(value))
    for case in cases:
        _add(suite, setting.title, case)
    ET.SubElement(suite, "system-out").text = _clean(setting.text())
    ET.SubElement(suite, "system-err")
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False).join(
        ('<?xml version="1.0" encoding="UTF-8"?>\n', "\n")
    )


def _add(suite: ET.Element, title: str, case: Case) -> None:
    group = f"pyonnxtool.{title}.{case.group}"
    made = ET.SubElement(
        suite, "testcase", classname=group, name=_clean(case.name) or "?", time="0"
    )
    if case.fault:
        tag = "error" if case.error else "failure"
        told = ET.SubElement(made, tag, type=case.kind, message=_clean(case.fault))
        told.text = _clean(case.details or case.fault)


def _cases(report: Report) -> Iterator[Case]:
    for row in report.outputs:
        yield _row_case("outputs", row)
    if isinstance(report, BisectReport):
        for culprit in report.culprits:
            yield _culprit_case(culprit)
        if report.verdict == "drift" or (report.verdict == "fault" and not report.culprits):
            yield Case("verdict", report.verdict, finding(report), report.verdict)
    else:
        bad = [row for row in report.values if row.status == "bad"]
        if report.verdict == "same":  # the outputs agree, so nothing fails
            yield from (Case("values", row.value) for row in bad)
        else:
            yield from (_row_case("values", row) for row in bad)
    if report.verdict == "inconclusive":
        reason = getattr(report, "reason", "") or "; ".join(report.notes)
        yield Case("verdict", "inconclusive", reason or "inconclusive", "inconclusive", error=True)


def _row_case(group: str, row: ValueRow) -> Case:
    if row.status != "bad":
        return Case(group, row.value)
    told = "; ".join(filter(None, (distance(row), row.note))) or "differs"
    node = f"made by {row.node!r} ({row.op_type})" if row.op_type else ""
    lines = [told, node, f"introduced: {amount(row.introduced)}" if row.introduced else ""]
    return Case(group, row.value, told, "difference", "\n".join(filter(None, lines)))


def _culprit_case(culprit: Culprit) -> Case:
    name = culprit.node or ", ".join(culprit.outputs)
    lines = [
        f"{who(culprit)} introduces {amount(culprit.introduced)}",
        f"why: {culprit.why}" if culprit.why else "",
        f"referee: {culprit.referee}" if culprit.referee else "",
        f"module: {culprit.module}" if culprit.module else "",
        f"source: {culprit.source}" if culprit.source else "",
        culprit.neighbourhood,
    ]
    told = culprit.why or "introduces the difference"
    return Case("culprits", name, told, "fault", "\n".join(filter(None, lines)))


def _known(report: Report, cases: list[Case]) -> Iterator[Case]:
    """The cases; with a baseline, those that did not get worse pass."""
    if report.baseline is None:
        yield from cases
        return
    kinds = {"outputs": "output", "values": "value", "culprits": "culprit"}
    worse = {(one.kind, one.name): one.why for one in report.baseline.worse}
    seen = set()
    for case in cases:
        key = (kinds.get(case.group, ""), case.name)
        seen.add(key)
        if key in worse:
            details = f"{worse[key]}\n{case.details}"
            yield Case(case.group, case.name, worse[key], "worse", details)
        elif case.error:
            yield case
        else:
            yield Case(case.group, case.name)
    for key in worse.keys() - seen:
        yield Case("baseline", key[1], worse[key], "worse", sentence(report.baseline))


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
