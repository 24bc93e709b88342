"""Splice and pass on the command line: the plan and the runs on stderr, the journal, the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyonnxtool.cli._steps_text import step_line
from pyonnxtool.report import Step
from support.parsed import parsed

BODY = "".join(f"v{i} = Tanh (v{i - 1})\n" for i in range(1, 30))
GOOD = f"g (float[2,8] x) => (float[2,8] y) {{ v0 = Sin (x)\n{BODY} y = Neg (v29) }}"


@pytest.fixture
def pair(tmp_path: Path) -> list[str]:
    """A good and a bad model, and inputs, as they are typed."""
    parsed(GOOD).save(str(tmp_path / "good.onnx"))
    parsed(GOOD.replace("v13 = Tanh", "v13 = Cos")).save(str(tmp_path / "bad.onnx"))
    np.savez(tmp_path / "x.npz", x=np.linspace(-2, 2, 16, dtype=np.float32).reshape(2, 8))
    return ["good.onnx", "bad.onnx", "--inputs", "x.npz"]


def test_the_plan_then_a_line_a_run_then_the_report(run: Any, pair: list[str]) -> None:
    done = run("bisect", *pair, "--by", "splice")
    assert done.exit_code == 1
    plan, *runs = done.stderr.splitlines()
    assert plan == "plan: search space 31 nodes, 30 cuts, at most 11 runs"
    assert runs[0].startswith("run   1  bad ")
    assert runs[0].endswith("  the candidate as it is")
    assert all(line.startswith(f"run {number:>3}  ") for number, line in enumerate(runs, 1))
    assert max(map(len, done.stderr.splitlines())) <= 100
    told = done.stdout
    assert told.startswith("fault: node `v13` (Cos) introduces the difference\n")
    assert f"by splice, {len(runs)} runs judged" in told
    assert "frontier before  v12" in told
    assert "frontier after   v13" in told
    assert "no intermediate value was read: only final outputs were judged" in told


def test_the_json_holds_the_steps(run: Any, pair: list[str]) -> None:
    done = run("bisect", *pair, "--by", "splice", "--format", "json")
    found = json.loads(done.stdout)
    assert found["method"] == "splice"
    assert found["frontier"] == {"before": ["v12"], "after": ["v13"]}
    assert found["plan"].startswith("search space 31 nodes")
    assert found["steps"][0]["verdict"] == "bad"
    assert set(found["steps"][0]) == {
        *("number", "method", "what", "verdict", "error", "seconds", "note", "within")
    }


def test_quiet_tells_no_runs(run: Any, pair: list[str]) -> None:
    done = run("bisect", *pair, "--by", "splice", "-q")
    assert done.stderr == ""
    assert done.stdout == "fault: node `v13` (Cos) introduces the difference\n"


def test_a_search_is_stopped_and_continued(run: Any, pair: list[str], tmp_path: Path) -> None:
    stopped = run("bisect", *pair, "--by", "splice", "--journal", "j.jsonl", "--max-runs", "3")
    assert stopped.exit_code == 125
    told = " ".join(stopped.stdout.split())
    assert told.startswith("inconclusive: stopped by --max-runs: the outputs turn bad between 'v")
    assert "continue with --resume j.jsonl" in told
    assert "Try:" not in told
    assert len((tmp_path / "j.jsonl").read_text().splitlines()) == 4
    resumed = run("bisect", *pair, "--by", "splice", "--resume", "j.jsonl")
    assert resumed.exit_code == 1
    assert resumed.stderr.count("  journal  ") == 3
    assert resumed.stdout.startswith("fault: node `v13` (Cos)")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--by", "values", "--max-runs", "3"), "--max-runs is for searches that go run by run"),
        (("--journal", "a", "--resume", "b"), "--journal begins a new journal, --resume continues"),
        (("--by", "splice", "--resume", "none"), "--resume none: cannot be read"),
        (("--by", "splice", "--journal", "x.npz"), "--journal x.npz: the file exists"),
        (("--by", "splice", "--resume", "good.onnx"), "--resume good.onnx: "),
        (("--by", "pass"), "--by pass: neither good.onnx nor bad.onnx runs on onnxruntime with"),
        (("--max-runs", "0"), "0 is not in the range x>=1"),
    ],
)
def test_what_cannot_be_done_is_said(
    options: tuple[str, ...], told: str, run: Any, pair: list[str]
) -> None:
    done = run("bisect", *pair, *options)
    assert done.exit_code == 2
    assert told in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_fault_of_the_model_is_not_searched_among_optimizers(run: Any, pair: list[str]) -> None:
    pair[1] = "bad.onnx@ort:all"
    done = run("bisect", *pair, "--by", "pass")
    assert done.exit_code == 125
    assert "the difference is there without any optimizer of" in " ".join(done.stdout.split())


def test_a_run_that_could_not_be_done_says_why() -> None:
    step = Step(7, "splice", "candidate from a to b", "skip", None, 0.25, "no kernel for this")
    assert step_line(step) == (
        "run   7  skip                0.25 s  candidate from a to b: no kernel for this"
    )
    assert len(step_line(Step(1, "pass", "x" * 300, "bad", float("inf"), 12345.678))) <= 100
