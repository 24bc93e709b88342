"""Progress: on stderr, on a terminal only, and only when it takes long."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable

import pytest

from pyonnxtool.cli import _progress
from pyonnxtool.cli._progress import Progress

Attach = Callable[[io.StringIO], None]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def attach(monkeypatch: pytest.MonkeyPatch) -> Attach:
    """Makes a stream standard error; to call in the test, since pytest sets its own before it."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(_progress, "PATIENCE", 0.05)
    return lambda stream: monkeypatch.setattr(sys, "stderr", stream)


def report(progress: Progress, seconds: float, until: Callable[[], bool] = bool) -> None:
    """Report a step for some time; with `until`, at most for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        progress("values", 3, 812)
        time.sleep(0.02)


def test_a_long_run_shows_its_stage(attach: Attach) -> None:
    attach(screen := Terminal())
    with Progress(wanted=True) as progress:
        report(progress, 20, until=lambda: "3/812" in screen.getvalue())
    assert "values" in screen.getvalue()
    assert "3/812" in screen.getvalue()


def test_a_short_run_shows_nothing(attach: Attach, monkeypatch: pytest.MonkeyPatch) -> None:
    attach(screen := Terminal())
    monkeypatch.setattr(_progress, "PATIENCE", 5.0)
    with Progress(wanted=True) as progress:
        report(progress, 0.1)
    assert screen.getvalue() == ""


def test_not_when_it_is_not_wanted(attach: Attach) -> None:
    attach(screen := Terminal())
    with Progress(wanted=False) as progress:
        report(progress, 0.2)
    assert screen.getvalue() == ""


def test_not_without_a_terminal(attach: Attach) -> None:
    attach(paper := io.StringIO())
    with Progress(wanted=True) as progress:
        report(progress, 0.2)
    assert paper.getvalue() == ""


def test_the_cursor_is_back_after_an_error(attach: Attach) -> None:
    attach(screen := Terminal())
    with pytest.raises(KeyboardInterrupt), Progress(wanted=True) as progress:
        report(progress, 20, until=lambda: "3/812" in screen.getvalue())
        raise KeyboardInterrupt
    hidden, shown = "\x1b[?25l", "\x1b[?25h"
    assert screen.getvalue().rindex(shown) > screen.getvalue().rindex(hidden)
