"""Bring a model to another opset, for a runtime that lags behind."""

from __future__ import annotations

import click

from pyonnxtool.cli._options import Output, closing
from pyonnxtool.cli._rewrite_options import Proof, Target, check_files, rewrite_options


@click.command(
    short_help=__doc__,
    epilog=closing(
        "opset model.onnx -o out.onnx --to 13",
        "opset model.onnx --to 11 --dry-run",
        codes="0 done; 1 refused; 2 usage or a bad model; 125 could not be verified.",
    ),
)
@click.argument("model")
@click.option("--to", metavar="N", type=int, required=True, help="Opset of ai.onnx.")
@rewrite_options
def command(model: str, to: int, target: Target, proof: Proof, output: Output) -> int:
    """Bring a model to another opset, for a runtime that lags behind.

    Each operator goes down one version at a time, by what its schema says has changed: attributes
    and inputs change places, what is missing is built of what there is, and dtypes that are not
    taken are cast where no value changes by it. What has no equal is refused, all of it at once,
    and nothing is written.

    Both models are run and compared before anything is written.
    """
    from pyonnxtool.cli._opset_text import print_opset, summary
    from pyonnxtool.cli._output import deliver
    from pyonnxtool.cli._progress import Progress
    from pyonnxtool.conversion import opset

    check_files("opset", model, target, output)
    target.check(model)
    proven = proof.arguments()
    if target.dry_run:
        proven["verify"] = 0
    with Progress(wanted=output.progress and not output.quiet) as progress:
        rewrite = opset(model, to, progress=progress, **proven)
    report = target.write(rewrite)
    deliver(
        output,
        report.to_json,
        lambda screen: print_opset(screen, report, verbose=output.verbose),
        lambda screen: screen.print(summary(report), soft_wrap=True),
    )
    return 0
