"""The report of layout as people read it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from shlex import join

from rich.console import Console
from rich.text import Text

from pyonnxtool.cli._rewrite_text import (
    SHOWN,
    checked,
    print_changes,
    print_left,
    print_more,
    print_ports,
    print_sizes,
    print_verification,
    print_written,
)
from pyonnxtool.cli._text import facts, heading, size, table
from pyonnxtool.relayout import LayoutReport, Move, Plan, Traffic
from pyonnxtool.wording import middle, plural, printable

_GAPS = 6
"""Spaces between the columns of the table of moves."""
_EDGE_SHARE = 0.47
_READERS = 2


def summary(report: LayoutReport) -> Text:
    """`relaid: model.onnx, 14 Transposes (3.2 MiB) before, 2 (96.0 KiB) after; no plan ...`."""
    line = Text("relaid", style="bold green")
    name = printable(Path(report.model).name)
    told = f": {name}, {moved(report.plan)}; {checked(report.verification)}"
    return line.append(told, style="not bold default")


def moved(plan: Plan) -> str:
    """`14 Transposes (3.2 MiB) before, 2 (96.0 KiB) after; no plan moves fewer`."""
    before, after = plan.before, plan.after
    if not before.transposes and not after.transposes:
        return "no Transpose moves anything, before or after"
    if before == after:
        told = f"{_traffic(before)} before and after"
    elif not before.transposes:
        told = f"no Transpose before, {after.transposes:,} ({size(after.nbytes)}) after"
    else:
        left = f"{after.transposes:,} ({size(after.nbytes)})" if after.transposes else "none"
        told = f"{_traffic(before)} before, {left} after"
    return f"{told}; {_bound(plan)}" if after.nbytes else told


def _traffic(one: Traffic) -> str:
    return f"{plural(one.transposes, 'Transpose')} ({size(one.nbytes)})"


def _bound(plan: Plan) -> str:
    if plan.is_best:
        return "no plan moves fewer"
    return f"no plan moves fewer than {size(plan.optimum)}"


def print_layout(
    target: Console, report: LayoutReport, *, verbose: bool, kept: Path | None = None
) -> None:
    """What lies otherwise, what is transposed before and after, what is left and why, the proof.

    `kept` is the file that the JSON went to.
    """
    limit = None if verbose else SHOWN
    target.print(summary(report))
    print_ports(target, "Inputs", report.inputs_before, report.inputs, limit)
    print_ports(target, "Outputs", report.outputs_before, report.outputs, limit)
    print_plan(target, report)
    print_moves(target, report.plan.moves, limit)
    if report.functions:
        heading(target, "Functions", "channels-last, each with its plain operator as the body")
        facts(target, [("  added", ", ".join(report.functions))])
    print_changes(target, report, "no other layout moves fewer bytes")
    print_left(target, report.left, limit)
    print_sizes(target, report.before, report.after)
    print_verification(target, report.verification, limit)
    facts(target, [("note", note) for note in report.notes])
    print_written(target, report.written)
    if kept and _is_another(report):
        told = join(["pyonnxtool", "diff", report.model, report.written[0], "--map", str(kept)])
        target.print()
        line = Text("To compare the two: ", style="dim").append(told, style="default")
        target.print(line, soft_wrap=True)


def _is_another(report: LayoutReport) -> bool:
    """Whether both models are there: a new one was written, and not in the old one's place."""
    made = report.written[:1]
    return any(Path(name).absolute() != Path(report.model).absolute() for name in made)


def print_plan(target: Console, report: LayoutReport) -> None:
    """Transposes and bytes, before and after, beside the fewest that any plan moves."""
    plan = report.plan
    sizes = ", ".join(f"{name}={count}" for name, count in report.sizes.items())
    heading(target, "Transposed in one run", f"at {sizes}" if sizes else "")
    grid = table(target)
    grid.add_column("")
    for title in ("before", "after", "at least"):
        grid.add_column(title, justify="right")
    grid.add_column("")
    before, after = plan.before, plan.after
    grid.add_row("  Transposes", f"{before.transposes:,}", f"{after.transposes:,}", "", "")
    proved = f"proved by {plan.method}" if plan.is_best else f"found by {plan.method}"
    amounts = (size(before.nbytes), size(after.nbytes), size(plan.optimum))
    grid.add_row("  bytes", *amounts, printable(proved))
    target.print(grid)


def print_moves(target: Console, moves: Sequence[Move], limit: int | None) -> None:
    """The Transposes of the new model, the largest first, each with the reason that it is there."""
    if not moves:
        return
    heading(target, "Transposes that are left", "the largest first")
    shown = moves[:limit]
    costs = [size(one.nbytes) if one.nbytes else "Reshape" for one in shown]
    perms = [",".join(map(str, one.perm)) for one in shown]
    taken = max(5, *map(len, costs)) + max(4, *map(len, perms)) + _GAPS
    edge = int((target.width - taken) * _EDGE_SHARE)
    grid = table(target)
    grid.add_column("bytes", justify="right", no_wrap=True)
    grid.add_column("perm", no_wrap=True)
    grid.add_column("between", width=edge, overflow="fold")
    grid.add_column("why", width=target.width - taken - edge, overflow="fold")
    for one, cost, perm in zip(shown, costs, perms, strict=True):
        grid.add_row(cost, perm, _edge(one, edge), Text(printable(one.reason)))
    target.print(grid)
    print_more(target, len(moves), limit)


def _edge(one: Move, width: int) -> Text:
    """`conv1 (Conv) -> flat (Flatten), output 'y' and 2 more`."""
    readers = [_short(reader, width) for reader in one.readers[:_READERS]]
    more = len(one.readers) - len(readers)
    told = ", ".join(readers) + (f" and {more:,} more" if more else "")
    return Text(f"{_short(one.between, width)} -> {told}")


def _short(label: str, width: int) -> str:
    """`conv1 (Conv)` of "node 'conv1' (Conv)"; other labels as they are, in one line."""
    match = re.fullmatch(r"node '(.*)' (\(\w+\))", label, re.DOTALL)
    if match is None:
        return middle(label, width)
    return f"{middle(match[1], max(8, width - len(match[2]) - 1))} {match[2]}"
