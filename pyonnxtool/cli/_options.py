"""Options that several commands share, and how their texts become values."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import click

Function = TypeVar("Function", bound=Callable[..., Any])
Texts = tuple[str, ...]

BYTES = re.compile(r"\d+(\.\d+)?\s*([kmgt]i?)?b?", re.IGNORECASE)
BAD_TOLERANCE = (
    "{text!r} is not [GLOB=]NUMBER; write a number that is not negative, such as 1e-4, or one for "
    "some values only, such as 'logits*=1e-3'"
)
ENDINGS = {".json": "json", ".html": "html", ".htm": "html", ".xml": "junit", ".md": "markdown"}
"""Endings of FILE to the form of report that is meant by them."""
DOCUMENTS = ("html", "junit", "markdown")
VERBOSE = "Say more: whole names, whole lists; the traceback of a bug of ours."
PATTERNS = "Values to look at: a GLOB of names, or op:TYPE. May be repeated."


@dataclass(frozen=True)
class Output:
    """Where the report goes, and how much of it."""

    format: str
    file: Path | None
    json: Path | None
    force: bool
    quiet: bool
    verbose: bool
    progress: bool


def named_shapes(_ctx: click.Context, _param: click.Parameter, texts: Texts) -> dict[str, Any]:
    """`x=1,3,224,224` gives {"x": (1, 3, 224, 224)}; `x=` is a scalar."""
    shapes = {}
    for text in texts:
        name, found, sizes = text.rpartition("=")
        parts = sizes.split(",") if sizes else []
        if not found or not name or not all(part.strip().isdecimal() for part in parts):
            raise click.BadParameter(
                f"{text!r} is not NAME=SIZE,SIZE,…; write an input's name and its sizes, "
                "such as x=1,3,224,224"
            )
        if name in shapes:
            raise click.BadParameter(f"{name!r} is given twice; give one shape for each input")
        shapes[name] = tuple(int(part) for part in parts)
    return shapes


def named_dims(_ctx: click.Context, _param: click.Parameter, texts: Texts) -> dict[str, int]:
    """`batch=1` gives {"batch": 1}."""
    dims = {}
    for text in texts:
        name, _, size = text.rpartition("=")
        if not name or not size.strip().isdecimal():
            raise click.BadParameter(
                f"{text!r} is not NAME=SIZE; write a dimension's name and its size, such as batch=1"
            )
        if name in dims:
            raise click.BadParameter(f"{name!r} is given twice; give one size for each dimension")
        dims[name] = int(size)
    return dims


def tolerances(_ctx: click.Context, _param: click.Parameter, texts: Texts) -> Texts:
    """Checks `[GLOB=]NUMBER`; the text is passed on."""
    for text in texts:
        try:
            good = float(text.rpartition("=")[2]) >= 0  # a NaN is not
        except ValueError:
            good = False
        if not good:
            raise click.BadParameter(BAD_TOLERANCE.format(text=text))
    return texts


def byte_size(_ctx: click.Context, _param: click.Parameter, text: str) -> str:
    """Checks a size such as `2GiB`; the text is passed on."""
    if not BYTES.fullmatch(text.strip()):
        raise click.BadParameter(f"{text!r} is not a size; write one such as 512MiB or 2GiB")
    return text


def remember_verbose(ctx: click.Context, _param: click.Parameter, wanted: bool) -> bool:
    """Lets the group show the traceback of a bug of ours."""
    if wanted:
        ctx.meta["verbose"] = True
    return wanted


def verbose_option(function: Function) -> Function:
    """Adds `-v`."""
    return click.option("-v", "--verbose", is_flag=True, callback=remember_verbose, help=VERBOSE)(
        function
    )


def seed_option(function: Function) -> Function:
    """The seed of inputs that nobody gave."""
    return click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Seed of generated inputs.",
    )(function)


def text_or_json_options(function: Function) -> Function:
    """The form of a report that is text or JSON, and a file for the JSON."""
    options: list[Callable[[Any], Any]] = [
        click.option(
            "--format",
            "form",
            type=click.Choice(["text", "json"]),
            default="text",
            show_default=True,
            help="Form of the report.",
        ),
        click.option(
            "--json",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Write the JSON to FILE as well.",
        ),
    ]
    return stacked(options, function)


def comparison_options(function: Function) -> Function:
    """The two subjects, and what diff and bisect need to run and to judge them."""
    many: dict[str, Any] = {"multiple": True}
    options = [
        click.argument("reference", metavar="REF"),
        click.argument("candidate", metavar="[CAND]", required=False),
        click.option(
            "--inputs",
            metavar="FILE|DIR|PY:FN",
            help="Inputs to run on: .npz, .npy, a test_data_set folder, or a function of a Python "
            "file. Without it they are generated.",
        ),
        click.option(
            "--samples",
            type=click.IntRange(min=1),
            default=1,
            show_default=True,
            help="How many sets of inputs; the worst result of each value counts.",
        ),
        seed_option,
        click.option(
            "--shape",
            "shapes",
            metavar="NAME=SIZES",
            callback=named_shapes,
            help="Shape of an input, such as x=1,3,224,224. May be repeated.",
            **many,
        ),
        click.option(
            "--dim",
            "dims",
            metavar="NAME=SIZE",
            callback=named_dims,
            help="Size of a named dimension, such as batch=1. May be repeated.",
            **many,
        ),
        tolerance_option("--atol", "Absolute difference that is allowed"),
        tolerance_option("--rtol", "Difference that is allowed relative to the value's scale"),
        tolerance_option("--ulp", "Units in the last place that are allowed"),
        click.option(
            "--memory",
            metavar="SIZE",
            default="2GiB",
            show_default=True,
            callback=byte_size,
            help="Byte budget for values and weights that are held at once.",
        ),
        click.option("--only", metavar="PATTERN", help=PATTERNS, **many),
        click.option("--skip", metavar="PATTERN", help="Values to leave out; as --only.", **many),
        click.option(
            "--custom-ops",
            metavar="LIB",
            type=click.Path(exists=True, dir_okay=False),
            help="Library of custom operators for onnxruntime. May be repeated.",
            **many,
        ),
    ]
    return stacked(options, function)


def tolerance_option(flag: str, text: str) -> Callable[[Function], Function]:
    """`--atol`, `--rtol` or `--ulp`."""
    return click.option(
        flag,
        metavar="[GLOB=]V",
        multiple=True,
        callback=tolerances,
        help=f"{text}; with GLOB= only for values of these names. May be repeated.",
    )


def map_option(function: Function) -> Function:
    """Adds `--map`."""
    return click.option(
        "--map",
        "value_map",
        metavar="REF=CAND|JSON",
        multiple=True,
        help="A value of REF and the value of CAND that stands for it, where the tool does not see "
        "it; or the JSON report of the command, such as layout or rename, that made one of the two "
        "from the other. May be repeated.",
    )(function)


def baseline_option(function: Function) -> Function:
    """Adds `--baseline`."""
    return click.option(
        "--baseline",
        metavar="FILE",
        help="JSON of an older report: fail only on what got worse since. Worse is what is bad "
        "and was not bad or not there; what was bad and now has more than twice the error; a "
        "node that is newly to blame.",
    )(function)


def output_options(
    *, quiet: str, progress: bool, documents: tuple[str, ...] = ()
) -> Callable[[Function], Function]:
    """Where the report goes. The command gets one parameter, `output`, of type `Output`.

    `quiet` is the help of --quiet; `progress` says whether the command shows any; `documents` are
    forms of the report besides text and JSON.
    """
    known = ("text", "json", *documents)
    file = click.Path(dir_okay=False, path_type=Path)
    options = [
        click.option(
            "--format",
            type=click.Choice(known),
            metavar="FORM",
            default=None,
            show_default="by the ending of FILE, else text",
            help=f"Form of the report: {', '.join(known[:-1])} or {known[-1]}.",
        ),
        click.option("-o", "file", type=file, metavar="FILE", help="Write the report to FILE."),
        click.option("--json", type=file, metavar="FILE", help="Write the JSON to FILE as well."),
        click.option("--force", is_flag=True, help="Replace FILE when it exists."),
        click.option("-q", "--quiet", is_flag=True, help=quiet),
        verbose_option,
    ]
    if progress:
        options.append(click.option("--no-progress", is_flag=True, help="Show no progress bar."))

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def gathered(*args: Any, **values: Any) -> Any:
            shown = progress and not values.pop("no_progress")
            ending = values["file"].suffix.lower() if values["file"] else ""
            meant = ENDINGS.get(ending, "text")
            values["format"] = values["format"] or (meant if meant in known else "text")
            fields = {
                name: values.pop(name) for name in Output.__dataclass_fields__ if name in values
            }
            return function(*args, output=Output(**fields, progress=shown), **values)

        return cast(Function, stacked(options, gathered))

    return decorate


def closing(*examples: str, codes: str) -> str:
    """The end of a command's --help: examples, each on its line, then the exit codes."""
    shown = "\n".join(f"  pyonnxtool {example}" for example in examples)
    return f"\b\nExamples:\n{shown}\n\nExit codes: {codes}"


