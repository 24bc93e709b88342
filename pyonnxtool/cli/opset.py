"""Bring a model to another opset, for a runtime that lags behind."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

import click

from pyonnxtool.cli._options import Output, closing
from pyonnxtool.cli._rewrite_options import Proof, Target, check_files, rewrite_options

if TYPE_CHECKING:
    from pyonnxtool.cli._progress import Progress
    from pyonnxtool.errors import Refused

_MOST_SIZES = 4
"""That are named in the advice."""


@click.command(
    short_help=__doc__,
    epilog=closing(
        "opset model.onnx -o out.onnx --to 13",
        "opset model.onnx -o out.onnx --runtime onnxruntime-1.8",
        "opset model.onnx --to 11 --dry-run",
        "list runtimes",
        codes="0 done; 1 refused; 2 usage or a bad model; 125 could not be verified.",
    ),
)
@click.argument("model")
@click.option("--to", metavar="N", type=int, help="Opset of ai.onnx.")
@click.option(
    "--runtime",
    metavar="NAME-VERSION",
    help="What is to run it, such as onnxruntime-1.8: the highest opset and IR version that it "
    "takes, or those of MODEL where they are lower. `list runtimes` tells what is known.",
)
@rewrite_options
def command(
    model: str,
    to: int | None,
    runtime: str | None,
    target: Target,
    proof: Proof,
    output: Output,
) -> int:
    """Bring a model to another opset, for a runtime that lags behind.

    Each operator goes down one version at a time, by what its schema says has changed: attributes
    and inputs change places, what is missing is built of what there is, and dtypes that are not
    taken are cast where no value changes by it. What has no equal is refused, all of it at once,
    and nothing is written. To a higher opset, nodes that changed go through the onnx package's
    converter.

    Both models are run and compared before anything is written.
    """
    from pyonnxtool.cli._opset_text import print_opset, summary
    from pyonnxtool.cli._output import deliver
    from pyonnxtool.cli._progress import Progress
    from pyonnxtool.conversion import opset
    from pyonnxtool.errors import Refused, UsageError

    if (to is None) == (runtime is None):
        told = "give one of them" if to is not None else "say to which opset"
        raise UsageError(f"{told}: --to 13, or --runtime onnxruntime-1.8")
    goal = to if to is not None else runtime
    assert goal is not None
    check_files("opset", model, target, output)
    target.check(model)
    proven = proof.arguments()
    if target.dry_run:
        proven["verify"] = 0
    with Progress(wanted=output.progress and not output.quiet) as progress:
        try:
            rewrite = opset(model, goal, progress=progress, **proven)
        except Refused as error:
            raise advised(error, model, goal, progress) from error
    report = target.write(rewrite)
    deliver(
        output,
        report.to_json,
        lambda screen: print_opset(screen, report, verbose=output.verbose),
        lambda screen: screen.print(summary(report), soft_wrap=True),
    )
    return 0


def advised(error: Refused, model: str, goal: int | str, progress: Progress) -> Refused:
    """The error with what would help, where the way down is what was refused."""
    from pyonnxtool.binding import open_sizes
    from pyonnxtool.conversion import goal_of, imported, lowest_reached
    from pyonnxtool.errors import Refused
    from pyonnxtool.model import as_model

    given = as_model(model)
    lowest = lowest_reached(given, goal_of(given, goal), progress)
    if lowest is None:
        return error
    lines = [f"the lowest opset that is reached is {lowest}: --to {lowest}"]
    if lowest == imported(given):
        lines = [f"no opset below {lowest}, which is its own, is reached"]
    if sizes := open_sizes(given):
        lines.append(
            f"sizes of it are open ({', '.join(list(sizes)[:_MOST_SIZES])}); with fixed ones more "
            f"may be possible: pyonnxtool specialize {quote(model)} -o fixed.onnx --dim NAME=SIZE"
        )
    told = "".join(f"\n  {line}" for line in lines)
    return Refused(f"{error}\nWhat would help:{told}", error.refusals, [])
