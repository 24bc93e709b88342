"""What runs models elsewhere: the highest opset that each release takes, and who says so.

One file a runtime. `releases` are in order; `source` is a page of the runtime's own makers that
says it, or the package that it was measured with, by loading models of every opset and IR version;
`date` is when that was looked at. Where no source tells the IR version it is null, and the one that
came with the opset is taken. A runtime that takes a file of any opset and looks at its operators
one by one, as OpenVINO does (2026.4 takes a Relu of opset 29), has no place here.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pyonnxtool.errors import UsageError

_MOST_CLOSE = 4


@dataclass(frozen=True)
class Runtime:
    """A release of something that runs ONNX models."""

    name: str
    """With its version: "onnxruntime-1.8"."""
    about: str
    """Whose it is, in words."""
    opset: int
    """The highest opset of ai.onnx that it takes."""
    ir_version: int | None
    """The highest IR version that it takes; null where no source says."""
    source: str
    """The page that says so, or the package that it was measured with."""
    how: str
    """Whether that is "documented" or "measured"."""
    date: str
    """When that was looked at."""


@dataclass(frozen=True)
class _Family:
    """All releases of one runtime, the oldest first."""

    name: str
    aliases: tuple[str, ...]
    releases: tuple[Runtime, ...]


def all_runtimes() -> Iterator[Runtime]:
    """By name, the releases of each from the oldest on."""
    for family in _families():
        yield from family.releases


def oldest_that_take(opset: int, ir_version: int) -> Iterator[Runtime]:
    """Of each runtime the oldest release that takes such a model; later ones do as well."""
    for family in _families():
        for one in family.releases:
            if one.opset >= opset and (one.ir_version is None or one.ir_version >= ir_version):
                yield one
                break


def find_runtime(name: str) -> Runtime:
    """The release of that name: "onnxruntime-1.8", "ort-1.8.1" (as 1.8), "TensorRT-8.6".

    Raises UsageError for another one, with names that are close.
    """
    given = name.strip().lower()
    for family in _families():
        for known in (family.name, *family.aliases):
            if given == known or given.startswith(f"{known}-"):
                return _release(family, given.removeprefix(known).lstrip("-"))
    names = [one.name for one in all_runtimes()]
    close = difflib.get_close_matches(given, names, n=_MOST_CLOSE)
    told = f"did you mean {', '.join(close)}? There" if close else "there"
    kinds = ", ".join(family.name for family in _families())
    raise UsageError(
        f"no runtime is called {name!r}; {told} are releases of {kinds}: pyonnxtool list runtimes"
    )


def _release(family: _Family, version: str) -> Runtime:
    """The release, or the one that a patch of it belongs to."""
    by_name = {one.name: one for one in family.releases}
    parts = version.split(".")
    for count in range(len(parts), 0, -1):
        found = by_name.get(f"{family.name}-{'.'.join(parts[:count])}")
        if found is not None:
            return found
    there = ", ".join(name.removeprefix(f"{family.name}-") for name in by_name)
    told = f"there is nothing known of its release {version!r}" if version else "which release"
    raise UsageError(f"{family.name}: {told}; known are {there}")


@cache
def _families() -> tuple[_Family, ...]:
    there = [entry for entry in files(__name__).iterdir() if entry.name.endswith(".json")]
    read = [json.loads(entry.read_text("utf-8")) for entry in there]
    return tuple(
        _Family(
            name=one["name"],
            aliases=tuple(one["aliases"]),
            releases=tuple(
                Runtime(
                    name=f"{one['name']}-{release['version']}",
                    about=one["about"],
                    opset=release["opset"],
                    ir_version=release["ir_version"],
                    source=release["source"],
                    how=release["how"],
                    date=one["date"],
                )
                for release in one["releases"]
            ),
        )
        for one in sorted(read, key=lambda one: str(one["name"]))
    )
