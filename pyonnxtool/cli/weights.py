"""Show, replace, halve, share or move the weights of a model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from pyonnxtool.cli._options import Output, byte_size, closing, stacked
from pyonnxtool.cli._rewrite_options import Proof, Target, check_files, edit_options
from pyonnxtool.errors import UsageError
from pyonnxtool.model import as_model

_MOST_INSIDE = 2**31 - 1
"""Bytes of one message."""
_ALL_INSIDE = 1 << 62
"""Bytes that no weight has."""
_COARSEST = 2 << 20
"""Alignment that a file may have: of the largest pages in use. What lies between is written."""


def _bytes(context: click.Context, option: click.Parameter, text: str | None) -> int | None:
    """The number of a size such as `64KiB`, or of plain bytes."""
    if text is None:
        return None
    plain = byte_size(context, option, text).strip().lower().removesuffix("b").removesuffix("i")
    power = "_kmgt".find(plain[-1])
    count = float(plain[:-1]) * 1024**power if power > 0 else float(plain)
    return int(min(count, _ALL_INSIDE))


def content_options(function: Any) -> Any:
    """What the weights are to be."""
    several: dict[str, Any] = {"multiple": True}
    options = [
        click.option(
            "--replace",
            metavar="FILE|NAME=FILE",
            help="Other numbers: an .npz whose names are those of weights, or NAME=FILE.npy. Type "
            "and shape stay. May be repeated.",
            **several,
        ),
        click.option(
            "--fp16",
            is_flag=True,
            help="Compute in float16, with weights of half the size; Casts go around what stays in "
            "float32. One sample is run unless --samples says otherwise.",
        ),
        click.option(
            "--keep",
            metavar="GLOB|op:TYPE",
            help="Nodes that stay in float32 too, by name or operator: '*/norm/*', op:Softmax. May "
            "be repeated.",
            **several,
        ),
        click.option(
            "--convert",
            metavar="GLOB|op:TYPE",
            help="Nodes that become float16 although their operator stays in float32 otherwise. "
            "May be repeated.",
            **several,
        ),
        click.option("--fp16-io", is_flag=True, help="Inputs and outputs become float16 as well."),
        click.option(
            "--deduplicate", is_flag=True, help="Store weights of equal type, shape and bytes once."
        ),
    ]
    return stacked(options, function)


def place_options(function: Any) -> Any:
    """Where the weights are to go."""
    options = [
        click.option(
            "--externalize", is_flag=True, help="Weights into OUT.data, as --weights external."
        ),
        click.option(
            "--threshold",
            metavar="SIZE",
            callback=_bytes,
            help="Weights of fewer bytes stay inside OUT. [default: 1KiB; integers: 64KiB]",
        ),
        click.option(
            "--align",
            type=click.IntRange(1, _COARSEST),
            metavar="BYTES",
            help="Start every weight in OUT.data at a multiple, such as 65536, so that it can be "
            "mapped. [default: 4096; 64 for those that are smaller]",
        ),
        click.option(
            "--file-each", is_flag=True, help="A file for each weight, in the folder OUT.weights."
        ),
        click.option(
            "--embed", is_flag=True, help="All weights inside OUT, which takes 2 GB at most."
        ),
    ]
    return stacked(options, function)


@click.command(
    short_help=__doc__,
    epilog=closing(
        "weights model.onnx",
        "weights model.onnx -o half.onnx --fp16 --keep 'op:Softmax'",
        "weights model.onnx -o out.onnx --replace trained.npz",
        "weights model.onnx -o out.onnx --deduplicate --externalize --align 65536",
        codes="0 done; 1 refused; 2 usage or a bad model; 125 could not be verified.",
    ),
)
@click.argument("model")
@content_options
@place_options
@edit_options
def command(
    model: str,
    threshold: int | None,
    align: int | None,
    file_each: bool,
    externalize: bool,
    embed: bool,
    target: Target,
    proof: Proof,
    output: Output,
    **wanted: Any,
) -> int:
    """Show, replace, halve, share or move the weights of a model.

    Without an option they are listed. With --fp16, nodes stay in float32 where float16 is too
    narrow: powers, exponentials, sums, coordinates, TopK, the middle of norms that are written out,
    positions, what stands between DequantizeLinear and QuantizeLinear. Numbers that float16 does
    not hold are counted.
    """
    from pyonnxtool.cli._edit_text import finish
    from pyonnxtool.cli._progress import Progress
    from pyonnxtool.cli._weights_text import show
    from pyonnxtool.surgery.weights import weights

    check_files("weights", model, target, output)
    place = _place(target, externalize, embed, threshold, align, file_each)
    contents = any(wanted.values())
    if not contents and not place and target.path is None:
        return show(weights(model).report, output)
    target.check(model)
    source = click.get_current_context().get_parameter_source("samples")
    if wanted["fp16"] and source is click.core.ParameterSource.DEFAULT:
        proof = replace(proof, samples=max(proof.samples, 1))
    with Progress(wanted=output.progress and not output.quiet) as progress:
        made = weights(model, progress=progress, **wanted, **proof.arguments())
        if target.weights == "auto" and contents and as_model(model).external_files():
            place = {"weights": "external", **place}  # so that no file keeps what nothing reads
        if (place.get("weights") or target.weights) == "inside":
            _check_inside(made.report.after.weight_bytes)
        report = replace(target, **place).write(made)
    return finish(report, output)


def _place(
    target: Target,
    externalize: bool,
    embed: bool,
    threshold: int | None,
    align: int | None,
    file_each: bool,
) -> dict[str, Any]:
    """What differs from the target as the general options have it. Raises UsageError."""
    asked = {"external": externalize, "inside": embed}
    chosen = [where for where, wish in asked.items() if wish]
    if len(chosen) > 1:
        raise UsageError("--externalize moves weights out of OUT, --embed into it; give one")
    packing = {"threshold": threshold, "alignment": align, "file_each": file_each or None}
    packing = {name: value for name, value in packing.items() if value is not None}
    place: dict[str, Any] = {}
    if chosen:
        if target.weights not in ("auto", chosen[0]):
            raise UsageError(f"--weights {target.weights} and --{_flag(chosen[0])} disagree")
        place["weights"] = chosen[0]
    if packing:
        if (place.get("weights") or target.weights) not in ("external",):
            raise UsageError("--threshold, --align and --file-each are for --externalize")
        if file_each and align:
            raise UsageError("with --file-each every weight starts its file; leave out --align")
        place["packing"] = packing
    return place


def _flag(where: str) -> str:
    return "externalize" if where == "external" else "embed"


def _check_inside(count: int) -> None:
    if count > _MOST_INSIDE:
        from pyonnxtool.cli._text import size

        raise UsageError(
            f"the weights take {size(count)}, and a file with its weights inside takes 2 GB at "
            "most; put them beside it with --externalize"
        )
