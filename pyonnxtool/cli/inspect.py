"""Show what is in a model: inputs, opsets, operators, weights, oddities."""

from __future__ import annotations

from pathlib import Path

import click

from pyonnxtool.cli._options import Output, closing, output_options


@click.command(
    short_help=__doc__,
    epilog=closing(
        "inspect model.onnx",
        "inspect model.onnx -v",
        "inspect model.onnx --shapes",
        "inspect model.onnx --format json",
        codes="0 done; 2 usage or a bad model.",
    ),
)
@click.argument("model")
@click.option("--shapes", is_flag=True, help="Infer the type and shape of every value.")
@output_options(quiet="Print one line only.", progress=False)
def command(model: str, shapes: bool, output: Output) -> int:
    """Show what is in a model: inputs, opsets, operators, weights, oddities.

    Reads the structure only, so a model of many gigabytes is shown at once. Oddities are
    dimensions without a fixed size, values that nothing reads, operators that ONNX does not
    define and operators that draw random numbers.

    With --shapes, the shape of every value is inferred, in names of sizes where the model is
    dynamic; what stays open is listed with the reason, and nodes that do not fit together with both
    sizes.
    """
    from pyonnxtool.cli._inspect_text import one_line, print_inspection
    from pyonnxtool.cli._output import check_targets, deliver
    from pyonnxtool.errors import UsageError
    from pyonnxtool.inspection import inspect

    if not Path(model).is_file():
        what = "a folder" if Path(model).is_dir() else "not there"
        raise UsageError(f"{model} is {what}; inspect wants the path of an .onnx file")
    check_targets(output, (model,))
    found = inspect(model, shapes=shapes)
    deliver(
        output,
        found.to_json,
        lambda target: print_inspection(target, found, verbose=output.verbose),
        lambda target: target.print(one_line(found)),
    )
    return 0
