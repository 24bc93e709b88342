"""The facts of a model as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from pyonnxtool.cli._shapes_text import few, print_shapes
from pyonnxtool.cli._text import facts, heading, size, table
from pyonnxtool.inspection import Inspection, Place, Port, Unused
from pyonnxtool.wording import middle, plural, printable, typed

SHOWN = 8


def one_line(found: Inspection) -> str:
    """`m.onnx: 122 nodes, 161 weights (97.5 MiB), opset 17`."""
    weights = f"{plural(found.weights.count, 'weight')} ({size(found.weights.nbytes)})"
    name = Path(found.path).name or "model"
    return f"{name}: {plural(found.nodes, 'node')}, {weights}, {opsets(found)}"


def opsets(found: Inspection) -> str:
    """`opset 17, com.microsoft 1`."""
    main = [f"opset {found.opsets['ai.onnx']}"] if "ai.onnx" in found.opsets else []
    others = [f"{domain} {v}" for domain, v in found.opsets.items() if domain != "ai.onnx"]
    return ", ".join(main + others) or "no opset"


def taken_by(found: Inspection) -> str:
    """`onnxruntime-1.12, tensorrt-8.4 and later`: by opset and IR version, not by operators."""
    if not found.runtimes:
        return "no runtime that is known; `pyonnxtool opset` brings it to an older opset"
    return f"{', '.join(found.runtimes)} and later"


def print_inspection(target: Console, found: Inspection, *, verbose: bool) -> None:
    """Everything, lists cut to a few entries unless `verbose`."""
    limit = None if verbose else SHOWN
    target.print(Text(one_line(found), style="bold"))
    lines: list[tuple[str, str | Text]] = [("  IR version", str(found.ir_version))]
    if found.producer:
        lines.append(("  made by", found.producer))
    if found.subgraphs:
        lines.append(("  subgraphs", f"{found.subgraphs:,}, their nodes are counted"))
    lines.append(("  taken by", taken_by(found)))
    facts(target, lines)
    print_ports(target, "Inputs", found.inputs, limit)
    print_ports(target, "Outputs", found.outputs, limit)
    if found.dynamic_dims:
        takers = "diff, bisect and specialize take --dim NAME=SIZE and --shape"
        heading(target, "Dynamic dimensions", takers)
        places = found.dynamic_dims.items()
        facts(target, [(f"  {name}", few(at, limit and limit // 2)) for name, at in places])
    print_ops(target, found, limit)
    print_weights(target, found)
    print_places(target, "Operators that ONNX does not define", found.custom_ops, limit)
    print_places(target, "Operators that draw random numbers", found.random_ops, limit)
    if found.functions:
        heading(target, "Functions of the model")
        told = [
            (
                f"  {function.domain}::{function.name}",
                f"{plural(function.nodes, 'node')}, called {plural(function.calls, 'time')}",
            )
            for function in found.functions[:limit]
        ]
        facts(target, told)
    print_unused(target, found.unused, limit)
    if found.shapes:
        print_shapes(target, found.shapes, limit)


def print_ports(target: Console, title: str, ports: Sequence[Port], limit: int | None) -> None:
    """Name and type of each input or output."""
    heading(target, title)
    lines = []
    for port in ports[:limit]:
        plain = port.kind == "tensor" or port.dtype is None
        kind = typed(port.dtype, port.shape) if plain else f"{port.kind} of {port.dtype}"
        lines.append((f"  {middle(port.name, 50)}", kind))
    facts(target, lines or [("  none", "")])
    if left := len(ports) - len(lines):
        target.print(Text(f"  {left:,} more; -v shows all", style="dim"))


def print_ops(target: Console, found: Inspection, limit: int | None) -> None:
    """How often each operator occurs, as many columns as fit."""
    heading(target, "Operators", f"{plural(len(found.ops), 'kind')}, most frequent first")
    counts = list(found.ops.items())
    shown = counts if limit is None else counts[: limit * 3]
    widest = max((len(name) for name, _ in shown), default=0)
    across = max(min((target.width - 2) // (widest + 11), 4), 1)
    down = -(-len(shown) // across)
    for row in range(down):
        cells = [f"{printable(name):{widest}} {count:>6,}" for name, count in shown[row::down]]
        target.print(f"  {'    '.join(cells)}", overflow="fold")
    if len(shown) < len(counts):
        target.print(Text(f"  {len(counts) - len(shown):,} more kinds; -v shows all", style="dim"))


def print_weights(target: Console, found: Inspection) -> None:
    """A row for each dtype, then where the bytes are."""
    weights = found.weights
    heading(target, "Weights", f"{weights.count:,}, {size(weights.nbytes)}")
    if weights.count:
        drawn = table(target)
        drawn.add_column("  dtype")
        drawn.add_column("count", justify="right")
        drawn.add_column("bytes", justify="right")
        for row in weights.dtypes:
            drawn.add_row(f"  {row.dtype}", f"{row.count:,}", size(row.nbytes))
        target.print(drawn)
    if weights.external:
        files = few([Path(name).name for name in weights.files], SHOWN)
        told = f"  {size(weights.inside)} inside the file, {size(weights.external)} in {files}"
        target.print(told, overflow="fold")


def print_places(target: Console, title: str, places: Sequence[Place], limit: int | None) -> None:
    """Nodes that deserve a look, grouped by operator."""
    if not places:
        return
    heading(target, title)
    grouped: dict[str, list[str]] = {}
    for place in places:
        op = f"{place.domain}::{place.op_type}" if place.domain else place.op_type
        grouped.setdefault(op, []).append(place.node or f"(makes {', '.join(place.outputs)})")
    facts(target, [(f"  {op}", few(names, limit)) for op, names in grouped.items()])


def print_unused(target: Console, unused: Sequence[Unused], limit: int | None) -> None:
    """Values that nothing reads, by kind."""
    if not unused:
        return
    heading(target, "Never used", f"{plural(len(unused), 'value')} that nothing reads")
    lines = []
    for kind in ("input", "weight", "result"):
        names = [
            f"{item.name} ({item.op_type})" if item.op_type else item.name
            for item in unused
            if item.kind == kind
        ]
        if names:
            lines.append((f"  {kind}s", few(names, limit)))
    facts(target, lines)
