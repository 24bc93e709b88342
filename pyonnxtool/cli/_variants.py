"""`specialize --variant`: several sizes in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from pyonnxtool.cli._options import Output
from pyonnxtool.cli._output import deliver
from pyonnxtool.cli._progress import Progress
from pyonnxtool.cli._rewrite_options import Proof, Target
from pyonnxtool.cli._rewrite_text import SHOWN, checked, port_type, print_more, shrunk
from pyonnxtool.cli._sizes import Given, size_of, sizes_of
from pyonnxtool.cli._specialize_text import print_dynamic
from pyonnxtool.cli._text import facts, heading, size
from pyonnxtool.errors import UsageError
from pyonnxtool.feeds import required_inputs
from pyonnxtool.model import as_model
from pyonnxtool.variants import VariantsReport, specialize_variants
from pyonnxtool.wording import plural, printable


def write_variants(
    model: str,
    texts: Mapping[str, Mapping[str, str]],
    shapes: Mapping[str, Any],
    dims: Mapping[str, Any],
    target: Target,
    proof: Proof,
    output: Output,
    limits: Mapping[str, Any],
) -> int:
    """Make, check and write them all, and say so."""
    if target.path is None and not target.dry_run:
        raise UsageError("say where the variants go, for example -o sizes, or give --dry-run")
    loaded = as_model(model)
    inputs = {value.name for value in required_inputs(loaded)}
    variants = {
        name: {key: given(text, is_input=key in inputs) for key, text in sizes.items()}
        for name, sizes in texts.items()
    }
    with Progress(wanted=output.progress and not output.quiet) as progress:
        report = specialize_variants(
            loaded,
            None if target.dry_run else target.path,
            variants,
            shapes=shapes,
            dims=dims,
            weights=target.weights,
            force=target.force,
            progress=progress,
            **proof.arguments(),
            **limits,
        )
    deliver(
        output,
        report.to_json,
        lambda screen: print_variants(screen, report, verbose=output.verbose),
        lambda screen: screen.print(summary(report)),
    )
    return 0


def given(text: str, *, is_input: bool) -> Given:
    """The shape of an input, or the size of a dimension."""
    return sizes_of(text) if is_input else size_of(text)


def summary(report: VariantsReport) -> Text:
    """`specialized: 2 variants of model.onnx in sizes`."""
    line = Text("specialized", style="bold green")
    name = printable(Path(report.model).name)
    where = f" in {report.folder}" if report.folder else ""
    told = f": {plural(len(report.variants), 'variant')} of {name}{where}"
    return line.append(told, style="not bold default")


def print_variants(target: Console, report: VariantsReport, *, verbose: bool) -> None:
    """Each variant with its inputs and its proof, then the files."""
    limit = None if verbose else SHOWN
    target.print(summary(report))
    for one in report.variants:
        told = one.report
        heading(
            target, one.name, f"{shrunk(told.before, told.after)}, {checked(told.verification)}"
        )
        facts(target, [(f"  {port.name}", port_type(port)) for port in told.inputs[:limit]])
        print_more(target, len(told.inputs), limit)
        facts(target, [(f"  -> {port.name}", port_type(port)) for port in told.outputs[:limit]])
        print_more(target, len(told.outputs), limit)
        notes = told.verification.notes if told.verification else ()
        facts(target, [("  note", note) for note in notes])
        if told.dynamic:
            print_dynamic(target, told, limit)
    if report.folder:
        print_folder(target, report)


def print_folder(target: Console, report: VariantsReport) -> None:
    """The files, and how they are opened."""
    heading(target, f"Written to {printable(report.folder)}")
    folder = Path(report.folder)
    lines = [(f"  {name}", size((folder / name).stat().st_size)) for name in report.written]
    lines += [(f"  {name}", "linked to, not copied") for name in report.linked]
    facts(target, lines)
    target.print()
    call = f"pyonnxtool.ShapeRouter({str(folder)!r}).run(feeds)"
    target.print(Text("To run whichever size fits: ", style="dim").append(call, style="default"))
