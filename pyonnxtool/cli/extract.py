"""Cut a part out of a model: from some values to some others."""

from __future__ import annotations

import click

from pyonnxtool.cli._options import Output, closing
from pyonnxtool.cli._rewrite_options import Proof, Target, check_files, cut_options


def _types(_ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """`h=float32[1,n]` gives {"h": "float32[1,n]"}."""
    types = {}
    for text in texts:
        name, found, wanted = text.rpartition("=")
        if not found or not name or not wanted:
            raise click.BadParameter(
                f"{text!r} is not NAME=TYPE; write a value and its type, such as h=float32[1,n]"
            )
        types[name] = wanted
    return types


@click.command(
    short_help=__doc__,
    epilog=closing(
        "extract model.onnx -o head.onnx --inputs /layer4/Relu_output_0",
        "extract model.onnx -o block.onnx --inputs 'h3' --outputs 'h4' --shapes recorded",
        "extract model.onnx -o one.onnx --outputs logits --feeds inputs.npz",
        codes="0 done; 1 refused; 2 usage or a bad model; 125 could not be verified.",
    ),
)
@click.argument("model")
@click.option(
    "--inputs",
    "given",
    metavar="GLOB",
    multiple=True,
    help="Values that the part begins with; without it, the inputs of MODEL. May be repeated.",
)
@click.option(
    "--outputs",
    "wanted",
    metavar="GLOB",
    multiple=True,
    help="Values that it ends with; without it, the outputs of MODEL. May be repeated.",
)
@click.option(
    "--shapes",
    type=click.Choice(["inferred", "recorded"]),
    default="inferred",
    show_default=True,
    help="Where the shapes of new inputs and outputs come from. recorded: MODEL is run once.",
)
@click.option(
    "--type",
    "types",
    metavar="NAME=TYPE",
    multiple=True,
    callback=_types,
    help="Type of an input or output, such as h=float32[1,n]. May be repeated.",
)
@cut_options
def command(
    model: str,
    given: tuple[str, ...],
    wanted: tuple[str, ...],
    shapes: str,
    types: dict[str, str],
    target: Target,
    proof: Proof,
    output: Output,
) -> int:
    """Cut a part out of a model: from some values to some others.

    Names may be of values inside functions, "<call>/<name>". Weights are not read. With --samples
    or --feeds MODEL is run, and the part on what its inputs had in that run.
    """
    from pyonnxtool.cli._edit_text import finish
    from pyonnxtool.cli._progress import Progress
    from pyonnxtool.surgery.extract import extract

    check_files("extract", model, target, output)
    target.check(model)
    arguments = proof.arguments()
    feeds = arguments.pop("inputs")
    with Progress(wanted=output.progress and not output.quiet) as progress:
        made = extract(
            model,
            inputs=given,
            outputs=wanted,
            types=types,
            shapes=shapes,
            feeds=feeds,
            progress=progress,
            **arguments,
        )
        report = target.write(made)
    return finish(report, output)
