"""Make one model of two: the second reads what the first makes."""

from __future__ import annotations

import click

from pyonnxtool.cli._options import Output, closing
from pyonnxtool.cli._rewrite_options import Proof, Target, check_files, edit_options
from pyonnxtool.errors import UsageError


def _pairs(
    _ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]
) -> list[tuple[str, str]]:
    """`features=x` gives ("features", "x")."""
    pairs = []
    for text in texts:
        value, found, name = text.rpartition("=")
        if not found or not value or not name:
            raise click.BadParameter(
                f"{text!r} is not VALUE=INPUT; write a value of FIRST and an input of SECOND, such "
                "as features=x"
            )
        pairs.append((value, name))
    return pairs


@click.command(
    short_help=__doc__,
    epilog=closing(
        "merge encoder.onnx head.onnx -o whole.onnx --map features=x",
        "merge resize.onnx net.onnx -o whole.onnx --samples 1",
        "merge a.onnx b.onnx -o both.onnx --map image=image --prefix2 b/",
        "merge step.onnx step.onnx -o two.onnx --map 'present.*=past.*' --map x=x --prefix1 1/",
        codes="0 done; 1 refused; 2 usage or a bad model; 125 could not be verified.",
    ),
)
@click.argument("first")
@click.argument("second")
@click.option(
    "--map",
    "pairs",
    metavar="VALUE=INPUT",
    multiple=True,
    callback=_pairs,
    help="A value of FIRST and the input of SECOND that it becomes; an input of FIRST feeds both. "
    "VALUE may be a GLOB, whose wildcards are carried over. Without it, outputs go into inputs of "
    "their name. May be repeated.",
)
@click.option("--side-by-side", is_flag=True, help="Join nothing.")
@click.option(
    "--keep",
    metavar="GLOB",
    multiple=True,
    help="Outputs of FIRST that stay outputs although they are joined. May be repeated.",
)
@click.option(
    "--drop",
    metavar="GLOB",
    multiple=True,
    help="Other outputs of FIRST that go, with what only they needed. May be repeated.",
)
@click.option("--prefix1", default="", metavar="TEXT", help="Goes before all names of FIRST.")
@click.option("--prefix2", default="", metavar="TEXT", help="Goes before all names of SECOND.")
@click.option(
    "--to", type=int, metavar="N", help="Opset of OUT; without it, the higher one of the two."
)
@edit_options
def command(
    first: str,
    second: str,
    pairs: list[tuple[str, str]],
    side_by_side: bool,
    keep: tuple[str, ...],
    drop: tuple[str, ...],
    prefix1: str,
    prefix2: str,
    to: int | None,
    target: Target,
    proof: Proof,
    output: Output,
) -> int:
    """Make one model of two: the second reads what the first makes.

    Weights are not read, and stay in their files where these lie beside OUT. Types and sizes have
    to fit; models of two opsets are brought to one. With --samples or --inputs FIRST and SECOND are
    run one after the other, and OUT is compared with that.
    """
    from pyonnxtool.cli._edit_text import finish
    from pyonnxtool.cli._progress import Progress
    from pyonnxtool.surgery.merge import merge

    if pairs and side_by_side:
        raise UsageError("--side-by-side joins nothing; leave it out, or --map")
    check_files("merge", first, target, output)
    check_files("merge", second, target, output)
    target.check(first)
    with Progress(wanted=output.progress and not output.quiet) as progress:
        made = merge(
            first,
            second,
            [] if side_by_side else pairs or None,
            keep=keep,
            drop=drop,
            prefix_first=prefix1,
            prefix_second=prefix2,
            to=to,
            progress=progress,
            **proof.arguments(),
        )
        report = target.write(made)
    return finish(report, output)
