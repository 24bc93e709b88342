"""Every ending has its exit code, and its text says whose fault it is."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.reports import bisect_report, diff_report
from pyonnxtool.errors import BackendError, ModelError, Refused, UsageError
from support.fresh_process import environment

Answers = Callable[[str, Any], list[dict[str, Any]]]


@pytest.mark.parametrize(
    ("verdict", "code"), [("same", 0), ("different", 1), ("inconclusive", 125)]
)
def test_verdicts_of_diff(verdict: str, code: int, run: Any, answers: Answers) -> None:
    answers("diff", diff_report(verdict))
    assert run("diff", "a.onnx", "b.onnx").exit_code == code


@pytest.mark.parametrize(
    ("verdict", "code"), [("same", 0), ("fault", 1), ("drift", 1), ("inconclusive", 125)]
)
def test_verdicts_of_bisect(verdict: str, code: int, run: Any, answers: Answers) -> None:
    answers("bisect", bisect_report(verdict))
    assert run("bisect", "a.onnx", "b.onnx").exit_code == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no input is called 'y'; there are: x"), 2),
        (ModelError("m.onnx: byte 12: field 7 is cut short"), 2),
        (BackendError("onnxruntime refused m.onnx: no kernel for Foo"), 125),
        (Refused("node `a` (Conv): its axis is computed at run time"), 1),
    ],
)
def test_errors_are_told_without_a_traceback(
    error: Exception, code: int, run: Any, answers: Answers
) -> None:
    answers("diff", error)
    result = run("diff", "a.onnx", "b.onnx")
    assert result.exit_code == code
    assert result.stderr == f"Error: {error}\n"
    assert not result.stdout


def test_out_of_memory_is_not_a_verdict(run: Any, answers: Answers) -> None:
    answers("diff", MemoryError())
    result = run("diff", "a.onnx", "b.onnx")
    assert (result.exit_code, result.stderr) == (
        125,
        "Error: out of memory; try a smaller --memory or model.\n",
    )


def test_a_bug_of_ours_is_told_as_one(run: Any, answers: Answers) -> None:
    answers("diff", ZeroDivisionError("division by zero"))
    result = run("diff", "a.onnx", "b.onnx")
    assert result.exit_code == 255
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith(
        "Bug in pyonnxtool, not in your model: ZeroDivisionError: division by zero (conftest.py:"
    )
    assert "Please report it" in result.stderr
    assert "with -v" in result.stderr


def test_the_traceback_of_a_bug_is_there_on_request(
    run: Any, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers("diff", ZeroDivisionError("division by zero"))
    assert "Traceback (most recent call last)" in run("diff", "a", "b", "-v").stderr
    monkeypatch.setenv("PYONNXTOOL_TRACEBACK", "1")
    result = run("diff", "a", "b")
    assert "Traceback (most recent call last)" in result.stderr
    assert result.exit_code == 255


def test_ctrl_c(run: Any, answers: Answers, tmp_path: Path) -> None:
    answers("diff", KeyboardInterrupt())
    result = run("diff", "a.onnx", "b.onnx", "-o", "report.txt")
    assert result.exit_code == 130
    assert "Interrupted" in result.stderr
    assert not result.stdout
    assert not list(tmp_path.iterdir())


SLOW_DIFF = """
import sys, time, types

def diff(*args, **options):
    print("ready", file=sys.stderr, flush=True)
    time.sleep(60)

sys.modules["pyonnxtool.diffing"] = types.SimpleNamespace(diff=diff)
from pyonnxtool.cli import main
main(["diff", "a.onnx", "b.onnx"])
"""


def test_a_real_interrupt(tmp_path: Path) -> None:
    import signal

    child = subprocess.Popen(
        [sys.executable, "-c", SLOW_DIFF],
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    assert child.stderr.readline() == "ready\n"
    started = time.monotonic()
    child.send_signal(signal.SIGINT)
    told = child.communicate()[1]
    assert child.returncode == 130
    assert "Traceback" not in told
    assert time.monotonic() - started < 10


LONG_LIST = """
import sys, types
from pyonnxtool.report import DiffReport, ValueRow

rows = tuple(ValueRow(f"v{i}", "v", "n", "Conv", "float32", (1,), "ok") for i in range(5000))
sys.modules["pyonnxtool.diffing"] = types.SimpleNamespace(
    diff=lambda *args, **options: DiffReport("same", "a", "b", values=rows)
)
from pyonnxtool.cli import main
main(["diff", "a.onnx", "b.onnx", "--rows", "all"])
"""


def test_a_reader_that_leaves_early(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", LONG_LIST],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    child.stdout.readline()
    child.stdout.close()
    assert child.stderr is not None
    told = child.stderr.read()
    child.stderr.close()
    assert child.wait(60) == 141
    assert told == ""


def test_a_terminal_without_unicode(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", LONG_LIST.replace('f"v{i}"', "'värde' * 30")],
        cwd=tmp_path,
        env=environment() | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert b"v\\xe4rde" in result.stdout
