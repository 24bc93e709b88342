"""What every rewrite prints: what was done, what was left, sizes, and how it was checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from pyonnxtool.cli._text import facts, heading, size
from pyonnxtool.inspection import Port
from pyonnxtool.report import ValueRow
from pyonnxtool.rewriting import Left, Measure, RewriteReport, Verification
from pyonnxtool.wording import distance, middle, plural, printable, typed

SHOWN = 8


def checked(found: Verification | None) -> str:
    """`outputs agree on 2 samples`, for a line."""
    if found is None:
        return "not verified"
    if found.drifted:
        return f"outputs drift on {plural(found.samples, 'sample')}, no node is wrong"
    return f"outputs agree on {plural(found.samples, 'sample')}"


def shrunk(before: Measure, after: Measure) -> str:
    """`588 nodes became 412`; `412 nodes` when nothing changed."""
    if before.nodes == after.nodes:
        return plural(after.nodes, "node")
    return f"{plural(before.nodes, 'node')} became {after.nodes:,}"


def print_changes(
    target: Console, report: RewriteReport, nothing: str = "there was nothing to simplify"
) -> None:
    """How often each rule did something; `nothing` says why none did."""
    heading(target, "What was done")
    width = max((len(f"{one.count:,}") for one in report.changes), default=0)
    lines = [(f"  {one.count:>{width},}", one.rule) for one in report.changes]
    facts(target, [*lines] or [("  nothing", nothing)])


def print_left(target: Console, left: Sequence[Left], limit: int | None) -> None:
    """What a rule would have changed and did not. In short, nodes of one reason are a line."""
    if not left:
        return
    heading(target, "Left as it was")
    rows = [(f"  {middle(one.node, 50)}", one.reason) for one in left]
    if limit is not None:
        alike: dict[str, list[str]] = {}
        for one in left:
            alike.setdefault(one.reason, []).append(one.node)
        rows = [(f"  {_several(nodes)}", reason) for reason, nodes in alike.items()]
    facts(target, rows[:limit])
    print_more(target, len(rows), limit)


def _several(nodes: Sequence[str]) -> str:
    more = f" and {len(nodes) - 1:,} more" if len(nodes) > 1 else ""
    return middle(nodes[0], 50 - len(more)) + more


def print_sizes(target: Console, before: Measure, after: Measure) -> None:
    """Nodes, shape operators and weights, before and after."""
    heading(target, "Size")
    facts(
        target,
        [
            ("  nodes", f"{before.nodes:,} -> {after.nodes:,}"),
            ("  shape and control nodes", f"{before.shape_ops:,} -> {after.shape_ops:,}"),
            ("  weights", f"{size(before.weight_bytes)} -> {size(after.weight_bytes)}"),
        ],
    )


def print_verification(target: Console, found: Verification | None, limit: int | None) -> None:
    """On what both models were run, and how far their outputs are apart."""
    if found is None:
        return
    ours, theirs = found.backends
    how = ours if ours == theirs else f"{ours}, the new model with {theirs}"
    heading(target, "Verified", f"on {plural(found.samples, 'sample')} with {how}")
    tried = [
        ", ".join(f"{name}{list(shape)}" for name, shape in one.items()) for one in found.sizes
    ]
    lines = [("  inputs", text.replace(" ", "").replace(",", ", ")) for text in tried[:limit]]
    lines += [(f"  {middle(row.value, 40)}", agreement(row)) for row in found.outputs[:limit]]
    facts(target, lines)
    print_more(target, len(found.outputs), limit)
    facts(target, [("  note", note) for note in found.notes])


def agreement(row: ValueRow) -> str:
    """`equal`, or how far apart; text has no distance."""
    apart = distance(row) or ("equal" if row.status == "ok" else "")
    return "; ".join(filter(None, (apart, row.note)))


def print_written(target: Console, written: Sequence[str]) -> None:
    """The files, with their sizes."""
    if not written:
        return
    heading(target, "Written")
    sizes = {Path(name): Path(name).stat().st_size for name in written}
    beside = Path(written[0]).parent
    folders = Counter(path.parent for path in sizes if path.parent != beside)
    for folder, count in folders.items():
        if count > 1:  # a file for each weight
            inside = [path for path in sizes if path.parent == folder]
            sizes[folder / f"({plural(count, 'file')})"] = sum(map(sizes.pop, inside))
    facts(target, [(f"  {printable(str(path))}", size(one)) for path, one in sizes.items()])


def print_more(target: Console, count: int, limit: int | None) -> None:
    """Says how many lines were left out."""
    if limit is not None and count > limit:
        target.print(Text(f"  {count - limit:,} more; -v shows all", style="dim"))


def print_ports(
    target: Console,
    title: str,
    before: Sequence[Port],
    after: Sequence[Port],
    limit: int | None,
    old_names: Mapping[str, str] | None = None,
) -> None:
    """Each input or output as it is now, and as it was where that differs.

    `old_names` are those that ports had before, by their names now.
    """
    heading(target, title)
    old = {port.name: port_type(port) for port in before}
    called = {now: name for now, name in (old_names or {}).items() if name in old}
    lines = []
    for port in after[:limit]:
        new, name = port_type(port), called.get(port.name, port.name)
        was = old.get(name, new)
        other = middle(name, 40) if name != port.name else ""
        told = f"{other} {was if was != new else ''}".strip()
        lines.append((f"  {middle(port.name, 50)}", f"{new}, was {told}" if told else new))
    facts(target, lines or [("  none", "")])
    print_more(target, len(after), limit)


def port_type(port: Port) -> str:
    """`float32[batch,3,224,224]`."""
    plain = port.kind == "tensor" or port.dtype is None
    return typed(port.dtype, port.shape) if plain else f"{port.kind} of {port.dtype}"
