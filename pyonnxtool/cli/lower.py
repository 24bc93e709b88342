"""Replace custom operators by standard ones, for any runtime."""

from __future__ import annotations

import click

from pyonnxtool.cli._options import Output, closing
from pyonnxtool.cli._rewrite_options import Proof, Target, check_files, rewrite_options


def opset_or_runtime(
    _ctx: click.Context, _param: click.Parameter, text: str | None
) -> int | str | None:
    """`13` is an opset, everything else the name of a runtime."""
    return int(text) if text is not None and text.isdecimal() else text


@click.command(
    short_help=__doc__,
    epilog=closing(
        "lower optimized.onnx -o plain.onnx",
        "lower model.onnx -o out.onnx --symbolics my_ops.py",
        "lower model.onnx -o out.onnx --expand GridSample --to 13",
        "list symbolics",
        codes="0 done; 1 refused; 2 usage or a bad model; 125 could not be verified.",
    ),
)
@click.argument("model")
@click.option(
    "--symbolics",
    metavar="FILE",
    multiple=True,
    help="Python file with more symbolics: functions marked with "
    "@pyonnxtool.symbolic('my.domain::Op'). May be repeated.",
)
@click.option(
    "--keep",
    metavar="DOMAIN::OP",
    multiple=True,
    help="Custom operators that stay, by name or glob. May be repeated.",
)
@click.option(
    "--expand",
    metavar="OP",
    multiple=True,
    help="Operator of ai.onnx that the runtime lacks although the opset has it: it is built of "
    "older ones. May be repeated.",
)
@click.option(
    "--to",
    metavar="N|RUNTIME",
    callback=opset_or_runtime,
    help="Opset of the new model, or what is to run it, such as onnxruntime-1.8. Without it the "
    "opset stays.",
)
@rewrite_options
def command(
    model: str,
    symbolics: tuple[str, ...],
    keep: tuple[str, ...],
    expand: tuple[str, ...],
    to: int | str | None,
    target: Target,
    proof: Proof,
    output: Output,
) -> int:
    """Replace custom operators by standard ones, for any runtime.

    Files that onnxruntime has optimized, operators of torchvision, mmcv and ATen that exporters
    left, and operators of yours: a symbolic says what each is in operators of ai.onnx, and these
    are brought to the opset of the model. A custom operator without a symbolic is refused unless it
    is kept; nothing is written then.

    Both models are run and compared before anything is written.
    """
    from pyonnxtool.cli._lower_text import print_lower, summary
    from pyonnxtool.cli._output import deliver
    from pyonnxtool.cli._progress import Progress
    from pyonnxtool.standardization import lower

    check_files("lower", model, target, output)
    target.check(model)
    proven = proof.arguments()
    if target.dry_run:
        proven["verify"] = 0
    with Progress(wanted=output.progress and not output.quiet) as progress:
        rewrite = lower(
            model,
            symbolics=symbolics,
            keep=keep,
            expand=expand,
            to=to,
            progress=progress,
            **proven,
        )
        report = target.write(rewrite)
    deliver(
        output,
        report.to_json,
        lambda screen: print_lower(screen, report, verbose=output.verbose),
        lambda screen: screen.print(summary(report), soft_wrap=True),
    )
    return 0
