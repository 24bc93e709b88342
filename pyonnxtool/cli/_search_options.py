"""Options of a search that goes run by run."""

from __future__ import annotations

from typing import Any

import click

from pyonnxtool.cli._options import Function, stacked


def search_options(function: Function) -> Function:
    """How bisect searches, and what it keeps of its runs."""
    options: list[Any] = [
        click.option(
            "--by",
            type=click.Choice(["auto", "values", "splice", "pass"]),
            default="auto",
            show_default=True,
            help="How to search. `values` gives each node the reference's values and compares what "
            "it makes of them. `splice` puts parts of the candidate in the reference's place and "
            "judges the final outputs only. `pass` names the onnxruntime optimizers without which "
            "the outputs agree. `auto` takes values, and the others where watching values hides "
            "the difference or one model is run with two sets of optimizations.",
        ),
        click.option(
            "--all",
            "all_faults",
            is_flag=True,
            help="Go on after the first fault: `values` lists all of them anyway, `splice` repairs "
            "what it has found and continues until the outputs agree.",
        ),
        click.option(
            "--journal",
            metavar="FILE",
            type=click.Path(dir_okay=False),
            help="Note every run of splice and pass in a new FILE, as lines of JSON.",
        ),
        click.option(
            "--resume",
            metavar="FILE",
            type=click.Path(dir_okay=False),
            help="Continue from the journal of the same comparison: no run is done twice.",
        ),
        click.option(
            "--max-runs",
            metavar="N",
            type=click.IntRange(min=1),
            help="Stop splice and pass after N runs, and say what is known by then.",
        ),
        click.option(
            "--timeout",
            metavar="SECONDS",
            type=click.FloatRange(min=0, min_open=True),
            help="Do each run of splice and pass in a process of its own: one that crashes or "
            "takes longer than this is skipped.",
        ),
    ]
    return stacked(options, function)
