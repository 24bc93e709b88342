"""`python -m pyonnxtool` is the same as `pyonnxtool`."""

from __future__ import annotations

from pyonnxtool.cli import main

if __name__ == "__main__":
    main(prog_name="pyonnxtool")
