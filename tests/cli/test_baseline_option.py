"""--baseline: the exit code follows what got worse, and the text says what."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.reports import VALUES, bisect_report, diff_report, row

Answers = Callable[[str, Any], list[dict[str, Any]]]


def kept(tmp_path: Path, report: Any) -> str:
    (tmp_path / "old.json").write_text(report.to_json())
    return "old.json"


@pytest.mark.parametrize(("command", "make"), [("diff", diff_report), ("bisect", bisect_report)])
def test_a_known_difference_passes(
    command: str, make: Any, run: Any, answers: Answers, tmp_path: Path
) -> None:
    answers(command, make())
    result = run(command, "a.onnx", "b.onnx", "--baseline", kept(tmp_path, make()))
    assert result.exit_code == 0
    assert "nothing got worse than in old.json" in result.stdout
    assert run(command, "a.onnx", "b.onnx").exit_code == 1


def test_what_got_worse_fails_and_is_named(run: Any, answers: Answers, tmp_path: Path) -> None:
    old = diff_report(values=VALUES[:21], reference="good.onnx@ort:none")
    answers("diff", diff_report())
    result = run("diff", "a.onnx", "b.onnx", "--baseline", kept(tmp_path, old))
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    start = lines.index("Against the baseline  old.json")
    assert lines[start + 1] == "  value   bn_out: was not there, is bad"
    assert lines[start + 2] == "  value   holes: was not there, is bad"
    assert lines[start + 3] == "  in all  2 values got worse than in old.json"
    assert "2 values got worse than in old.json" in lines[start + 4 :]
    quiet = run("diff", "a.onnx", "b.onnx", "--baseline", "old.json", "-q")
    assert quiet.stdout.splitlines()[1] == "2 values got worse than in old.json"


def test_a_model_that_is_the_same_fails_where_a_value_got_worse(
    run: Any, answers: Answers, tmp_path: Path
) -> None:
    answers("diff", diff_report("same"))
    old = diff_report("same", values=tuple(row(one.value) for one in VALUES))
    assert run("diff", "a.onnx", "b.onnx", "--baseline", kept(tmp_path, old)).exit_code == 1


@pytest.mark.parametrize(("command", "make"), [("diff", diff_report), ("bisect", bisect_report)])
def test_what_cannot_be_judged_keeps_its_code(
    command: str, make: Any, run: Any, answers: Answers, tmp_path: Path
) -> None:
    answers(command, make("inconclusive"))
    result = run(command, "a.onnx", "b.onnx", "--baseline", kept(tmp_path, make()))
    assert result.exit_code == 125


def test_values_that_are_gone_are_listed(run: Any, answers: Answers, tmp_path: Path) -> None:
    answers("diff", diff_report(values=VALUES[15:]))
    result = run("diff", "a.onnx", "b.onnx", "--baseline", kept(tmp_path, diff_report()))
    assert result.exit_code == 0
    assert "15 values of the baseline: early_0, early_1" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_another_pair_is_a_warning(run: Any, answers: Answers, tmp_path: Path) -> None:
    answers("diff", diff_report())
    old = kept(tmp_path, diff_report(candidate="other.onnx"))
    result = run("diff", "a.onnx", "b.onnx", "--baseline", old)
    assert result.exit_code == 0
    assert "the candidate was other.onnx there and is bad.onnx@ort:none here" in result.stdout


def test_json_has_it_and_is_a_baseline_again(run: Any, answers: Answers, tmp_path: Path) -> None:
    answers("diff", diff_report())
    old = kept(tmp_path, diff_report(values=VALUES[:21]))
    run("diff", "a.onnx", "b.onnx", "--baseline", old, "--json", "old.json", "--force")
    told = json.loads((tmp_path / "old.json").read_text())["baseline"]
    assert [one["name"] for one in told["worse"]] == ["bn_out", "holes"]
    assert run("diff", "a.onnx", "b.onnx", "--baseline", "old.json").exit_code == 0


@pytest.mark.parametrize("command", ["diff", "bisect"])
def test_a_bad_baseline_is_told_before_anything_runs(
    command: str, run: Any, answers: Answers, tmp_path: Path
) -> None:
    calls = answers(command, diff_report())
    result = run(command, "a.onnx", "b.onnx", "--baseline", "none.json")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: --baseline none.json: there is no such file; "
        "the --json of an earlier run is meant\n"
    )
    other = diff_report() if command == "bisect" else bisect_report()
    result = run(command, "a.onnx", "b.onnx", "--baseline", kept(tmp_path, other))
    assert result.exit_code == 2
    assert f"a report of schema 'pyonnxtool/{command}/1' is needed" in result.stderr
    assert not calls


def test_real_models(run: Any, tmp_path: Path) -> None:
    run("demo", "--keep", ".")
    pair = ("good.onnx", "bad.onnx", "--dim", "batch=1")
    assert run("bisect", *pair, "--json", "bad.json").exit_code == 1
    assert run("bisect", *pair, "--baseline", "bad.json").exit_code == 0
    assert run("bisect", "good.onnx", "good.onnx", "--dim", "batch=1", "--json", "good.json")
    result = run("bisect", *pair, "--baseline", "good.json")
    assert result.exit_code == 1
    assert "1 output and 1 culprit got worse than in good.json" in result.stdout
    fine = run("bisect", "good.onnx", "good.onnx", "--dim", "batch=1", "--baseline", "bad.json")
    assert fine.exit_code == 0
    assert "nothing got worse than in bad.json; 1 bad value less" in fine.stdout
