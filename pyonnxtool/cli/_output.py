"""Where reports go: standard output, a file, and JSON beside it. Files are written whole or not."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click
from rich.console import Console

from pyonnxtool.cli._options import Output
from pyonnxtool.cli._text import WIDTH, console
from pyonnxtool.errors import UsageError

Draw = Callable[[Console], None]
Form = Callable[[], str]


def check_targets(output: Output, subjects: Sequence[str | None]) -> None:
    """Refuse, before anything runs, a file that may not be written. Raises UsageError."""
    if output.file and output.json and output.file.absolute() == output.json.absolute():
        raise UsageError(f"-o and --json both name {output.file}; give them different files")
    given = [text for text in subjects if text]
    read = [Path(path) for text in given for path in (text, text.rpartition("@")[0]) if path]
    for target in (output.file, output.json):
        if target is None:
            continue
        if not target.absolute().parent.is_dir():
            raise UsageError(f"{target}: there is no folder {target.absolute().parent}")
        if not target.exists():
            continue
        if any(path.exists() and path.samefile(target) for path in read):
            raise UsageError(f"{target} is what is compared; name another file for the report")
        if not output.force:
            raise UsageError(f"{target} exists; give --force to replace it, or another name")


def deliver(
    output: Output,
    to_json: Form,
    draw: Draw,
    verdict: Draw,
    documents: Mapping[str, Form] | None = None,
) -> None:
    """Write the report where the options say; standard output gets it, or only the verdict.

    `verdict` draws the one line that remains with --quiet or when the report goes to a file.
    """
    written = {"json": to_json, **(documents or {})}
    if output.json:
        write_whole(output.json, to_json() + "\n", force=output.force)
    if output.file:
        form = written.get(output.format)
        text = form().rstrip("\n") + "\n" if form else plain_text(draw)
        write_whole(output.file, text, force=output.force)
        if not output.quiet:
            verdict(console())
    elif output.format in written:
        click.echo(written[output.format]().rstrip("\n"))
    else:
        (verdict if output.quiet else draw)(console())


def plain_text(draw: Draw) -> str:
    """What `draw` draws, as a file holds it: no colour, 100 columns."""
    paper = io.StringIO()
    draw(console(paper, width=WIDTH))
    return paper.getvalue()


def write_whole(target: Path, text: str, *, force: bool) -> None:
    """Write a file through a temporary one in its folder, so that no half file is ever there."""
    try:
        handle, name = tempfile.mkstemp(dir=target.absolute().parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
            umask = os.umask(0)
            os.umask(umask)
            Path(name).chmod(0o666 & ~umask)  # mkstemp makes files that only their owner reads
            if target.exists() and not force:  # it has come since the options were checked
                raise FileExistsError
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except FileExistsError:
        raise UsageError(f"{target} exists; give --force to replace it, or another name") from None
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}") from error
