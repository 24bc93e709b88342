"""Take nodes out: what read their output reads one of their inputs."""

from __future__ import annotations

import click

from pyonnxtool.cli._options import Output, closing
from pyonnxtool.cli._rewrite_options import Proof, Target, check_files, edit_options


@click.command(
    short_help=__doc__,
    epilog=closing(
        "remove model.onnx -o out.onnx op:Dropout op:Identity",
        "remove model.onnx -o out.onnx '/head/*/Cast*'",
        "remove model.onnx -o out.onnx /gate/Mul --pass 0",
        codes="0 done; 1 refused; 2 usage or a bad model; 125 could not be verified.",
    ),
)
@click.argument("model")
@click.argument("nodes", nargs=-1, metavar="NODES...")
@click.option(
    "--pass",
    "passing",
    metavar="N|NAME",
    help="The input that is read instead: its number, or its name in the operator's schema. "
    "Without it: the only one that is no constant, or that is of the output's type.",
)
@edit_options
def command(
    model: str,
    nodes: tuple[str, ...],
    passing: str | None,
    target: Target,
    proof: Proof,
    output: Output,
) -> int:
    """Take nodes out: what read their output reads one of their inputs.

    NODES are names, globs, or operators: op:Dropout, op:vendor::Thing. The name of a value means
    the node that makes it. What only they needed goes with them, and outputs of the model keep
    their names. Refused where what is left would not fit together, with the reason, and nothing is
    written. Weights are not read.
    """
    from pyonnxtool.cli._edit_text import finish
    from pyonnxtool.cli._progress import Progress
    from pyonnxtool.surgery.remove import remove

    check_files("remove", model, target, output)
    target.check(model)
    with Progress(wanted=output.progress and not output.quiet) as progress:
        made = remove(model, nodes, passing=passing, progress=progress, **proof.arguments())
        report = target.write(made)
    return finish(report, output)
