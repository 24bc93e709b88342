"""Runs a process and measures it from outside: time, and memory split by what it holds."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SECONDS = 0.003


@dataclass(frozen=True)
class Measured:
    """Seconds and MB, sampled: `rss` is the peak of resident memory, mapped files included; `anon`
    and `file` are the peaks of private memory and of mapped files alone.

    The kernel's count for a child that has ended is no use: it starts with its parent's peak."""

    code: int
    wall: float
    cpu: float
    rss: float
    anon: float
    file: float
    log: str


def measured(command: Sequence[object], log: Path, timeout: float) -> Measured:
    """The process, run to its end, or killed after `timeout` seconds (then its code is -9)."""
    started = time.perf_counter()
    with log.open("wb") as sink:
        process = subprocess.Popen([str(item) for item in command], stdout=sink, stderr=sink)
    watch = _Watch(process.pid)
    killer = threading.Timer(timeout, process.kill)
    killer.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    killer.cancel()
    watch.stop()
    return Measured(
        code=process.returncode,
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        rss=watch.peak / 1024,
        anon=watch.anon / 1024,
        file=watch.file / 1024,
        log=log.read_text(errors="replace").strip()[-800:],
    )


class _Watch(threading.Thread):
    """Samples the memory of a process, in kB, until told to stop."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = self.anon = self.file = 0
        self._status = Path(f"/proc/{pid}/status")
        self._done = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._done.wait(SAMPLE_SECONDS):
            try:
                text = self._status.read_text()
            except OSError:
                return
            lines = [line.split() for line in text.splitlines() if line.endswith("kB")]
            sizes = {name: int(size) for name, size, _ in lines}
            self.peak = max(self.peak, sizes.get("VmHWM:", 0))
            self.anon = max(self.anon, sizes.get("RssAnon:", 0) + sizes.get("RssShmem:", 0))
            self.file = max(self.file, sizes.get("RssFile:", 0))

    def stop(self) -> None:
        self._done.set()
        self.join()
