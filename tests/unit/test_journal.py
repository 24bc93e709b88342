"""The journal of a search: continued without running anything twice, refused for another case."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pyonnxtool import bisect
from pyonnxtool.errors import UsageError
from pyonnxtool.report import BisectReport, Step
from support.parsed import parsed

X = np.random.default_rng(0).standard_normal((3, 8)).astype(np.float32)
BODY = "".join(f"v{i} = Tanh (v{i - 1})\n" for i in range(1, 40))
GOOD = f"g (float[N,8] x) => (float[N,8] v39) {{ v0 = Sin (x)\n{BODY} }}"
BAD = GOOD.replace("v23 = Tanh", "v23 = Cos")


def search(candidate: str = BAD, **options: object) -> BisectReport:
    options = {"inputs": {"x": X}, "by": "splice", **options}
    return bisect(parsed(GOOD), parsed(candidate), **options)


def verdicts(report: BisectReport) -> list[tuple[str, str, float | None]]:
    return [(step.what, step.verdict, step.error) for step in report.steps]


def test_a_search_that_was_stopped_is_continued_where_it_was(tmp_path: Path) -> None:
    whole = search()
    journal = tmp_path / "runs.jsonl"
    stopped = search(journal=journal, max_runs=4)
    assert stopped.verdict == "inconclusive"
    assert stopped.reason.startswith("stopped by --max-runs: the outputs turn bad between 'v")
    assert stopped.reason.endswith(f"continue with --resume {journal}")
    assert len(stopped.steps) == 4
    assert stopped.frontier is not None
    resumed = search(resume=journal)
    assert verdicts(resumed) == verdicts(whole)
    old = [step for step in resumed.steps if step.note == "from the journal"]
    assert verdicts(stopped) == [(step.what, step.verdict, step.error) for step in old]
    assert resumed.culprits[0].outputs == ("v23",)
    again = search(resume=journal)
    assert {step.note for step in again.steps} == {"from the journal"}


def test_without_a_journal_it_says_how_to_keep_one() -> None:
    report = search(max_runs=2)
    assert report.reason.endswith("give --journal FILE to be able to continue")


def test_every_run_is_on_disk_before_the_next_begins(tmp_path: Path) -> None:
    journal = tmp_path / "runs.jsonl"
    seen = []

    def interrupt(told: str | Step) -> None:
        if isinstance(told, Step):
            seen.append(told)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(journal=journal, tell=interrupt)
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    assert [line["what"] for line in lines[1:]] == [step.what for step in seen]
    assert search(resume=journal).culprits[0].outputs == ("v23",)


def test_a_line_that_was_cut_off_is_run_again(tmp_path: Path) -> None:
    journal = tmp_path / "runs.jsonl"
    search(journal=journal)
    text = journal.read_text()
    journal.write_text(text[:-20])
    report = search(resume=journal)
    assert report.culprits[0].outputs == ("v23",)
    assert [step.note for step in report.steps].count("") == 1
    assert {s.note for s in search(resume=journal).steps} == {"from the journal"}


def test_errors_that_are_not_finite_survive(tmp_path: Path) -> None:
    journal = tmp_path / "runs.jsonl"
    bad = GOOD.replace("v23 = Tanh", "v23 = Log")
    first = search(bad, journal=journal)
    assert any(step.error == float("inf") for step in first.steps)
    assert verdicts(search(bad, resume=journal)) == verdicts(first)


@pytest.mark.parametrize(
    "other",
    [
        {"candidate": GOOD.replace("v24 = Tanh", "v24 = Cos")},
        {"inputs": {"x": X + 1}},
        {"rtol": 1e-3},
        {"only": ["v1*"]},
    ],
    ids=["model", "inputs", "tolerance", "filter"],
)
def test_the_journal_of_another_case_is_refused(tmp_path: Path, other: dict[str, object]) -> None:
    journal = tmp_path / "runs.jsonl"
    search(journal=journal)
    with pytest.raises(UsageError, match="the journal is of another case: models, inputs"):
        search(resume=journal, **other)


def test_the_same_files_elsewhere_are_the_same_case(tmp_path: Path) -> None:
    paths = []
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        for name, text in (("good", GOOD), ("bad", BAD)):
            parsed(text).save(str(tmp_path / folder / f"{name}.onnx"))
        paths.append([str(tmp_path / folder / f"{name}.onnx") for name in ("good", "bad")])
    journal = tmp_path / "runs.jsonl"
    bisect(*paths[0], by="splice", inputs={"x": X}, journal=journal)
    report = bisect(*paths[1], by="splice", inputs={"x": X}, resume=journal)
    assert {step.note for step in report.steps} == {"from the journal"}


def test_files_that_cannot_serve_are_refused(tmp_path: Path) -> None:
    there = tmp_path / "notes.txt"
    there.write_text("nothing\n")
    with pytest.raises(UsageError, match=r"notes\.txt: the file exists; continue it with --resume"):
        search(journal=there)
    with pytest.raises(UsageError, match=r"notes\.txt: this is no journal of bisect"):
        search(resume=there)
    with pytest.raises(UsageError, match=r"none\.txt: cannot be read: No such file"):
        search(resume=tmp_path / "none.txt")
    with pytest.raises(UsageError, match=r"cannot be written: No such file"):
        search(journal=tmp_path / "no" / "folder.txt")


def test_options_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--max-runs is for searches that go run by run"):
        search(by="values", max_runs=3)
    with pytest.raises(UsageError, match="--journal begins a new journal, --resume continues one"):
        search(journal=tmp_path / "a", resume=tmp_path / "b")
    with pytest.raises(UsageError, match="--max-runs: at least 1 is needed"):
        search(max_runs=0)
