"""Fix the sizes of a model: one size, or several that share their weights."""

from __future__ import annotations

from typing import Any

import click

from pyonnxtool.cli._options import Output, closing, stacked
from pyonnxtool.cli._rewrite_options import Proof, Target, check_files, rewrite_options
from pyonnxtool.cli._sizes import named_variants, open_dims, open_shapes, whole_bytes


def binding_options(function: Any) -> Any:
    """What is bound, and how far folding goes."""
    options = [
        click.option(
            "--shape",
            "shapes",
            metavar="NAME=SIZES",
            multiple=True,
            callback=open_shapes,
            help="Shape of an input, such as x=1,3,224,224; ? leaves a size open, a name gives it "
            "that name. May be repeated.",
        ),
        click.option(
            "--dim",
            "dims",
            metavar="NAME=SIZE",
            multiple=True,
            callback=open_dims,
            help="Size of a named dimension, such as batch=1, or of an input's axis, such as "
            "x[0]=1. May be repeated.",
        ),
        click.option(
            "--variant",
            "variants",
            metavar="V:NAME=SIZES",
            multiple=True,
            callback=named_variants,
            help="One of several sizes, such as small:x=1,3,224,224 or 'small:batch=1;seq=128'. "
            "Then OUT is a folder: a small model for each, and one file of weights. --shape and "
            "--dim hold for all of them.",
        ),
        click.option(
            "--max-unroll",
            type=click.IntRange(min=0),
            default=64,
            show_default=True,
            help="Loops and Scans of more turns stay.",
        ),
        click.option(
            "--max-growth",
            metavar="SIZE",
            show_default="1MiB; nothing for a second form of a weight that stays",
            callback=whole_bytes,
            help="Bytes that folded constants may take beyond what they replace.",
        ),
        click.option(
            "--no-value-info",
            "value_info",
            flag_value=False,
            default=None,
            help="Leave out the types of values that MODEL does not tell.",
        ),
    ]
    return stacked(options, function)


@click.command(
    short_help=__doc__,
    epilog=closing(
        "specialize model.onnx -o fixed.onnx --shape x=1,3,224,224",
        "specialize model.onnx -o batch1.onnx --dim batch=1",
        "specialize model.onnx -o fixed.onnx --shape x=1,?,h,224 --dim h=224",
        "specialize model.onnx -o sizes --variant small:seq=64 --variant large:seq=512",
        codes="0 done; 1 refused; 2 usage or a bad model; 125 could not be verified.",
    ),
)
@click.argument("model")
@binding_options
@rewrite_options
def command(
    model: str,
    shapes: dict[str, Any],
    dims: dict[str, Any],
    variants: dict[str, dict[str, str]],
    target: Target,
    proof: Proof,
    output: Output,
    **given: Any,
) -> int:
    """Fix the sizes of a model: one size, or several that share their weights.

    Binds the sizes of inputs and computes whatever follows from them: shape arithmetic and
    constants are folded, If with a known condition is inlined, Loop, Scan and sequences of known
    length are unrolled, nodes that do nothing go. Sizes that are not bound stay open, and what
    depends on the bound ones alone is folded. What stays dynamic is listed with the reason.

    Both models are run and compared before anything is written.
    """
    from pyonnxtool.binding import check_something_is_bound
    from pyonnxtool.cli._output import deliver
    from pyonnxtool.cli._progress import Progress
    from pyonnxtool.cli._specialize_text import print_rewrite, summary
    from pyonnxtool.model import as_model
    from pyonnxtool.specialization import specialize

    limits = {name: value for name, value in given.items() if value is not None}
    check_files("specialize", model, target, output)
    if variants:
        from pyonnxtool.cli._variants import write_variants

        return write_variants(model, variants, shapes, dims, target, proof, output, limits)
    check_something_is_bound(as_model(model), shapes, dims)
    target.check(model)
    with Progress(wanted=output.progress and not output.quiet) as progress:
        rewrite = specialize(
            model,
            shapes,
            dims,
            progress=progress,
            **proof.arguments(),
            **limits,
        )
    report = target.write(rewrite)
    deliver(
        output,
        report.to_json,
        lambda screen: print_rewrite(screen, report, verbose=output.verbose),
        lambda screen: screen.print(summary(report)),
    )
    return 0