def stacked(options: list[Callable[[Any], Any]], function: Function) -> Function:
    """Applies decorators so that --help lists them in the order given."""
    for option in reversed(options):
        function = option(function)
    return function


def same_comparison(ctx: click.Context) -> str:
    """The subjects and comparison options of this call as the user typed them, for a hint."""
    words: list[str] = []
    for name in ("reference", "candidate"):
        words += [ctx.params[name]] if ctx.params[name] else []
    for flag in ("inputs", "samples", "seed", "atol", "rtol", "ulp", "memory", "only", "skip"):
        source = ctx.get_parameter_source(flag)
        if source is not click.core.ParameterSource.COMMANDLINE:
            continue
        value = ctx.params[flag]
        for text in value if isinstance(value, tuple) else (value,):
            words += [f"--{flag}", str(text)]
    for name, sizes in ctx.params["shapes"].items():
        words += ["--shape", f"{name}={','.join(map(str, sizes))}"]
    for name, size in ctx.params["dims"].items():
        words += ["--dim", f"{name}={size}"]
    for pair in ctx.params.get("value_map", ()):
        words += ["--map", pair]
    for library in ctx.params["custom_ops"]:
        words += ["--custom-ops", library]
    return shlex.join(words)


OF_THE_REPORT = frozenset(
    {"format", "file", "json", "force", "quiet", "verbose", "no_progress"}
) | {
    *("baseline", "rows", "sort", "journal", "resume", "repro"),
}
"""Options that change what is told or kept of a comparison, and nothing of what is found."""


def typed_command(ctx: click.Context) -> str:
    """The command as the user typed it, for whoever wants to see the same again."""
    words = ["pyonnxtool", str(ctx.info_name)]
    for param in ctx.command.params:
        name = str(param.name)
        source = ctx.get_parameter_source(name)
        if source is not click.core.ParameterSource.COMMANDLINE or name in OF_THE_REPORT:
            continue
        value = ctx.params[name]
        flag = [] if isinstance(param, click.Argument) else [max(param.opts, key=len)]
        if isinstance(value, bool):
            words += flag if value else param.secondary_opts
        elif isinstance(value, dict):
            for key, sizes in value.items():
                text = ",".join(map(str, sizes)) if isinstance(sizes, tuple) else str(sizes)
                words += [*flag, f"{key}={text}"]
        else:
            for one in value if isinstance(value, tuple) else (value,):
                words += [*flag, str(one)]
    return shlex.join(words)


def inputs_text(options: dict[str, Any]) -> str:
    """Where the inputs come from, for the header of a report."""
    return (
        f"from {options['inputs']}" if options["inputs"] else f"generated, seed {options['seed']}"
    )
