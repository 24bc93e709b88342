"""Reports in Markdown, to paste into an issue or a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pyonnxtool.baseline import sentence
from pyonnxtool.cli._document import Report, Setting, versions
from pyonnxtool.cli._findings import Section, culprit_facts, report_facts, sections
from pyonnxtool.cli._rows import chosen, largest, short_type
from pyonnxtool.cli._text import metric
from pyonnxtool.report import BisectReport, Culprit, ValueRow
from pyonnxtool.wording import distance, printable, ratio, who

ROWS_SHOWN = 12
_OURS = frozenset({"coverage", "observer", "runs", "weights", "allowed for outputs", "method"})
"""Facts that hold nothing of the user's."""
_MARKUP = re.compile(r"[\\*_\[\]<>#|~&!$]")
MARKS = {"same": "✅", "different": "❌", "fault": "❌", "drift": "⚠️", "inconclusive": "❔"}


def render(report: Report, setting: Setting) -> str:
    """The verdict, the culprits with their reasons, tables worst first, the text folded away.

    Whatever a model's author can name is inside a code span or block: no name becomes a link, a
    mention or HTML.
    """
    return "\n".join(_lines(report, setting)) + "\n"


def _lines(report: Report, setting: Setting) -> Iterator[str]:
    mark = MARKS.get(report.verdict, "")
    yield f"### {mark} pyonnxtool {setting.title}: {report.verdict}"
    yield f"\n**{ticked(setting.told)}**\n"
    if report.baseline is not None:
        news = "❌" if report.baseline.worse else "✅"
        told = sentence(replace(report.baseline, path=f"`{report.baseline.path}`"))
        yield f"{news} **{ticked(told)}**\n"
        yield from (
            f"- {worse.kind} {code(worse.name)}: {code(worse.why)}"
            for worse in report.baseline.worse
        )
        yield from (f"- note: {code(note)}" for note in report.baseline.notes)
        yield ""
    yield from _facts(report, setting)
    if isinstance(report, BisectReport):
        for culprit in report.culprits:
            yield from _culprit(culprit)
    yield from _table("Final outputs", report.outputs, "how far off")
    rows = [row for row in report.values if row.status != "ok"]
    worst = chosen(rows, ROWS_SHOWN, "worst")
    yield from _value_table(worst, len(report.values))
    for section in sections(report):
        yield from _section(section)
    yield from _folded("The whole report", setting.text())
    yield from _folded("Versions", "\n".join(" ".join(pair) for pair in versions()))


def _facts(report: Report, setting: Setting) -> Iterator[str]:
    yield "| | |\n|---|---|"
    facts = [*report_facts(report, setting), ("reproduce", setting.command)]
    facts += [("to name the node", setting.proposal)] if setting.proposal else []
    for label, text in facts:
        yield f"| {label} | {ticked(text) if label in _OURS else cell(code(text))} |"


def _culprit(culprit: Culprit) -> Iterator[str]:
    name = who(culprit)
    yield f"\n#### {ticked(name[0].upper() + name[1:])}\n"
    yield from (f"- **{label}**: {code(text)}" for label, text in culprit_facts(culprit))
    if culprit.neighbourhood:
        yield ""
        yield block(culprit.neighbourhood)


def _section(section: Section) -> Iterator[str]:
    count = len(section.rows)
    shown = f" ({ROWS_SHOWN} of {count:,})" if count > ROWS_SHOWN else ""
    yield f"\n#### {section.title}{shown}\n"
    if section.aside:
        yield f"{code(section.aside)}\n"
    yield f"| {' | '.join(section.head)} |"
    yield "|---" * len(section.head) + "|"
    for row in section.rows[:ROWS_SHOWN]:
        yield f"| {_cells(*row)} |"


def _table(title: str, rows: Sequence[ValueRow], what: str) -> Iterator[str]:
    if not rows:
        return
    yield f"\n#### {title}\n\n| status | value | type | {what} |\n|---|---|---|---|"
    order = {"bad": 0, "noise": 1}
    for row in sorted(rows, key=lambda row: order.get(row.status, 2)):
        told = "; ".join(filter(None, (distance(row), row.note)))
        yield f"| {row.status} | {_cells(row.value, short_type(row), told)} |"


def _value_table(rows: Sequence[ValueRow], total: int) -> Iterator[str]:
    if not rows:
        return
    yield f"\n#### Values, worst first ({len(rows)} of {total:,})\n"
    yield "| status | value | op | accumulated | dB | introduced | gain |"
    yield "|---|---|---|---:|---:|---:|---:|"
    for row in rows:
        numbers = (largest(row.accumulated), metric(row.accumulated, "sqnr_db"))
        more = (largest(row.introduced), ratio(row.gain))
        cells = _cells(row.value, row.op_type)
        yield f"| {row.status} | {cells} | {' | '.join((*numbers, *more))} |"


def _cells(*texts: str) -> str:
    return " | ".join(cell(code(text)) if text else "" for text in texts)


def _folded(title: str, text: str) -> Iterator[str]:
    yield f"\n<details><summary>{title}</summary>\n"
    yield block(text)
    yield "\n</details>"


def ticked(text: str) -> str:
    """Our sentence, in which names stand between backquotes; with stray ones all of it is code.

    What is outside of them may still be a name (an operator's), and is escaped.
    """
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return code(text)
    return "".join(
        code(part) if place % 2 else _MARKUP.sub(r"\\\g<0>", printable(part)).replace("@", "&#64;")
        for place, part in enumerate(parts)
    )


def code(text: str) -> str:
    """A code span that holds `text` whatever backquotes it has; newlines are escaped."""
    text = printable(text)
    if not text:
        return ""
    fence = "`" * (_longest_run(text) + 1)
    pad = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def cell(text: str) -> str:
    """For a table: GitHub splits cells at bare pipes, in code spans too."""
    return text.replace("|", "\\|")


def block(text: str) -> str:
    """A fenced block that `text` cannot close."""
    fence = "`" * max(3, _longest_run(text) + 1)
    lines = "\n".join(printable(line) for line in text.splitlines())
    return f"{fence}text\n{lines}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
