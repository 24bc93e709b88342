"""Make values outputs of the model, or take outputs away."""

from __future__ import annotations

import click

from pyonnxtool.cli._options import Output, closing
from pyonnxtool.cli._rewrite_options import Proof, Target, check_files, edit_options


@click.command(
    short_help=__doc__,
    epilog=closing(
        "outputs model.onnx -o probed.onnx --add '*attn*'",
        "outputs model.onnx -o smaller.onnx --remove aux_logits",
        "outputs model.onnx -o model.onnx --only boxes --only scores",
        codes="0 done; 1 refused; 2 usage or a bad model; 125 could not be verified.",
    ),
)
@click.argument("model")
@click.option("--add", metavar="GLOB", multiple=True, help="Values to add. May be repeated.")
@click.option("--remove", metavar="GLOB", multiple=True, help="Outputs to take away, likewise.")
@click.option(
    "--only",
    metavar="GLOB",
    multiple=True,
    help="All that are to be outputs, in this order. May be repeated.",
)
@edit_options
def command(
    model: str,
    add: tuple[str, ...],
    remove: tuple[str, ...],
    only: tuple[str, ...],
    target: Target,
    proof: Proof,
    output: Output,
) -> int:
    """Make values outputs of the model, or take outputs away.

    Weights are not read. New outputs come last, in the order in which they are asked for; those of
    one GLOB in the order of the graph. Names may be of values inside functions, "<call>/<name>".
    All names: pyonnxtool inspect MODEL --shapes -v.
    """
    from pyonnxtool.cli._edit_text import finish
    from pyonnxtool.cli._progress import Progress
    from pyonnxtool.surgery.outputs import outputs

    check_files("outputs", model, target, output)
    target.check(model)
    with Progress(wanted=output.progress and not output.quiet) as progress:
        made = outputs(
            model, add=add, remove=remove, only=only, progress=progress, **proof.arguments()
        )
        report = target.write(made)
    return finish(report, output)
