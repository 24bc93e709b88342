"""Change element types, sizes and order of inputs and outputs."""

from __future__ import annotations

from typing import Any

import click

from pyonnxtool.cli._options import Output, closing, stacked
from pyonnxtool.cli._ports import dims, dtypes, names, shapes
from pyonnxtool.cli._rewrite_options import Proof, Target, check_files, edit_options


def border_options(function: Any) -> Any:
    """What goes in and out, and how."""
    options = [
        click.option(
            "--dtype",
            "dtypes",
            metavar="GLOB=TYPE",
            multiple=True,
            callback=dtypes,
            help="Element type of an input or output, such as x=uint8; a Cast goes between it and "
            "the graph. A glob, such as '*=float16', takes those of the same kind: floats, or "
            "integers. May be repeated.",
        ),
        click.option(
            "--shape",
            "shapes",
            metavar="GLOB=SIZES",
            multiple=True,
            callback=shapes,
            help="Sizes of an input or output: numbers, names, or ? for any, such as "
            "x=batch,3,224,224. May be repeated.",
        ),
        click.option(
            "--dim",
            "dims",
            metavar="NAME=SIZE",
            multiple=True,
            callback=dims,
            help="A named size, wherever it stands, as another name, a number or ?, such as "
            "batch=N; or one axis of an input or output, such as 'x[0]=batch'. May be repeated.",
        ),
        click.option(
            "--input-order",
            metavar="NAMES",
            callback=names,
            help="Inputs that come first, in this order: names or globs with commas between them.",
        ),
        click.option("--output-order", metavar="NAMES", callback=names, help="Outputs, likewise."),
    ]
    return stacked(options, function)


@click.command(
    "set-io",
    short_help=__doc__,
    epilog=closing(
        "set-io model.onnx -o out.onnx --dtype '*=float16'",
        "set-io model.onnx -o out.onnx --dtype images=uint8 --dim 'images[0]=batch'",
        "set-io model.onnx -o out.onnx --shape ids=batch,tokens --input-order ids,mask",
        codes="0 done; 1 refused; 2 usage or a bad model; 125 could not be verified.",
    ),
)
@click.argument("model")
@border_options
@edit_options
def command(
    model: str,
    target: Target,
    proof: Proof,
    output: Output,
    **wanted: Any,
) -> int:
    """Change element types, sizes and order of inputs and outputs.

    Sizes are declared, and the shapes that the graph tells of itself follow; `specialize` is what
    computes with fixed ones. A size that is opened is tried at two numbers by shape inference: what
    is made for one size is refused, with the node. For another layout there is `layout --io`, for
    other names `rename`.
    """
    from pyonnxtool.cli._edit_text import finish
    from pyonnxtool.cli._progress import Progress
    from pyonnxtool.surgery.set_io import set_io

    check_files("set-io", model, target, output)
    target.check(model)
    with Progress(wanted=output.progress and not output.quiet) as progress:
        made = set_io(model, progress=progress, **wanted, **proof.arguments())
        report = target.write(made)
    return finish(report, output)
