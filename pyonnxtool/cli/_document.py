"""Reports as documents: HTML, JUnit and Markdown. Each form is one file, loaded when asked for."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import import_module, metadata

from pyonnxtool.cli._options import DOCUMENTS
from pyonnxtool.report import BisectReport, DiffReport

Report = DiffReport | BisectReport
PACKAGES = ("pyonnxtool", "onnx", "onnxruntime", "numpy")


@dataclass(frozen=True)
class Setting:
    """What a document says beside the report itself."""

    title: str
    """"diff" or "bisect"."""
    told: str
    """The verdict in a sentence, without its own word."""
    command: str
    """What was typed, for whoever wants to see it again."""
    inputs: str
    """Where the inputs come from."""
    text: Callable[[], str]
    """The report as a file of text: documents hold all of it, folded away."""
    proposal: str = ""
    """A command that tells more, where there is one."""


def forms(report: Report, setting: Setting) -> Mapping[str, Callable[[], str]]:
    """Each form of document to the function that makes it."""

    def made(form: str) -> Callable[[], str]:
        def render() -> str:
            text: str = import_module(f"pyonnxtool.cli._{form}").render(report, setting)
            return text

        return render

    return {form: made(form) for form in DOCUMENTS}


def versions() -> list[tuple[str, str]]:
    """The packages and the platform that made a report; read from metadata, nothing is loaded."""
    found = []
    for package in PACKAGES:
        try:
            found.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            continue
    return [*found, ("python", platform.python_version()), ("platform", platform.system())]


def now() -> datetime:
    """The time of the report, to the second."""
    return datetime.now(timezone.utc).replace(microsecond=0)
