"""Edit the graph with a script of your own: a function, or rules."""

from __future__ import annotations

import contextlib
import sys

import click

from pyonnxtool.cli._options import Output, closing
from pyonnxtool.cli._rewrite_options import Proof, Target, check_files, edit_options


@click.command(
    short_help=__doc__,
    epilog=closing(
        "surgery model.onnx edit.py -o new.onnx",
        "surgery model.onnx fuse_gelu.py tools.py:cut_head -o new.onnx --samples 2",
        codes="0 done; 1 refused, or outputs differ; 2 usage, a script that fails or a bad model; "
        "125 could not be verified.",
    ),
)
@click.argument("model")
@click.argument("script", nargs=-1, required=True)
@click.option(
    "--no-verify", "unverified", is_flag=True, help="Check no rules either, as --samples 0."
)
@edit_options
def command(
    model: str,
    script: tuple[str, ...],
    unverified: bool,
    target: Target,
    proof: Proof,
    output: Output,
) -> int:
    """Edit the graph with a script of your own: a function, or rules.

    SCRIPT is a Python file with `def edit(graph)`, with rules (@pyonnxtool.rewrite), or with both;
    SCRIPT.py:NAME takes one function or rule of it. Several are done in order.

    The annotation of the function's parameter says what it is given: pyonnxtool.Graph (also
    without annotation), pyonnxtool.Model, or onnx_graphsurgeon.Graph. Weights are views of the
    file; what the script does not touch is neither read nor copied.

    Rules are checked on one sample unless told otherwise: they must not change what the model
    computes. What a function does is up to you: it is only compared when --samples or --inputs ask.
    What the script prints goes to stderr.
    """
    from pyonnxtool.cli._edit_text import finish
    from pyonnxtool.cli._progress import Progress
    from pyonnxtool.errors import UsageError
    from pyonnxtool.surgery.edit import edit

    source = click.get_current_context().get_parameter_source("samples")
    none_asked = not proof.samples and source is click.core.ParameterSource.COMMANDLINE
    if unverified and proof.samples:
        raise UsageError("--samples and --inputs ask for a check; leave out --no-verify")
    check_files("surgery", model, target, output)
    target.check(model)
    with (
        Progress(wanted=output.progress and not output.quiet) as progress,
        contextlib.redirect_stdout(sys.stderr),
    ):
        checked = {"verify_rules": int(not (unverified or none_asked)), **proof.arguments()}
        made = edit(model, *script, progress=progress, **checked)
        report = target.write(made)
    return finish(report, output)
