"""Python in a process of its own, which imports the same pyonnxtool as the tests do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyonnxtool


def environment() -> dict[str, str]:
    """For a child that imports the package of these tests. Start it in a temporary folder: in the
    checkout the sources would come first, without the compiled module."""
    return {**os.environ, "PYTHONPATH": str(Path(pyonnxtool.__file__).parent.parent)}


def run_python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs `python *arguments` in `cwd`, which is not the checkout."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
