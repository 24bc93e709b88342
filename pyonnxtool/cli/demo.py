"""Make a good and a silently wrong model, find the wrong node, explain every step."""

from __future__ import annotations

import shlex
import tempfile
from dataclasses import replace
from pathlib import Path

import click

from pyonnxtool.cli._options import closing, verbose_option


@click.command(
    short_help=__doc__,
    epilog=closing(
        "demo",
        "demo --keep demo-models",
        codes="0 the planted node was found; 255 it was not: our bug.",
    ),
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the two models to DIR and leave them there, to try more commands on.",
)
@click.option("--force", is_flag=True, help="Replace the models of DIR when they exist.")
@verbose_option
def command(keep: Path | None, force: bool, verbose: bool) -> int:
    """Make a good and a silently wrong model, find the wrong node, explain every step.

    Takes a few seconds and leaves nothing behind unless --keep is given.
    """
    from pyonnxtool.errors import UsageError

    if keep is None:
        with tempfile.TemporaryDirectory(prefix="pyonnxtool-demo-") as folder:
            return tell(Path(folder), kept=False, verbose=verbose)
    there = [path for path in (keep / "good.onnx", keep / "bad.onnx") if path.exists()]
    if there and not force:
        raise UsageError(f"{there[0]} exists; give --force to replace it, or another folder")
    try:
        keep.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{keep} cannot be made: {error.strerror}") from error
    return tell(keep, kept=True, verbose=verbose)


def tell(folder: Path, *, kept: bool, verbose: bool) -> int:
    """Run diff, then bisect, on a planted defect; 0 when the planted node is the one named."""
    from pyonnxtool.bisection import bisect
    from pyonnxtool.cli._bisect_text import print_bisect
    from pyonnxtool.cli._demo_model import PLANTED, write_pair
    from pyonnxtool.cli._demo_text import Story
    from pyonnxtool.cli._diff_text import View, print_diff
    from pyonnxtool.cli._text import console
    from pyonnxtool.diffing import diff

    story = Story(console())
    good, bad = (str(path) for path in write_pair(folder))
    one, two = (good, bad) if kept else ("good.onnx", "bad.onnx")  # a folder that goes is no news
    names = shlex.join((one, two))
    story.pair(PLANTED)

    found = replace(diff(good, bad, dims={"batch": 1}), reference=one, candidate=two)
    story.command(f"pyonnxtool diff {names} --dim batch=1")
    view = View(inputs="generated, seed 0", again=f"{names} --dim batch=1", verbose=verbose)
    print_diff(story.target, found, view)
    story.after_diff()

    named = replace(bisect(good, bad, dims={"batch": 1}), reference=one, candidate=two)
    story.command(f"pyonnxtool bisect {names} --dim batch=1")
    print_bisect(story.target, named, verbose=verbose)
    right = found.verdict == "different" and [c.node for c in named.culprits] == [PLANTED]
    story.end(right, PLANTED, names if kept else "")
    return 0 if right else 255
