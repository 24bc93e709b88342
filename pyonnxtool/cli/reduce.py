"""Cut a model down to the few nodes that still show what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pyonnxtool.cli._options import (
    Output,
    closing,
    comparison_options,
    stacked,
    text_or_json_options,
    verbose_option,
)


def reduce_options(function: Any) -> Any:
    """What to keep, and where the result goes."""
    options = [
        click.option(
            "-o",
            "folder",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="DIR",
            help="Folder to write; without it, the model's name with _reduced after it.",
        ),
        click.option(
            "--while",
            "keep",
            type=click.Choice(["auto", "diverges", "crashes", "nan"]),
            default="auto",
            show_default=True,
            help="What the smaller model has to show; auto: what the whole one does.",
        ),
        click.option(
            "--check",
            metavar="CMD",
            help="Let a command decide: exit code 0 is good (no bug), 125 skips, any other is "
            "still bad. {model} and {inputs} stand for an .onnx and an .npz file.",
        ),
        click.option(
            "--timeout",
            type=click.FloatRange(min=0, min_open=True),
            metavar="SECONDS",
            default=120.0,
            show_default=True,
            help="A run that takes longer hangs.",
        ),
        text_or_json_options,
        click.option("--force", is_flag=True, help="Replace an earlier DIR, and FILE."),
        click.option("-q", "--quiet", is_flag=True, help="Print one line only."),
        verbose_option,
        click.option("--no-progress", is_flag=True, help="Print no line for each run."),
    ]
    return stacked(options, function)


@click.command(
    short_help=__doc__,
    epilog=closing(
        "reduce good.onnx bad.onnx -o repro",
        "reduce model.onnx@ort:none model.onnx@ort:all --inputs feeds.npz",
        "reduce model.onnx --while crashes",
        "reduce model.onnx --check 'python compiles.py {model}' -o repro",
        codes="0 reduced; 2 usage, a bad model, or nothing to reduce; 125 could not be judged.",
    ),
)
@comparison_options
@reduce_options
def command(
    reference: str,
    candidate: str | None,
    folder: Path | None,
    form: str,
    json: Path | None,
    force: bool,
    quiet: bool,
    verbose: bool,
    no_progress: bool,
    **options: Any,
) -> int:
    """Cut a model down to the few nodes that still show what is wrong.

    Nodes are taken out as long as the outputs of the two subjects still differ (or, with one
    subject, as long as it still crashes or gives NaN). What the rest reads from them becomes an
    input, fed with the values that the reference had. The result is 1-minimal: without any one
    of its nodes the bug is gone.

    DIR gets model.onnx, its inputs and outputs as ONNX backend-test data, repro.py, which needs
    only the runtime, numpy and onnx, and ISSUE.md, a text for a bug report. REF and CAND are
    written as for diff.
    """
    from pyonnxtool.cli._output import check_targets, deliver
    from pyonnxtool.cli._reduce_text import Lines, print_reduce, summary
    from pyonnxtool.reduction import reduce

    output = Output(form, None, json, force, quiet, verbose, not no_progress)
    check_targets(output, (reference, candidate))
    target = folder or default_folder(candidate or reference)
    lines = Lines(wanted=not (quiet or no_progress))
    report = reduce(reference, candidate, folder=target, force=force, told=lines, **options)
    deliver(
        output,
        report.to_json,
        lambda screen: print_reduce(screen, report, verbose=verbose),
        lambda screen: screen.print(summary(report)),
    )
    return 0


def default_folder(subject: str) -> Path:
    """`bert_reduced` for models/bert.onnx@ort:all, in the current folder."""
    path = Path(subject if Path(subject).exists() else subject.rpartition("@")[0] or subject)
    return Path(f"{path.stem}_reduced")
