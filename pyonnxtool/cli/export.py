"""Export a PyTorch module as a model that is checked against it."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyonnxtool.cli._examples import declared_inputs, open_sizes
from pyonnxtool.cli._options import Output, closing, named_dims
from pyonnxtool.cli._ports import names
from pyonnxtool.cli._rewrite_options import Proof, Target, check_files, rewrite_options
from pyonnxtool.cli.lower import opset_or_runtime
from pyonnxtool.errors import UsageError

if TYPE_CHECKING:
    from pyonnxtool.backends.torch import Declared

_INSIDE = 1800 << 20
"""Bytes of weights with which a file stays clear of the 2 GB that one may have."""
_ENDINGS = {
    ".onnx": "is an ONNX model already",
    ".pt2": "is a program that was exported before: give the module that it was made of",
    ".pt": "holds weights: write a function that makes the module and loads them",
    ".pth": "holds weights: write a function that makes the module and loads them",
    ".safetensors": "holds weights: write a function that makes the module and loads them",
}
"""What users may give instead of a function."""


@click.command(
    short_help=__doc__,
    epilog=closing(
        "export net.py:make_model -o model.onnx --input x=batch,3,224,224",
        "export net.py:with_example -o model.onnx --dynamic ids=batch,seq --opset 13",
        "export detector.py:make_model -o model.onnx --symbolics my_ops.py",
        codes="0 done; 1 refused, or it computes something else; 2 usage, or the module does not "
        "run; 125 could not be verified.",
    ),
)
@click.argument("module", metavar="FILE.py:FUNCTION")
@click.option(
    "--input",
    "declared",
    metavar="NAME=SIZES[:TYPE]",
    multiple=True,
    callback=declared_inputs,
    help="An argument of forward, where FUNCTION gives no example: x=batch,3,224,224 (float32) or "
    "ids=batch,128:int64. A size that is a name stays open. May be repeated.",
)
@click.option(
    "--dim",
    "dims",
    metavar="NAME=SIZE",
    multiple=True,
    callback=named_dims,
    help="Size in the example of a name in --input; 2 without it. May be repeated.",
)
@click.option(
    "--dynamic",
    metavar="NAME=SIZES",
    multiple=True,
    callback=open_sizes,
    help="Sizes of the example that are to stay open: x=batch,3,h,w (? and numbers are fixed), or "
    "'x[0]=batch' for one. May be repeated.",
)
@click.option(
    "--exporter",
    type=click.Choice(["dynamo", "torchscript"]),
    default="dynamo",
    show_default=True,
    help="Of the two that torch has.",
)
@click.option(
    "--opset",
    metavar="N|RUNTIME",
    callback=opset_or_runtime,
    help="Opset of the model, or what is to run it, such as onnxruntime-1.8. What the exporter "
    "does not write itself, `opset` converts.",
)
@click.option("--input-names", metavar="A,B", callback=names, help="Names of the model's inputs.")
@click.option("--output-names", metavar="A,B", callback=names, help="Names of its outputs.")
@click.option(
    "--symbolics",
    metavar="FILE",
    multiple=True,
    help="Python file with symbolics of operators that torch cannot translate: functions marked "
    "with @pyonnxtool.symbolic('my::op'). May be repeated.",
)
@click.option(
    "--keep",
    metavar="DOMAIN::OP",
    multiple=True,
    help="Operators that stay nodes of their own, by name or glob. May be repeated.",
)
@rewrite_options
def command(
    module: str,
    declared: dict[str, Declared],
    dims: dict[str, int],
    dynamic: dict[str, object],
    exporter: str,
    opset: int | str | None,
    input_names: list[str],
    output_names: list[str],
    symbolics: tuple[str, ...],
    keep: tuple[str, ...],
    target: Target,
    proof: Proof,
    output: Output,
) -> int:
    """Export a PyTorch module as a model that is checked against it.

    FUNCTION of FILE.py is called without arguments. It returns the module, or (module, args), or
    (module, args, kwargs) with the arguments of an example call. The module is exported in eval
    mode. A torch.library operator that torch cannot translate becomes a node, which a symbolic
    lowers to operators of ai.onnx as `pyonnxtool lower` does; one without a symbolic is refused
    unless it is kept.

    The model is run on the example, and on other inputs and sizes, beside the module; what differs
    is refused with the node that is to blame.
    """
    from pyonnxtool.cli._export_text import print_export, summary
    from pyonnxtool.cli._output import deliver
    from pyonnxtool.cli._progress import Progress
    from pyonnxtool.torch import export_made

    module = module.removesuffix("@torch")
    file = f"{module.partition('.py:')[0].removesuffix('.py')}.py"
    check_source(module, file, target)
    check_files("export", file, target, output)
    target.check(file)
    proven = proof.arguments()
    proven["samples"] = 0 if target.dry_run else proven.pop("verify")
    proven.pop("verify", None)
    with (
        contextlib.redirect_stdout(sys.stderr),  # what the module prints is no part of the report
        Progress(wanted=output.progress and not output.quiet) as progress,
    ):
        made = export_made(
            module,
            declared,
            dims,
            dynamic=dynamic,
            exporter=exporter,
            opset=opset,
            input_names=input_names,
            output_names=output_names,
            symbolics=symbolics,
            keep=keep,
            progress=progress,
            **proven,
        )
        if target.weights == "auto":
            large = made.report.after.weight_bytes > _INSIDE
            target = replace(target, weights="external" if large else "inside")
        report = target.write(made)
    deliver(
        output,
        report.to_json,
        lambda screen: print_export(screen, report, verbose=output.verbose),
        lambda screen: screen.print(summary(report), soft_wrap=True),
    )
    return 0


def check_source(module: str, file: str, target: Target) -> None:
    """Refuse what is no function of a file, and an OUT over that file. Raises UsageError."""
    ending = Path(module).suffix
    if ending in _ENDINGS:
        raise UsageError(f"{module} {_ENDINGS[ending]}; export wants FILE.py:FUNCTION")
    if not module.endswith(".py") and ".py:" not in module:
        raise UsageError(f"{module} is no FILE.py:FUNCTION; give one such as net.py:make_model")
    if not Path(file).is_file():
        raise UsageError(f"{file} is not there; export wants FILE.py:FUNCTION")
    if target.path is not None and target.path.exists() and target.path.samefile(file):
        raise UsageError(f"-o {target.path} is the file of the module; give another name")
    if target.weights == "link":
        raise UsageError("there is no file to link weights to; take --weights inside or external")
