"""What got worse than in an older report: a known difference is no news, a new one is."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeVar

from pyonnxtool.errors import UsageError
from pyonnxtool.report import BisectReport, Culprit, DiffReport, ValueRow
from pyonnxtool.report_parts import Baseline, Worse
from pyonnxtool.wording import number, plural, ratio, torn

FACTOR = 2.0
"""An error that was bad before is worse from here on; less is the machine, or other samples."""

Report = TypeVar("Report", bound=DiffReport | BisectReport)


def load_baseline(path: str | PathLike[str], schema: str) -> Mapping[str, Any]:
    """The older report in a file, which has to be of `schema` ("pyonnxtool/diff/1").

    Raises UsageError for a file that is not there, is no report, or is one of another command.
    """
    text = fspath(path)
    make = "the --json of an earlier run is meant"
    try:
        found = json.loads(Path(text).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"--baseline {text}: there is no such file; {make}") from None
    except OSError as error:
        raise UsageError(f"--baseline {text}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"--baseline {text}: is no JSON: {error}; {make}") from error
    named = found.get("schema") if isinstance(found, dict) else None
    if named != schema:
        told = f"is of schema {named!r}" if named else "is no report"
        raise UsageError(f"--baseline {text}: {told}; a report of schema {schema!r} is needed")
    _check_rows(text, found)
    return {"path": text, **found}


def against(report: Report, old: Mapping[str, Any]) -> Report:
    """The report with its `baseline`: what got worse than in `old`, from `load_baseline`.

    An output or a value got worse when it is bad and was not bad before, was not there, or has
    more than twice the error. The error of a value is what its node introduces, where both
    reports know that. A culprit got worse when no culprit of the older report makes its outputs,
    or when it introduces more than twice as much.
    """
    culprits = report.culprits if isinstance(report, BisectReport) else ()
    blamed = {name for culprit in culprits for name in culprit.outputs}
    outputs = {row.value for row in report.outputs}
    inner = [row for row in report.values if row.value not in outputs | blamed]
    worse = [
        *_worse_rows("output", report.outputs, old["outputs"]),
        *_worse_culprits(culprits, old.get("culprits", ())),
        *_worse_rows("value", inner, old.get("values", ())),
    ]
    rows = [*report.outputs, *(row for row in report.values if row.value not in outputs)]
    status = {row.value: row.status for row in rows}
    before = {row["value"]: row["status"] for row in (*old.get("values", ()), *old["outputs"])}
    found = Baseline(
        path=old["path"],
        worse=tuple(worse),
        better=sum(
            told == "bad" and status.get(name, "bad") != "bad" for name, told in before.items()
        ),
        gone=tuple(name for name in before if name not in status),
        notes=tuple(_doubts(report, old)),
    )
    return replace(report, baseline=found)


def sentence(baseline: Baseline) -> str:
    """`3 got worse than in old.json: 1 output, 2 values`."""
    if not baseline.worse:
        better = f"; {plural(baseline.better, 'bad value')} less" if baseline.better else ""
        return f"nothing got worse than in {baseline.path}{better}"
    kinds = [worse.kind for worse in baseline.worse]
    counts = [plural(kinds.count(kind), kind) for kind in dict.fromkeys(kinds)]
    return f"{' and '.join(counts)} got worse than in {baseline.path}"


def _check_rows(text: str, found: Mapping[str, Any]) -> None:
    for part, wanted in (("outputs", "value"), ("values", "value"), ("culprits", "outputs")):
        rows = found.get(part, [] if part != "outputs" else None)
        good = isinstance(rows, list) and all(
            isinstance(row, dict) and wanted in row and (wanted == "outputs" or "status" in row)
            for row in rows
        )
        if not good:
            raise UsageError(f"--baseline {text}: its {part!r} are not those of a report")


def _worse_rows(
    kind: str, rows: Sequence[ValueRow], old: Sequence[Mapping[str, Any]]
) -> Iterator[Worse]:
    known = {row["value"]: row for row in old}
    for row in rows:
        if row.status != "bad":
            continue
        before = known.get(row.value)
        if before is None:
            yield Worse(kind, row.value, None, _error(row.accumulated), "was not there, is bad")
            continue
        both = bool(row.introduced and before.get("introduced")) and kind == "value"
        what = "introduced" if both else "accumulated"
        was = _error(before.get(what, {}))
        now = _error(row.introduced if both else row.accumulated)
        if before["status"] != "bad":
            yield Worse(kind, row.value, was, now, f"was {before['status']}, is bad")
        elif told := _growth(was, now):
            yield Worse(kind, row.value, was, now, told)


def _worse_culprits(
    culprits: Sequence[Culprit], old: Sequence[Mapping[str, Any]]
) -> Iterator[Worse]:
    known = {name: row for row in old for name in row["outputs"]}
    for culprit in culprits:
        name = culprit.node or ", ".join(culprit.outputs)
        before = next((known[made] for made in culprit.outputs if made in known), None)
        now = _error(culprit.introduced)
        if before is None:
            yield Worse("culprit", name, None, now, "was no culprit")
            continue
        was = _error(before.get("introduced", {}))
        if told := _growth(was, now):
            yield Worse("culprit", name, was, now, told)


def _growth(was: float | None, now: float | None) -> str:
    """How an error that was bad before has grown; empty when it has not by more than FACTOR."""
    if now is None or was is None or not now > FACTOR * was:
        return ""
    if math.isinf(now):
        return f"was off by {number(was)}, now a NaN or an infinity is on one side only"
    times = f"{ratio(now / was)} times " if was else ""
    return f"error is {times}what it was: {number(now)}, was {number(was)}"


def _error(metrics: Mapping[str, Any]) -> float | None:
    """Largest difference; infinite where a NaN or an infinity is on one side; None for none."""
    if torn(metrics):
        return math.inf
    found = metrics.get("max_abs")
    if found is None:
        found = metrics.get("mismatched")
    return None if found is None else float(found)  # JSON has "inf" and "nan" as text


def _doubts(report: DiffReport | BisectReport, old: Mapping[str, Any]) -> Iterator[str]:
    for side in ("reference", "candidate"):
        was, now = str(old.get(side, "")), str(getattr(report, side))
        if Path(was).name != Path(now).name:
            yield f"the {side} was {was} there and is {now} here"
    if old.get("samples") != report.samples:
        yield f"it is of {plural(int(old.get('samples') or 0), 'sample')}, not {report.samples}"
    if old.get("verdict") == "inconclusive":
        yield "its verdict was inconclusive, so that little of it can be compared"
