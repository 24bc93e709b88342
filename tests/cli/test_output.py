"""Where reports go. Files are whole or not there, and no file is replaced unasked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.reports import bisect_report, diff_report

Answers = Callable[[str, Any], list[dict[str, Any]]]


def test_json_on_standard_output_is_only_json(run: Any, answers: Answers) -> None:
    answers("diff", diff_report())
    told = json.loads(run("diff", "a.onnx", "b.onnx", "--format", "json").stdout)
    assert told["schema"] == "pyonnxtool/diff/1"
    answers("bisect", bisect_report())
    told = json.loads(run("bisect", "a.onnx", "b.onnx", "--format", "json").stdout)
    assert told["schema"] == "pyonnxtool/bisect/1"
    assert told["culprits"][1]["accumulated"]["max_abs"] == "inf"


def test_text_and_json_at_once(run: Any, answers: Answers, tmp_path: Path) -> None:
    answers("diff", diff_report())
    text = run("diff", "a.onnx", "b.onnx").stdout
    result = run("diff", "a.onnx", "b.onnx", "--json", "report.json")
    assert result.stdout == text
    assert json.loads((tmp_path / "report.json").read_text())["verdict"] == "different"


def test_a_report_in_a_file_leaves_the_verdict_on_the_screen(
    run: Any, answers: Answers, tmp_path: Path
) -> None:
    answers("diff", diff_report())
    text = run("diff", "a.onnx", "b.onnx").stdout
    result = run("diff", "a.onnx", "b.onnx", "-o", "report.txt")
    assert result.exit_code == 1
    assert result.stdout.startswith("different: output `logits`")
    assert (tmp_path / "report.txt").read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["report.txt"]
    assert not run("diff", "a.onnx", "b.onnx", "-o", "second.txt", "-q").stdout


def test_json_in_a_file(run: Any, answers: Answers, tmp_path: Path) -> None:
    answers("bisect", bisect_report())
    run("bisect", "a.onnx", "b.onnx", "--format", "json", "-o", "verdict.json")
    assert json.loads((tmp_path / "verdict.json").read_text())["verdict"] == "fault"


@pytest.mark.parametrize("option", ["-o", "--json"])
def test_a_file_that_exists_is_kept(
    option: str, run: Any, answers: Answers, tmp_path: Path
) -> None:
    (tmp_path / "old").write_text("old")
    calls = answers("diff", diff_report())
    result = run("diff", "a.onnx", "b.onnx", option, "old")
    assert result.exit_code == 2
    assert result.stderr == "Error: old exists; give --force to replace it, or another name\n"
    assert (tmp_path / "old").read_text() == "old"
    assert not calls, "told before minutes of work, not after"

    assert run("diff", "a.onnx", "b.onnx", option, "old", "--force").exit_code == 1
    assert (tmp_path / "old").read_text() != "old"


def test_a_file_that_comes_meanwhile_is_kept(run: Any, tmp_path: Path, answers: Answers) -> None:
    from pyonnxtool.cli._output import write_whole
    from pyonnxtool.errors import UsageError

    (tmp_path / "new").write_text("theirs")
    with pytest.raises(UsageError, match="exists"):
        write_whole(tmp_path / "new", "ours", force=False)
    assert (tmp_path / "new").read_text() == "theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


@pytest.mark.parametrize("subject", ["m.onnx", "m.onnx@ort:none"])
def test_a_model_is_never_replaced_by_a_report(
    subject: str, run: Any, answers: Answers, tmp_path: Path
) -> None:
    (tmp_path / "m.onnx").write_text("model")
    answers("diff", diff_report())
    result = run("diff", subject, "b.onnx", "-o", "./m.onnx", "--force")
    assert result.exit_code == 2
    assert "m.onnx is what is compared" in result.stderr
    assert (tmp_path / "m.onnx").read_text() == "model"


def test_a_folder_that_is_not_there(run: Any, answers: Answers, tmp_path: Path) -> None:
    answers("diff", diff_report())
    result = run("diff", "a.onnx", "b.onnx", "-o", "none/report.txt")
    assert result.exit_code == 2
    assert f"there is no folder {tmp_path / 'none'}" in result.stderr


def test_one_file_for_two_reports(run: Any, answers: Answers) -> None:
    answers("diff", diff_report())
    result = run("diff", "a.onnx", "b.onnx", "-o", "report", "--json", "./report")
    assert result.exit_code == 2
    assert "-o and --json both name report" in result.stderr


def test_a_disk_that_is_full_is_told(
    run: Any, answers: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    answers("diff", diff_report())
    result = run("diff", "a.onnx", "b.onnx", "-o", "report.txt")
    assert result.exit_code == 2
    assert result.stderr == "Error: report.txt cannot be written: No space left on device\n"
    assert not list(tmp_path.iterdir())
