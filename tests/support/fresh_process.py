"""Python in a process of its own, which imports the same pyonnxtool as the tests do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyonnxtool


def run_python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs `python *arguments` in `cwd`: pass a temporary folder, since in the checkout the
    sources would hide an installed package."""
    home = Path(pyonnxtool.__file__).parent.parent
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
