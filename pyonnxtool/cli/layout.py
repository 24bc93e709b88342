"""Transpose as few bytes as the graph allows; NCHW or NHWC, inside and at the border."""

from __future__ import annotations

from typing import Any

import click

from pyonnxtool.cli._layouts import costs, layouts
from pyonnxtool.cli._options import Output, closing, named_dims, stacked
from pyonnxtool.cli._rewrite_options import Proof, Target, check_files, rewrite_options


def layout_options(function: Any) -> Any:
    """What is to lie how."""
    options = [
        click.option(
            "--to",
            type=click.Choice(["nchw", "nhwc"]),
            show_default="nchw, unless another option says what to do",
            help="nchw: operators as ONNX defines them. nhwc: those with a channel axis as calls "
            "of functions that compute channels-last, and run anywhere.",
        ),
        click.option(
            "--io",
            metavar="NAME=LAYOUT",
            multiple=True,
            callback=layouts,
            help="Layout of an input or output, such as x=nhwc,y=nhwc or x=0,2,3,1 (an order of "
            "axes); a name alone gets that of --to. All others keep theirs. May be repeated.",
        ),
        click.option(
            "--only-cancel",
            is_flag=True,
            help="Only merge, cancel and share Transposes; touch no other node.",
        ),
        click.option(
            "--filters",
            type=click.Choice(["oihw", "ohwi", "hwio"]),
            default="oihw",
            show_default=True,
            help="How convolutions hold their weights, with --to nhwc.",
        ),
        click.option(
            "--domain",
            metavar="DOMAIN",
            default="pyonnxtool.nhwc",
            show_default=True,
            help="Domain of the functions, for a compiler that looks for its own.",
        ),
        click.option(
            "--expand",
            is_flag=True,
            help="Make plain operators of calls of such functions, whatever else is done. --to "
            "nchw does so too.",
        ),
        click.option(
            "--target-cost",
            "target_costs",
            metavar="OP@LAYOUT=FACTOR",
            multiple=True,
            callback=costs,
            help="An operator that the target runs slower in one layout: Softmax@nchw=3 is as "
            "much as moving its output three times. May be repeated.",
        ),
        click.option(
            "--dim",
            "dims",
            metavar="NAME=SIZE",
            multiple=True,
            callback=named_dims,
            help="Size of an open dimension for which bytes are counted, such as batch=8. May be "
            "repeated.",
        ),
    ]
    return stacked(options, function)


@click.command(
    short_help=__doc__,
    epilog=closing(
        "layout model.onnx --dry-run",
        "layout model.onnx -o clean.onnx",
        "layout model.onnx -o nhwc.onnx --to nhwc --io x --filters ohwi",
        "layout model.onnx -o border.onnx --io x=nhwc,y=nhwc",
        "layout nhwc.onnx -o back.onnx --expand",
        "layout model.onnx -o clean.onnx --json map.json",
        "diff model.onnx clean.onnx --map map.json",
        codes="0 done; 1 refused; 2 usage or a bad model; 125 could not be verified.",
    ),
)
@click.argument("model")
@layout_options
@rewrite_options
def command(
    model: str,
    to: str | None,
    io: dict[str, Any],
    target: Target,
    proof: Proof,
    output: Output,
    **given: Any,
) -> int:
    """Transpose as few bytes as the graph allows; NCHW or NHWC, inside and at the border.

    Each operator tells how it looks when its operands are stored otherwise. From that follows the
    plan that moves the fewest bytes, by minimum cut: Transposes cancel, sink through other
    operators, into weights and attributes. What is left is listed with the reason. Inputs and
    outputs keep their layout but for those in --io.

    Both models are run and compared before anything is written, inputs and outputs transposed as
    the new model wants them. --dry-run prints the plan and runs nothing.
    """
    from pyonnxtool.cli._layout_text import print_layout, summary
    from pyonnxtool.cli._output import deliver
    from pyonnxtool.cli._progress import Progress
    from pyonnxtool.relayout import layout

    check_files("layout", model, target, output)
    if to is None and not (io or given["only_cancel"] or given["expand"]):
        to = "nchw"
    target.check(model)
    proven = proof.arguments()
    if target.dry_run:
        proven["verify"] = 0
    with Progress(wanted=output.progress and not output.quiet) as progress:
        rewrite = layout(
            model,
            to,
            io=io,
            progress=progress,
            **proven,
            **given,
        )
    report = target.write(rewrite)
    deliver(
        output,
        report.to_json,
        lambda screen: print_layout(screen, report, verbose=output.verbose, kept=output.json),
        lambda screen: screen.print(summary(report), soft_wrap=True),
    )
    return 0
