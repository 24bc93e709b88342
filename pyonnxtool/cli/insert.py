"""Put an operator, or a small model, on an edge of the graph."""

from __future__ import annotations

import click

from pyonnxtool.cli._options import Output, closing
from pyonnxtool.cli._rewrite_options import Proof, Target, check_files, edit_options
from pyonnxtool.errors import UsageError


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name or not value:
            raise UsageError(f"--operand {text!r} is not INPUT=VALUE, such as scale=/model/scale")
        found[name] = value
    return found


@click.command(
    short_help=__doc__,
    epilog=closing(
        "insert model.onnx 'Clip(_, 0, 6)' -o out.onnx --after '*/conv1/*output_0'",
        "insert model.onnx 'Mul(_, npy(scale.npy))' -o out.onnx --after image",
        "insert model.onnx 'vendor::Fence(_, level=2)' -o out.onnx --before op:Attention",
        "insert model.onnx preprocess.onnx -o out.onnx --after image",
        codes="0 done; 1 refused; 2 usage or a bad model; 125 could not be verified.",
    ),
)
@click.argument("model")
@click.argument("what", metavar="OPERATOR|FILE")
@click.option(
    "--after",
    metavar="VALUE",
    multiple=True,
    help="What reads this value reads the new one: a name, a glob, or op:TYPE for what such nodes "
    "make. May be repeated.",
)
@click.option(
    "--before",
    metavar="NODE",
    multiple=True,
    help="One input of this node is the new value: a name, a glob, or op:TYPE. May be repeated.",
)
@click.option(
    "--slot",
    metavar="N|NAME",
    help="Which input of the nodes of --before: its number, or its name in the operator's schema. "
    "Without it: the only one that is no constant, or that is of the output's type.",
)
@click.option(
    "--operand",
    "operands",
    metavar="INPUT=VALUE",
    multiple=True,
    help="A value for another input of FILE; those that are called the same are found.",
)
@click.option("--name", default="", help="Name of the new node; that of its operator otherwise.")
@edit_options
def command(
    model: str,
    what: str,
    after: tuple[str, ...],
    before: tuple[str, ...],
    slot: str | None,
    operands: tuple[str, ...],
    name: str,
    target: Target,
    proof: Proof,
    output: Output,
) -> int:
    """Put an operator, or a small model, on an edge of the graph.

    OPERATOR is written as a call, where _ is the value: Relu, 'Clip(_, 0, 6)', 'Cast(_,
    to=float16)', 'Mul(_, Sigmoid(_))'. Other names are values of the graph ('quoted' where they
    are no plain words), numbers and lists are constants, npy('file.npy') is an array, keywords are
    attributes; an operator of another domain is vendor::Name. FILE is a model of one output.
    Inputs and outputs keep their names. Weights of MODEL are not read.
    """
    from pyonnxtool.cli._edit_text import finish
    from pyonnxtool.cli._progress import Progress
    from pyonnxtool.surgery.insert import insert

    check_files("insert", model, target, output)
    target.check(model)
    with Progress(wanted=output.progress and not output.quiet) as progress:
        made = insert(
            model,
            what,
            after=after,
            before=before,
            slot=slot,
            operands=_pairs(operands),
            name=name,
            progress=progress,
            **proof.arguments(),
        )
        report = target.write(made)
    return finish(report, output)
