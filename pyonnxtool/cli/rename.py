"""Give values, inputs, outputs and nodes other names."""

from __future__ import annotations

from typing import Any

import click

from pyonnxtool.cli._options import Output, closing, stacked
from pyonnxtool.cli._pairs import pairs_option
from pyonnxtool.cli._rewrite_options import Proof, Target, check_files, edit_options


def name_options(function: Any) -> Any:
    """What gets which name."""
    options = [
        pairs_option(
            "--input", "input_names", "Inputs: a name, or a GLOB whose * and ? are those of NEW."
        ),
        pairs_option("--output", "output_names", "Outputs, likewise."),
        pairs_option(
            "--value",
            "names",
            "Values of any kind, likewise: inputs, outputs, weights, results; in bodies and "
            "functions too.",
        ),
        pairs_option("--node", "node_names", "Nodes, likewise."),
        click.option(
            "--regex",
            is_flag=True,
            help="OLD is a regular expression; what it finds in a name is replaced by NEW, where "
            "\\1 is its first group.",
        ),
        click.option("--prefix", metavar="TEXT", default="", help="Put TEXT before every name."),
        click.option(
            "--plain",
            is_flag=True,
            help="Make every name an identifier: letters, digits and underscores. Names that "
            "would be equal get a number; nodes without a name get one.",
        ),
        click.option("--name-nodes", is_flag=True, help="Name nodes without a name: Conv_3."),
        click.option(
            "--keep-io",
            is_flag=True,
            help="Inputs and outputs keep their names, but for those in --input and --output.",
        ),
    ]
    return stacked(options, function)


@click.command(
    short_help=__doc__,
    epilog=closing(
        "rename model.onnx -o out.onnx --input x=images --output 'out_*=logits_*'",
        "rename model.onnx -o out.onnx --value '/backbone/*=bb_*' --node '/backbone/*=bb_*'",
        "rename model.onnx -o out.onnx --value '^block([0-9]+)[.]=b\\1_' --regex",
        "rename model.onnx -o out.onnx --plain --keep-io",
        codes="0 done; 1 refused; 2 usage or a bad model; 125 could not be verified.",
    ),
)
@click.argument("model")
@name_options
@edit_options
def command(
    model: str,
    target: Target,
    proof: Proof,
    output: Output,
    **wanted: Any,
) -> int:
    """Give values, inputs, outputs and nodes other names.

    A name that is exactly there stands for itself, also with brackets or stars in it. Two names may
    be exchanged (--value a=b --value b=a); that two would be one is an error. The report (--json)
    tells which value is which, and `diff old.onnx new.onnx --map report.json` reads it.
    """
    from pyonnxtool.cli._edit_text import finish
    from pyonnxtool.cli._progress import Progress
    from pyonnxtool.surgery.rename import rename

    check_files("rename", model, target, output)
    target.check(model)
    with Progress(wanted=output.progress and not output.quiet) as progress:
        made = rename(model, progress=progress, **wanted, **proof.arguments())
        report = target.write(made)
    return finish(report, output)
