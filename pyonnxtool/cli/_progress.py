"""A progress bar on stderr, shown only when someone waits for it."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

PATIENCE = 2.0  # seconds without a bar: one that only flashes is noise
SECOND = 1.0


class Progress:
    """Callable as `progress(stage, done, total)`; draws once `PATIENCE` seconds have passed."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted and sys.stderr.isatty()
        self._stage, self._done, self._total = "working", 0, 0
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._bar: Bar | None = None
        self._timer = threading.Timer(PATIENCE, self._show)
        self._timer.daemon = True

    def __enter__(self) -> Progress:
        if self._wanted:
            self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._wanted = False
            if self._bar is not None:
                self._bar.stop()
                self._bar = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        """What is being done, and how far. May be called from any thread."""
        with self._lock:
            self._stage, self._done, self._total = stage, done, total
            self._draw()

    def line(self, text: str) -> None:
        """A line of text on stderr, above the bar where there is one."""
        with self._lock:
            if self._bar is not None:
                self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
            else:
                print(text, file=sys.stderr, flush=True)

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            SpinnerColumn,
            TextColumn,
        )
        from rich.progress import Progress as Bar

        with self._lock:
            if not self._wanted:
                return
            self._bar = Bar(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=30),
                TextColumn("{task.fields[count]}"),
                TextColumn("{task.fields[seconds]:.0f} s", style="dim"),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.add_task(self._stage, total=None, count="", seconds=PATIENCE)
            self._bar.start()
            self._draw()
        while self._wanted:  # nobody else tells how long a step takes that does not report
            time.sleep(SECOND)
            with self._lock:
                self._draw()

    def _draw(self) -> None:
        if self._bar is not None:
            self._bar.update(
                self._bar.task_ids[0],
                description=self._stage,
                completed=self._done,
                total=self._total or None,
                count=f"{self._done:,}/{self._total:,}" if self._total else "",
                seconds=time.monotonic() - self._started,
            )
