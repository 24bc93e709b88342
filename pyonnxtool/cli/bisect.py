"""Name the node that makes the candidate wrong."""

from __future__ import annotations

from pathlib import Path
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
    typed_command,
)
from pyonnxtool.cli._repro import check_repro, repro_option, write_culprit
from pyonnxtool.cli._search_options import search_options

EXIT_CODES = {"same": 0, "fault": 1, "drift": 1, "inconclusive": 125}


@click.command(
    short_help=__doc__,
    epilog=closing(
        "bisect good.onnx bad.onnx --dim batch=1",
        "bisect model.onnx@ort:none model.onnx@ort:all --inputs feeds.npz",
        "bisect net.py:make_model@torch model.onnx",
        "bisect good.onnx bad.onnx --by splice --journal runs.jsonl --max-runs 10",
        "bisect good.onnx bad.onnx -o verdict.html --json verdict.json",
        "bisect good.onnx bad.onnx --baseline verdict.json",
        "bisect good.onnx bad.onnx --repro culprit",
        codes="0 same; 1 fault or drift; 2 usage or a bad model; 125 could not be judged.",
    ),
)
@comparison_options
@map_option
@search_options
@baseline_option
@repro_option
@output_options(quiet="Print the verdict only.", progress=True, documents=DOCUMENTS)
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    reference: str,
    candidate: str | None,
    baseline: str | None,
    repro: Path | None,
    output: Output,
    **options: Any,
) -> int:
    """Name the node that makes the candidate wrong.

    A node is to blame when it gives another result on the very values that the reference had,
    by more than rounding explains; a node that only amplifies an earlier difference is not. The
    verdict is `fault` (a node is named, with its counterpart and what differs between them),
    `drift` (the outputs differ, but no node by itself explains it), `same`, or `inconclusive`.

    REF and CAND are written as for diff.
    """
    from pyonnxtool.baseline import against, load_baseline
    from pyonnxtool.bisection import bisect
    from pyonnxtool.cli._baseline_text import exit_code
    from pyonnxtool.cli._bisect_text import print_bisect, print_verdict
    from pyonnxtool.cli._document import Setting, forms
    from pyonnxtool.cli._output import check_targets, deliver, plain_text
    from pyonnxtool.cli._progress import Progress
    from pyonnxtool.cli._steps_text import printer
    from pyonnxtool.wording import finding

    check_targets(output, (reference, candidate))
    check_repro(repro, output)
    old = load_baseline(baseline, "pyonnxtool/bisect/1") if baseline else None
    with Progress(wanted=output.progress and not output.quiet) as progress:
        tell = None if output.quiet else printer(progress.line)
        report = bisect(reference, candidate, progress=progress, tell=tell, **options)
    report = against(report, old) if old else report
    setting = Setting(
        "bisect",
        finding(report),
        typed_command(ctx),
        inputs_text(options),
        lambda: plain_text(lambda target: print_bisect(target, report, verbose=output.verbose)),
    )
    deliver(
        output,
        report.to_json,
        lambda target: print_bisect(target, report, verbose=output.verbose),
        lambda target: print_verdict(target, report),
        forms(report, setting),
    )
    write_culprit(repro, report, (reference, candidate), output, options)
    return exit_code(EXIT_CODES, report)
