"""Show or change what a model says of itself: producer, texts, pairs of key and value."""

from __future__ import annotations

from typing import Any

import click

from pyonnxtool.cli._options import Output, closing, stacked
from pyonnxtool.cli._pairs import entries
from pyonnxtool.cli._rewrite_options import Proof, Target, check_files, edit_options


def header_options(function: Any) -> Any:
    """What is to be said."""
    options = [
        click.option(
            "--set",
            "entries",
            metavar="KEY=VALUE",
            multiple=True,
            callback=entries,
            help="An entry of the metadata, new or instead of the one there. May be repeated.",
        ),
        click.option(
            "--remove",
            metavar="GLOB",
            multiple=True,
            help="Entries of the metadata to take away. May be repeated.",
        ),
        click.option(
            "--strip",
            is_flag=True,
            help="Take away doc strings and metadata of nodes, values, graphs and functions: "
            "exporters write stack traces there, with paths of whoever exported.",
        ),
        click.option(
            "--clear",
            is_flag=True,
            help="As --strip; also all metadata, producer, domain and doc string of the model. "
            "What the other options say is then said anew.",
        ),
        click.option("--producer", "producer_name", metavar="TEXT", help="Name of what made it."),
        click.option("--producer-version", metavar="TEXT", help="And its version."),
        click.option("--domain", metavar="TEXT", help="Domain of the model: com.example.nets."),
        click.option(
            "--model-version",
            type=click.IntRange(-(2**63), 2**63 - 1),
            metavar="N",
            help="Version of the model.",
        ),
        click.option("--doc", "doc_string", metavar="TEXT", help="What people are told."),
        click.option("--graph-name", metavar="TEXT", help="Name of the main graph."),
    ]
    return stacked(options, function)


@click.command(
    short_help=__doc__,
    epilog=closing(
        "metadata model.onnx",
        "metadata model.onnx -o out.onnx --set license=MIT --remove 'torch.*' --producer me",
        "metadata model.onnx -o clean.onnx --clear",
        codes="0 done; 1 refused; 2 usage or a bad model; 125 could not be verified.",
    ),
)
@click.argument("model")
@header_options
@edit_options
def command(
    model: str,
    target: Target,
    proof: Proof,
    output: Output,
    **wanted: Any,
) -> int:
    """Show or change what a model says of itself: producer, texts, pairs of key and value.

    Without an option it is shown. An empty text ('') takes a field away.
    """
    from pyonnxtool.cli._edit_text import finish
    from pyonnxtool.cli._header_text import show
    from pyonnxtool.cli._progress import Progress
    from pyonnxtool.surgery.metadata import metadata

    check_files("metadata", model, target, output)
    asked = any(one is not None and one not in ((), {}, False) for one in wanted.values())
    if not asked and target.path is None:
        parts = metadata(model, strip=True).report.changes
        return show(metadata(model).report, parts, output)
    target.check(model)
    with Progress(wanted=output.progress and not output.quiet) as progress:
        made = metadata(model, progress=progress, **wanted, **proof.arguments())
        report = target.write(made)
    return finish(report, output)
