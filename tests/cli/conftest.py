"""Running the command line in this process, and comparing what it prints with a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

GOLDEN = Path(__file__).resolve().parents[2] / "fixtures" / "golden" / "cli"

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run `pyonnxtool ...` in an empty folder; nothing of the terminal around changes it."""
    from pyonnxtool.cli import main

    monkeypatch.setenv("COLUMNS", "100")
    for name in ("NO_COLOR", "FORCE_COLOR", "PYONNXTOOL_TRACEBACK", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, list(arguments), prog_name="pyonnxtool")

    return invoke


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[str, str], Path]:
    """`saved("net", text)`: the model of a text as net.onnx."""

    def save(name: str, text: str) -> Path:
        import onnx

        path = tmp_path / f"{name}.onnx"
        onnx.save(onnx.parser.parse_model(text), path)
        return path

    return save


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], list[dict[str, Any]]]:
    """`answers("diff", report)`: the API of that name returns `report`, or raises it.

    Gives the list of the calls, each the dictionary of its arguments.
    """

    def install(name: str, answer: Any) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = []

        def api(reference: str, candidate: str | None = None, **options: Any) -> Any:
            calls.append({"reference": reference, "candidate": candidate, **options})
            if isinstance(answer, BaseException):
                raise answer
            return answer

        module = {"diff": "pyonnxtool.diffing", "bisect": "pyonnxtool.bisection"}[name]
        monkeypatch.setitem(sys.modules, module, SimpleNamespace(**{name: api}))
        return calls

    return install


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with fixtures/golden/cli/NAME.txt; WRITE_GOLDEN=1 writes it instead."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / f"{name}.txt"
        if os.environ.get("WRITE_GOLDEN"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        assert text == path.read_text()
        assert max(map(len, text.splitlines())) <= 100

    return compare
