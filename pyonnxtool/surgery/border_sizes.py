"""Sizes of inputs and outputs: names for them, numbers, and what follows inside the graph."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.errors import UsageError
from pyonnxtool.onnx_inference import ask_onnx
from pyonnxtool.rewriting import Refusal, refused
from pyonnxtool.rewriting.graphs import graphs_under
from pyonnxtool.surgery.selection import nothing_called, selected
from pyonnxtool.wording import typed

if TYPE_CHECKING:
    from pyonnxtool._core import Model, ShapeFacts, Value

Size = int | str | None
Sizes = tuple[Size, ...]

_AXIS = re.compile(r"(.+)\[(-?\d+)\]")
_WORD = re.compile(r"[^\W\d][\w.]*")
_TRIED = (2, 3)
"""Sizes that an open axis is tried at: what was made for one size fits neither."""


def sizes_asked(
    model: Model, shapes: Mapping[str, Sequence[Size] | None], dims: Mapping[str, Size]
) -> tuple[dict[str, Sizes | None], dict[str, Size]]:
    """Name of each input and output to its new shape, and name of each size to what it becomes.

    `shapes` has names or globs; a shape of None forgets all sizes. A key of `dims` is the name of a
    size ("batch"), which changes wherever it stands, or one axis of an input or output ("x[0]").
    Raises UsageError.
    """
    ports = {value.name: value for value in (*model.graph.inputs, *model.graph.outputs)}
    found: dict[str, Sizes | None] = {}
    for pattern, sizes in shapes.items():
        for name in selected([pattern], ports, "input or output"):
            found[name] = _fitting(ports[name], sizes)
    names = _size_names(model)
    renamed: dict[str, Size] = {}
    for key, size in dims.items():
        axis = _AXIS.fullmatch(key)
        if key in names:
            renamed[key] = _checked(key, size)
        elif axis is None:
            raise nothing_called(key, [*names, *(f"{name}[0]" for name in ports)], "size")
        else:
            for name in selected([axis[1]], ports, "input or output"):
                old = found.get(name, ports[name].shape)
                found[name] = _with_axis(name, old, int(axis[2]), _checked(key, size))
    return found, renamed


def _fitting(port: Value, sizes: Sequence[Size] | None) -> Sizes | None:
    if port.kind not in ("tensor", "unknown") or port.dtype is None:
        raise UsageError(f"{port.name!r} is a {port.kind}; only tensors with a dtype have sizes")
    if sizes is None:
        return None
    if port.shape is not None and len(port.shape) != len(sizes):
        raise UsageError(
            f"{port.name!r} is {typed(port.dtype, port.shape)}, of {len(port.shape)} axes; "
            f"{len(sizes)} sizes are given"
        )
    return tuple(_checked(port.name, size) for size in sizes)


def _checked(what: str, size: Size) -> Size:
    if isinstance(size, int) and not 0 <= size < 2**63:
        raise UsageError(f"{what}: a size cannot be {size}; write a number, a name, or ? for any")
    return size or None if isinstance(size, str) else size


def _with_axis(name: str, shape: Sizes | None, axis: int, size: Size) -> Sizes:
    if shape is None or not -len(shape) <= axis < len(shape):
        there = "no known axes" if shape is None else f"{len(shape)} axes"
        raise UsageError(f"{name}[{axis}]: {name!r} has {there}; axes are counted from 0")
    sizes = list(shape)
    sizes[axis] = size
    return tuple(sizes)


def _size_names(model: Model) -> list[str]:
    """Names of sizes that the model declares anywhere, those of inputs first."""
    graphs = graphs_under(model.graph)
    values = [*model.graph.inputs, *(value for graph in graphs for value in graph.values)]
    return list(dict.fromkeys(one for v in values for one in v.shape or () if isinstance(one, str)))


def resize(
    model: Model, shapes: Mapping[str, Sizes | None], names: Mapping[str, Size]
) -> tuple[Counter[str], list[str]]:
    """Declare the new sizes, and whatever follows from them inside; what was done, and notes.

    Raises Refused with the nodes that were made for one size and do not take another.
    """
    graph = model.graph
    known = {told for _, told in _inferred(model).contradictions}
    before = {value.name: value.shape for value in (*graph.inputs, *graph.outputs)}
    for graph_inside in graphs_under(graph):
        for value in graph_inside.values:
            sizes = _translated(value.shape, names)
            if value.kind == "tensor" and sizes != value.shape:
                _declare(value, sizes)
    for name, sizes in shapes.items():
        _declare(graph.value(name), sizes)
    inputs = [value for value in graph.inputs if value.initializer is None]
    if any(value.shape != before[value.name] for value in inputs):
        changed = _changed(inputs, before)
        _try_sizes(model, known, changed)
        _follow(model, set(shapes), {_at(before[name], axis) for name, axis in changed})
    changes: Counter[str] = Counter()
    for what, ports in (("inputs", graph.inputs), ("outputs", graph.outputs)):
        count = sum(value.shape != before[value.name] for value in ports)
        changes[f"{what} with other sizes"] = count
    return changes, _notes(model, before)


def _declare(value: Value, sizes: Sequence[Size] | None) -> None:
    if value.dtype is not None and value.initializer is None:
        value.graph.declare(value.name, value.dtype, sizes)


def _translated(shape: Sizes | None, names: Mapping[str, Size]) -> Sizes | None:
    """The shape in new names; what is computed of a name that changes is open."""
    return None if shape is None else tuple(_in_new_names(size, names) for size in shape)


def _in_new_names(size: Size, names: Mapping[str, Size]) -> Size:
    if not isinstance(size, str) or size in names:
        return names[size] if isinstance(size, str) else size
    return None if _of_those(size, set(names)) else size


def _inferred(model: Model) -> ShapeFacts:
    return _core.infer_shapes(model, ask_onnx)


def _changed(inputs: Sequence[Value], before: Mapping[str, Sizes | None]) -> set[tuple[str, int]]:
    """Axes of inputs that have another size than before."""
    return {
        (value.name, axis)
        for value in inputs
        for axis, size in enumerate(value.shape or ())
        if size != _at(before[value.name], axis)
    }


def _at(shape: Sizes | None, axis: int) -> Size:
    return shape[axis] if shape is not None and axis < len(shape) else None


def _try_sizes(model: Model, known: Iterable[str], changed: set[tuple[str, int]]) -> None:
    """Raises Refused where the model does not take sizes that its inputs now allow."""
    old = set(known)
    for tried in _TRIED:
        trial = model.copy()
        sizes: dict[str, int] = {}
        for value in trial.graph.inputs:
            if value.initializer is None and value.shape is not None:
                numbers = [
                    _number(value.name, axis, size, changed, tried, sizes)
                    for axis, size in enumerate(value.shape)
                ]
                _declare(value, numbers)
        found = [(n, text) for n, text in _inferred(trial).contradictions if text not in old]
        if found:
            told = ", ".join(f"{name}={size}" for name, size in sizes.items())
            where = f" at {told}" if told else ""
            raise refused(
                "set-io",
                [
                    Refusal(
                        node.name or next(filter(None, node.output_names), ""),
                        node.op_type,
                        f"the graph is made for one size{where}: {text}",
                    )
                    for node, text in found
                ],
            )


def _number(
    name: str,
    axis: int,
    size: Size,
    changed: set[tuple[str, int]],
    tried: int,
    sizes: dict[str, int],
) -> Size:
    """What to try an axis at: named ones alike, and those that are as they were stay open."""
    if isinstance(size, int):
        return size
    if size in sizes:
        return sizes[size]
    if (name, axis) not in changed:
        return size
    sizes[size or f"{name}[{axis}]"] = tried
    return tried


def _follow(model: Model, told: set[str], gone: set[Size]) -> None:
    """Declared shapes that do not hold any more become what is inferred, but those just given.

    A name stays where it is known no better, unless it is one of `gone`.
    """
    facts = _inferred(model)
    for graph in graphs_under(model.graph):
        for value in graph.values:
            given = graph == model.graph and (value.is_input or value.name in told)
            if given or value.kind != "tensor" or value.shape is None or value.is_outer:
                continue
            dims = facts.value(value.name, graph).dims
            sizes = _following(value.shape, dims, gone)
            if sizes != value.shape:
                _declare(value, sizes)


def _following(
    declared: Sizes, dims: Sequence[int | float | str | None] | None, gone: set[Size]
) -> Sizes | None:
    if dims is None or len(dims) != len(declared):
        return None if dims is None else tuple(_plain(size) for size in dims)
    return tuple(
        old
        if isinstance(old, str) and not isinstance(size, int) and not _of_those(old, gone)
        else _plain(size)
        for old, size in zip(declared, dims, strict=True)
    )


def _of_those(size: str, gone: set[Size]) -> bool:
    return size in gone or not gone.isdisjoint(_WORD.findall(size))


def _plain(size: int | float | str | None) -> Size:
    return size if isinstance(size, int | str) else None


def _notes(model: Model, before: Mapping[str, Sizes | None]) -> list[str]:
    """Says so when an axis of the inputs was opened and all outputs keep numbers only."""
    opened = {
        size
        for value in model.graph.inputs
        for axis, size in enumerate(value.shape or ())
        if isinstance(size, str) and isinstance(_at(before[value.name], axis), int)
    }
    reached = {
        name
        for value in model.graph.outputs
        for size in value.shape or ()
        if isinstance(size, str)
        for name in _WORD.findall(size)
    }
    return [
        f"no output has a size that depends on {name!r}; compare with real inputs of several sizes"
        for name in sorted(opened - reached)
    ]
