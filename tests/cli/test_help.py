"""--help: fast, without the heavy packages, complete, and within 100 columns."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from pyonnxtool.cli import main, summary_of
from support.fresh_process import run_python

NAMES = main.list_commands(click.Context(main))
HEAVY = "numpy", "onnx", "onnxruntime", "rich"


def test_commands_are_the_files() -> None:
    assert {"bisect", "demo", "diff", "inspect", "list"} <= set(NAMES)
    assert not any(name.startswith("_") for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_help_of_each_command(name: str, run: Any, golden: Callable[[str, str], None]) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert "Examples:" in result.stdout
    assert "Exit codes:" in result.stdout
    golden(f"help_{name}", result.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_the_list_of_commands_says_what_their_help_says(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert summary_of(name) == (command.short_help or "").partition("\n")[0]
    assert summary_of(name) == (command.help or "").partition("\n")[0]


def test_help_of_the_whole(run: Any, golden: Callable[[str, str], None]) -> None:
    golden("help", run("--help").stdout)
    assert run("-h").stdout == run("--help").stdout


@pytest.mark.parametrize("words", [["--help"], ["diff", "--help"]])
def test_help_imports_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pyonnxtool.cli import main\n"
        f"try:\n    main({words})\nexcept SystemExit:\n    pass\n"
        f"print('loaded', [name for name in {HEAVY} if name in sys.modules])\n"
        "print('commands', [name for name in sys.modules if name.startswith('pyonnxtool.cli.')])\n"
    )
    told = run_python("-c", code, cwd=tmp_path)
    assert "loaded []" in told.stdout, told.stderr
    if words == ["--help"]:
        assert "commands []" in told.stdout


def test_help_is_fast(tmp_path: Path) -> None:
    def once() -> float:
        before = os.times()
        assert run_python("-m", "pyonnxtool", "--help", cwd=tmp_path).returncode == 0
        after = os.times()
        used = after.children_user - before.children_user
        return used + after.children_system - before.children_system

    # Seconds of processor, not of the clock: the machine may be busy with something else.
    assert min(once() for _ in range(5)) < 0.3


def test_version(run: Any) -> None:
    told = run("--version")
    assert told.exit_code == 0
    assert re.search(r"^onnxruntime \d", told.stdout, re.MULTILINE)
    assert told.stdout.startswith("pyonnxtool ")


def test_python_m(tmp_path: Path) -> None:
    assert run_python("-m", "pyonnxtool", "--help", cwd=tmp_path).stdout.startswith(
        "Usage: pyonnxtool [OPTIONS] COMMAND"
    )
