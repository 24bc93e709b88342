"""Reports as one HTML page, which needs no network and tells the essentials without scripts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup, escape

from pyonnxtool.baseline import sentence
from pyonnxtool.cli._document import Report, Setting, now, versions
from pyonnxtool.cli._drawing import drawing_of
from pyonnxtool.cli._findings import culprit_facts, report_facts, sections
from pyonnxtool.cli._plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, plot_of, times
from pyonnxtool.cli._rows import RANK, largest, short_type
from pyonnxtool.cli._text import metric
from pyonnxtool.report import BisectReport, ValueRow
from pyonnxtool.wording import amount, distance, inside, plural, printable, ratio, typed, who

PRINTED = 200
"""Rows of a table that paper gets whatever they say; of longer tables those that are not ok."""


@dataclass(frozen=True)
class Line:
    """One row of the table of values: cells, and the numbers by which they are sorted."""

    row: ValueRow
    type: str
    accumulated: str
    decibel: str
    introduced: str
    times: str
    gain: str


def render(report: Report, setting: Setting) -> str:
    """The page. What a model's author can name is escaped, and no script but ours may run."""
    page = environment().get_template("report.html.j2")
    script = files("pyonnxtool.cli").joinpath("templates/report.js").read_text(encoding="utf-8")
    rows = report.values
    status = [row.status for row in rows]
    return page.render(
        report=report,
        setting=setting,
        script=Markup(script),
        policy=policy(script),
        facts=report_facts(report, setting),
        sections=list(sections(report)),
        culprits=[
            (
                culprit,
                culprit_facts(culprit),
                drawing_of(culprit.surroundings) if culprit.surroundings else None,
            )
            for culprit in (report.culprits if isinstance(report, BisectReport) else ())
        ],
        contributors=lines(getattr(report, "contributors", ())),
        gains=lines(getattr(report, "gains", ())),
        outputs=sorted(report.outputs, key=lambda row: RANK.get(row.status, 3)),
        plot=plot_of(rows),
        frame={"w": WIDTH, "h": HEIGHT, "l": LEFT, "r": RIGHT, "t": TOP, "b": BOTTOM},
        lines=lines(rows),
        counts=[(word, status.count(word)) for word in RANK if word in status],
        swept=any(row.introduced for row in rows),
        long=len(rows) > PRINTED,
        versions=versions(),
        made=now(),
    )


def lines(rows: Sequence[ValueRow]) -> list[Line]:
    """The cells of each row."""
    return [
        Line(
            row,
            short_type(row),
            largest(row.accumulated),
            metric(row.accumulated, "sqnr_db"),
            largest(row.introduced),
            factor(times(row.introduced, row.tolerance)),
            ratio(row.gain),
        )
        for row in rows
    ]


def factor(value: float | None) -> str:
    """A number of times, where nothing is nothing."""
    return "0" if value == 0 else ratio(value)


@cache
def environment() -> jinja2.Environment:
    """Templates with everything escaped, and an error for a name that is not there."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("pyonnxtool.cli"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_without_control_characters,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = (amount, distance, inside, plural, printable, ticked, typed, who, sentence)
    made.filters |= {word.__name__: word for word in words}
    return made


def _without_control_characters(shown: object) -> object:
    """Any text but ours, so that not even a form feed or a change of direction gets through."""
    if not isinstance(shown, str) or isinstance(shown, Markup):
        return shown
    return "\n".join(map(printable, shown.split("\n")))


def policy(script: str) -> str:
    """A content security policy: nothing is loaded, and of scripts only this one runs."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def ticked(text: str) -> Markup:
    """What stands between backquotes, in the type of code; everything is escaped."""
    parts = text.split("`")
    shown = [
        Markup("<code><bdi>{}</bdi></code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(parts)
    ]
    return Markup("").join(shown) if len(parts) % 2 else escape(text)
