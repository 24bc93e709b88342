"""Compare two models value by value."""

from __future__ import annotations

from typing import Any

import click

from pyonnxtool.cli._options import (
    DOCUMENTS,
    Output,
    baseline_option,
    closing,
    comparison_options,
    inputs_text,
    map_option,
    output_options,
    same_comparison,
    typed_command,
)

EXIT_CODES = {"same": 0, "different": 1, "inconclusive": 125}
ROWS_SHOWN = "24"


def row_count(_ctx: click.Context, _param: click.Parameter, text: str) -> int | None:
    """A number of rows; `all` gives None."""
    if text == "all":
        return None
    if not text.isdecimal():
        raise click.BadParameter(f"{text!r} is neither a number of rows nor 'all'")
    return int(text)


@click.command(
    short_help=__doc__,
    epilog=closing(
        "diff good.onnx bad.onnx --dim batch=1",
        "diff model.onnx@ort:none model.onnx@ort:all --samples 3 --sort worst",
        "diff a.onnx b.onnx --inputs feeds.npz --atol 'logits=1e-3' --json report.json",
        "diff a.onnx b.onnx -o report.html",
        "diff a.onnx b.onnx --baseline report.json",
        "diff net.py:make_model@torch model.onnx --samples 100",
        "diff model.onnx --ranges fp16 --inputs feeds.npz",
        codes="0 same; 1 different; 2 usage or a bad model; 125 could not be judged.",
    ),
)
@comparison_options
@map_option
@click.option(
    "--no-introduced",
    is_flag=True,
    help="Skip what each node adds by itself: half the time, only accumulated errors.",
)
@click.option(
    "--ranges",
    type=click.Choice(["fp16", "bf16", "e4m3", "e5m2"]),
    help="Tell how REF would fit this format: what overflows or vanishes, and the fewest nodes to "
    "keep in float32.",
)
@click.option(
    "--sort",
    type=click.Choice(["graph", "worst"]),
    default="graph",
    show_default=True,
    help="Order of the table of values.",
)
@click.option(
    "--rows",
    metavar="N|all",
    callback=row_count,
    default=ROWS_SHOWN,
    show_default=True,
    help="Rows of that table; those that say most are kept.",
)
@baseline_option
@output_options(quiet="Print the verdict only.", progress=True, documents=DOCUMENTS)
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    reference: str,
    candidate: str | None,
    no_introduced: bool,
    sort: str,
    rows: int | None,
    baseline: str | None,
    output: Output,
    **options: Any,
) -> int:
    """Compare two models value by value.

    Runs both on the same inputs and compares weights, final outputs and every intermediate
    value that both have. For each value: `accumulated` is the difference of the two runs,
    `introduced` what the candidate's node adds when it is given the reference's values, `gain`
    how much it amplifies what reaches it. With no CAND, REF is run without and with the
    optimizations of onnxruntime.

    REF and CAND are model files, with what is to run them after an @: m.onnx@ort:none, :basic,
    :extended, :all or :PROVIDER, m.onnx@reference, m.onnx@fp64. One of them may be values that
    were computed elsewhere: run.npz or a folder (with the --inputs that they were computed from),
    or cmd:"PROGRAM {inputs} {outputs}", which reads and writes npz. Or one is the PyTorch network
    that the other was exported from: program.pt2@torch, or module.py:make_model@torch, a function
    that returns an nn.Module or (module, example_args[, example_kwargs]).
    """
    from pyonnxtool.baseline import against, load_baseline
    from pyonnxtool.cli._baseline_text import exit_code
    from pyonnxtool.cli._diff_text import View, print_diff, print_verdict, sentence
    from pyonnxtool.cli._document import Setting, forms
    from pyonnxtool.cli._output import check_targets, deliver, plain_text
    from pyonnxtool.cli._progress import Progress
    from pyonnxtool.diffing import diff

    check_targets(output, (reference, candidate))
    old = load_baseline(baseline, "pyonnxtool/diff/1") if baseline else None
    with Progress(wanted=output.progress and not output.quiet) as progress:
        report = diff(
            reference, candidate, introduced=not no_introduced, progress=progress, **options
        )
    report = against(report, old) if old else report
    view = View(rows, sort, inputs_text(options), same_comparison(ctx), output.verbose)
    setting = Setting(
        "diff",
        sentence(report),
        typed_command(ctx),
        view.inputs,
        lambda: plain_text(lambda target: print_diff(target, report, view)),
        f"pyonnxtool bisect {view.again}" if report.verdict == "different" else "",
    )
    deliver(
        output,
        report.to_json,
        lambda target: print_diff(target, report, view),
        lambda target: print_verdict(target, report, view),
        forms(report, setting),
    )
    return exit_code(EXIT_CODES, report)
