"""What the README shows exists: commands, options, exit codes, schemas."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from pyonnxtool.cli import main

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
# As main makes it: a command keeps the help option that it is first asked with.
CONTEXT = click.Context(main, **main.context_settings)
SHOWN = sorted(set(re.findall(r"(?:^\$ |`)pyonnxtool ([a-z][^`\n]*)", README, re.MULTILINE)))


def command_of(name: str) -> click.Command:
    command = main.get_command(CONTEXT, name)
    assert command is not None, f"README shows the command {name}"
    return command


def flags(command: click.Command) -> set[str]:
    return {flag for param in command.params for flag in param.opts} | {"-h", "--help"}


@pytest.mark.parametrize("line", SHOWN)
def test_commands_that_it_shows_parse(line: str) -> None:
    name, *words = shlex.split(line)
    command = command_of(name)
    assert {word.partition("=")[0] for word in words if word[0] == "-"} <= flags(command)
    command.make_context(name, words, parent=CONTEXT, resilient_parsing=True)


def test_it_shows_every_command() -> None:
    assert {line.split()[0] for line in SHOWN} == set(main.list_commands(CONTEXT))
    assert all(f"### {name}: " in README for name in main.list_commands(CONTEXT))


def test_options_that_it_names_exist() -> None:
    # What stands before this are the options of the commands; after it, those of other tools.
    own, _, _ = README.partition("\n## Design")
    named = set(re.findall(r"`(--[a-z][a-z0-9-]*)", own))
    known = set().union(*(flags(command_of(name)) for name in main.list_commands(CONTEXT)))
    assert named <= known | {"--version"}
    assert {"--inputs", "--samples", "--seed", "--shape", "--dim", "--force"} <= named


def test_the_two_lines() -> None:
    assert (
        "    python -m venv .venv && .venv/bin/pip install . && .venv/bin/pyonnxtool demo" in README
    )
    assert "    .venv/bin/pip install '.[test]' && .venv/bin/pytest" in README


BLOCKS = re.findall(r"```\n\$ pyonnxtool ([^\n]*)\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize(("line", "output"), BLOCKS, ids=[line for line, _ in BLOCKS])
def test_outputs_that_it_shows_are_real(line: str, output: str, run: Any) -> None:
    assert run("demo", "--keep", ".").exit_code == 0
    told = run(*shlex.split(line)).stdout
    if line.split(maxsplit=1)[0] in ("inspect", "list"):
        assert told == output
    else:  # the last digits are those of one machine
        assert ends_of_lines(told) == ends_of_lines(output)


def ends_of_lines(text: str) -> list[tuple[str, str]]:
    """First and last word of each line, which hold no measured number."""
    return [(line.split()[0], line.split()[-1]) for line in text.splitlines() if line.strip()]


def test_the_python_that_it_shows_runs(run: Any, tmp_path: Path, capsys: Any) -> None:
    assert run("demo", "--keep", ".").exit_code == 0
    code = "\n".join(re.findall(r"```python\n(.*?)```", README, re.DOTALL))
    exec(code, {})
    told = capsys.readouterr().out
    assert told.startswith("different ['layer2.bn.out']\nlayer2.bn attribute epsilon differs")
    assert (tmp_path / "linked.onnx").stat().st_size < 8192
