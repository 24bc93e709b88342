"""For tests: two models agree, or the test says which node is to blame."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyonnxtool.bisection import bisect
from pyonnxtool.report import BisectReport, Culprit
from pyonnxtool.wording import amount, distance, finding, plural, printable, who

if TYPE_CHECKING:
    from pyonnxtool.subjects import SubjectLike

_CULPRITS = 3
_OUTPUTS = 5
_LABEL = 11
_FLAGS = {
    **{name: name for name in ("by", "samples", "seed", "atol", "rtol", "ulp", "memory")},
    **{name: name for name in ("only", "skip", "timeout")},
    **{"max_runs": "max-runs", "all_faults": "all", "value_map": "map"},
}
"""Arguments to the options of the command line that mean the same."""
_DEFAULTS = {"by": "auto", "samples": 1, "seed": 0, "memory": "2GiB"}


def assert_close(
    reference: SubjectLike,
    candidate: SubjectLike | None = None,
    *,
    inputs: object = None,
    atol: Sequence[str | float] | str | float | None = None,
    rtol: Sequence[str | float] | str | float | None = None,
    ulp: Sequence[str | float] | str | float | None = None,
    samples: int = 1,
    seed: int = 0,
    **options: Any,
) -> None:
    """Nothing when the final outputs agree; else AssertionError with what `bisect` found.

    Takes what `bisect` takes. Where the outputs agree, each model runs on each sample and no value
    in between is looked at, so a test that passes costs no search. The message names the node, why
    it is that one, by how much the outputs are off, and the command that shows it again. A pair
    that cannot be judged (a side that is not deterministic) fails, too. Raises UsageError,
    ModelError or BackendError as `bisect` does.
    """
    __tracebackhide__ = True  # pytest shows the line of the test, not this one
    asked = {
        "inputs": inputs,
        "atol": atol,
        "rtol": rtol,
        "ulp": ulp,
        "samples": samples,
        "seed": seed,
        **options,
    }
    report = bisect(reference, candidate, **asked)
    if report.verdict != "same":
        raise AssertionError(message(report, _command(reference, candidate, asked)))


def message(report: BisectReport, command: str) -> str:
    """The report in a few lines, the most telling first."""
    head = f"{report.candidate} is not close to {report.reference}"
    if report.verdict == "inconclusive":
        head = f"{report.candidate} and {report.reference} cannot be compared"
    lines = [printable(head), f"{report.verdict}: {finding(report)}"]
    for culprit in report.culprits[:_CULPRITS]:
        lines += [f"  {printable(who(culprit))}:"] if len(report.culprits) > 1 else []
        lines += _labelled(_about(culprit))
    if left := report.culprits[_CULPRITS:]:
        lines.append(f"  {plural(len(left), 'more node')}: {', '.join(map(who, left))}")
    bad = [row for row in report.outputs if row.status == "bad"]
    told = [
        ("output", f"{row.value}: {'; '.join(filter(None, (distance(row), row.note)))}")
        for row in bad[:_OUTPUTS]
    ]
    if len(bad) > _OUTPUTS:
        told.append(("", f"{plural(len(bad) - _OUTPUTS, 'more output')} off"))
    told += [("note", note) for note in report.notes]
    lines += _labelled([*told, ("reproduce", command)])
    return "\n".join(lines)


def _about(culprit: Culprit) -> Iterator[tuple[str, str]]:
    yield "why", culprit.why
    yield "makes", ", ".join(culprit.outputs)
    yield "introduces", amount(culprit.introduced)
    yield "referee", culprit.referee
    yield "module", culprit.module
    yield "source", culprit.source
    yield "region", ", ".join(culprit.region)


def _labelled(pairs: Sequence[tuple[str, str]] | Iterator[tuple[str, str]]) -> list[str]:
    return [f"  {label:{_LABEL}}{printable(text)}" for label, text in pairs if text]


def _command(reference: object, candidate: object, asked: Mapping[str, Any]) -> str:
    """What to type for the same search, with words in capitals for what only this process has."""
    words = ["pyonnxtool", "bisect", _subject(reference, "REF")]
    words += [_subject(candidate, "CAND")] if candidate is not None else []
    inputs = asked["inputs"]
    if inputs is not None:
        words += ["--inputs", fspath(inputs) if isinstance(inputs, str | PathLike) else "INPUTS"]
    for name, flag in _FLAGS.items():
        value = asked.get(name)
        if value is None or value is False or value == _DEFAULTS.get(name):
            continue
        several = list(value.items()) if isinstance(value, Mapping) else value
        if isinstance(several, str) or not isinstance(several, Sequence):
            several = [several]
        for one in several:
            text = "=".join(one) if isinstance(one, tuple) else str(one)
            words += [f"--{flag}"] if one is True else [f"--{flag}", text]
    for name, sizes in (asked.get("shapes") or {}).items():
        words += ["--shape", f"{name}={','.join(map(str, sizes))}"]
    for name, size in (asked.get("dims") or {}).items():
        words += ["--dim", f"{name}={size}"]
    for library in asked.get("custom_ops") or ():
        words += ["--custom-ops", fspath(library)]
    said = {word.partition("@")[0] for word in words}
    missing = [note for word, note in _MISSING.items() if word in said]
    return shlex.join(words) + (f"  ({'; '.join(missing)})" if missing else "")


_MISSING = {
    "REF": "REF is the reference, saved as a file",
    "CAND": "CAND is the candidate, saved as a file",
    "INPUTS": "INPUTS is an .npz of the inputs",
}


def _subject(given: object, otherwise: str) -> str:
    """The subject as it is typed: a path, "path@backend", or the word for what has no path."""
    if isinstance(given, tuple):
        return f"{_subject(given[0], otherwise)}@{given[1]}"
    if isinstance(given, str | PathLike):
        return fspath(given)
    path = getattr(given, "path", "") or getattr(given, "text", "")
    return path if path and Path(path).exists() else otherwise
