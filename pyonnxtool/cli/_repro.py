"""bisect --repro: the culprit in a folder of its own, as reduce writes it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pyonnxtool.cli._options import Output
    from pyonnxtool.report import BisectReport

COMMON = frozenset({"inputs", "samples", "seed", "shapes", "dims", "atol", "rtol", "ulp"}) | {
    *("memory", "only", "skip", "custom_ops"),
}

repro_option = click.option(
    "--repro",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the culprit as a model of its own, with its inputs, outputs, a program that shows "
    "the difference and a text for a bug report. --force replaces an earlier DIR.",
)


def check_repro(folder: Path | None, output: Output) -> None:
    """Refuse, before anything runs, a folder that may not be written. Raises UsageError."""
    from pyonnxtool.divergence.reduced.repro_folder import check_folder

    if folder is not None:
        check_folder(folder, force=output.force)


def write_culprit(
    folder: Path | None,
    report: BisectReport,
    subjects: tuple[str, str | None],
    output: Output,
    options: Mapping[str, Any],
) -> None:
    """Write the first culprit and say where it is; or say why there is nothing to write."""
    if folder is None:
        return
    from pyonnxtool.cli._reduce_text import print_written
    from pyonnxtool.cli._text import console
    from pyonnxtool.errors import PyonnxtoolError
    from pyonnxtool.reduction import reduce

    if not report.culprits:
        click.echo(f"nothing was written to {folder}: no node is to blame", err=True)
        return
    common = {name: value for name, value in options.items() if name in COMMON}
    try:
        reduced = reduce(
            *subjects,
            folder=folder,
            force=output.force,
            keep="diverges",
            near=report.culprits[0].outputs,
            **common,
        )
    except PyonnxtoolError as error:  # the verdict stands, and its exit code
        click.echo(f"nothing was written to {folder}: {error}", err=True)
        return
    if not output.quiet:
        in_text = output.format == "text" and output.file is None
        print_written(console() if in_text else console(sys.stderr), reduced)
