"""Inferred shapes as people read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from pyonnxtool.cli._text import facts, heading, table
from pyonnxtool.shapes import Number, ShapedValue, Shapes, Unruled
from pyonnxtool.wording import middle, plural, printable

NAME, OPERATOR = 36, 24
SIZES = 3
MOST_ELEMENTS = 8


def shapes_line(shapes: Shapes) -> str:
    """`118 values: 110 fixed, 7 depend on batch, 1 only known when the model runs`."""
    states = Counter(value.state for value in shapes.values)
    sizes = sized_by(shapes)
    more = len(sizes) - SIZES
    names = ", ".join(middle(name, 24) for name in sizes[:SIZES]) or "names"
    names += f" and {more:,} more" if more > 0 else ""
    words = {
        "fixed": "fixed",
        "named": f"depend on {names}",
        "open": "only known when the model runs",
    }
    parts = [f"{states[state]:,} {told}" for state, told in words.items() if states[state]]
    return f"{plural(len(shapes.values), 'value')}{': ' if parts else ''}{', '.join(parts)}"


def sized_by(shapes: Shapes) -> list[str]:
    """Names and expressions that inputs have as sizes, in their order: what a user can bind."""
    sizes = [
        size
        for value in shapes.values
        if not value.op_type and value.graph == "main"
        for size in value.shape or ()
        if isinstance(size, str)
    ]
    return list(dict.fromkeys(sizes))


def print_shapes(target: Console, shapes: Shapes, limit: int | None) -> None:
    """Contradictions, then every value, then what is open and why."""
    heading(target, "Inferred shapes", shapes_line(shapes))
    for one in shapes.contradictions:
        target.print(Text(f"  error: {printable(one.message)}", style="bold red"))
    print_values(target, [one for one in shapes.values if one.op_type != "Constant"])
    if constants := sum(one.op_type == "Constant" for one in shapes.values):
        left = f"  {plural(constants, 'constant')} not shown; --format json has them"
        target.print(Text(left, style="dim"))
    print_open(target, shapes.values, limit)
    print_unruled(target, shapes.without_rule, limit)


def print_values(target: Console, values: Sequence[ShapedValue]) -> None:
    """A row for each, and one where a body begins or ends."""
    drawn = table(target)
    drawn.add_column("  value", no_wrap=True)
    drawn.add_column("made by", no_wrap=True)
    drawn.add_column("type", overflow="fold")
    graph = "main"
    for value in values:
        if value.graph != graph:
            graph = value.graph
            drawn.add_row(Text(f"  in {middle(graph, NAME - 3)}", style="dim"))
        name = middle(value.value, NAME)
        drawn.add_row(f"  {name}", middle(value.op_type or "input", OPERATOR), typed(value))
    target.print(drawn)


def typed(value: ShapedValue) -> str:
    """`float32[batch,3]`, and of shape arithmetic `int64[2] = [batch,3]`."""
    found = elements(value)
    return printable(f"{type_of(value)} = {found}" if found else type_of(value))


def type_of(value: ShapedValue) -> str:
    """`float32[batch,3,h//2]`; an unknown size is `?`."""
    if value.kind in {"unknown", "other"}:
        return value.kind
    sizes = "of any shape" if value.shape is None else listed(value.shape)
    tensor = f"{value.dtype or '?'}{' ' if value.shape is None else ''}{sizes}"
    return tensor if value.kind == "tensor" else f"{value.kind} of {tensor}"


def listed(numbers: Sequence[Number]) -> str:
    """`[batch,3,?]`."""
    return f"[{','.join(told(one) for one in numbers)}]"


def told(one: Number) -> str:
    """One of them: floats with the digits that people read."""
    if one is None:
        return "?"
    return f"{one:.6g}" if isinstance(one, float) else str(one)


def elements(value: ShapedValue) -> str:
    """The elements of shape arithmetic, the first few of many."""
    if value.elements is None or all(one is None for one in value.elements):
        return ""
    more = len(value.elements) > MOST_ELEMENTS
    shown = listed(value.elements[:MOST_ELEMENTS])
    return f"{shown[:-1]},…]" if more else shown


def print_open(target: Console, values: Sequence[ShapedValue], limit: int | None) -> None:
    """Reasons why sizes are only known when the model runs, each with the values it keeps open."""
    kept: dict[str, list[str]] = {}
    for value in values:
        if value.state == "open":
            for reason in value.reasons or ("nothing tells its size",):
                kept.setdefault(reason, []).append(value.value)
    if not kept:
        return
    heading(target, "Only known when the model runs", "the reason, and what depends on it")
    for reason, names in list(kept.items())[:limit]:
        target.print(Text(f"  {printable(reason)}"), overflow="fold")
        target.print(Text(f"    {few(names, limit)}", style="dim"), overflow="fold")
    if limit is not None and len(kept) > limit:
        left = len(kept) - limit
        target.print(Text(f"  {left:,} more reasons; -v shows all", style="dim"))


def print_unruled(target: Console, nodes: Sequence[Unruled], limit: int | None) -> None:
    """Operators without a rule, and who was asked instead."""
    if not nodes:
        return
    heading(target, "Operators without a shape rule")
    grouped: dict[tuple[str, str], list[str]] = {}
    for one in nodes:
        op = f"{one.domain}::{one.op_type}" if one.domain else one.op_type
        grouped.setdefault((op, instead(one)), []).append(one.node)
    rows = [
        (f"  {middle(op, 40)}", f"{source}: {few(names, limit)}")
        for (op, source), names in grouped.items()
    ]
    facts(target, rows)


def instead(node: Unruled) -> str:
    """Who was asked of a node without a rule."""
    if node.is_call:
        return "a function of the model that has one"
    return "the onnx package's inference" if node.by_onnx else "nothing known but declared types"


def few(names: Sequence[str], limit: int | None) -> str:
    """The first names, and how many there are more."""
    shown = ", ".join(middle(name, 60) for name in names[:limit])
    left = len(names) - len(names[:limit])
    return f"{shown} and {left:,} more (-v shows all)" if left else shown
