"""JSON Schemas (draft 2020-12) of everything that the tool writes as JSON.

A file `<name>-<version>.json` describes `pyonnxtool/<name>/<version>`, which such a document has in
its field `schema`. Fields may be added to a version; none is taken away or changes its meaning.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from pyonnxtool.errors import UsageError


def names() -> list[str]:
    """What there is: "diff", "bisect", ..., in alphabetical order."""
    return sorted(_files())


def load(name: str) -> dict[str, Any]:
    """The newest schema of that name. Raises UsageError, listing the names there are."""
    found = _files()
    if name not in found:
        raise UsageError(f"there is no schema called {name!r}; there are: {', '.join(names())}")
    schema: dict[str, Any] = json.loads(files(__name__).joinpath(found[name]).read_text("utf-8"))
    return schema


def _files() -> dict[str, str]:
    """Name to file; of several versions the newest."""
    there = [entry.name for entry in files(__name__).iterdir() if entry.name.endswith(".json")]
    versions = sorted(
        (name.rpartition("-")[0], int(name.rpartition("-")[2].removesuffix(".json")), name)
        for name in there
    )
    return {stem: name for stem, _, name in versions}
