"""A size for every dynamic dimension: what the user says, what names imply, sensible defaults."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from pyonnxtool.errors import UsageError
from pyonnxtool.feeds.check import describe_inputs, required_inputs

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Value

Dim = int | str | None
Default = Callable[["Value", int, str], int]
"""A size for an axis of an input whose dimension has this name."""

_SEQUENCE = 8
_PAST = 4
_AUDIO = 16000
# A multiple of 64: nets that halve the image up to six times, and add it up again, still fit.
_IMAGE = 128
_FEATURE_MAP = 64
_HINTS = (
    (("batch", "bs", "n", "b"), 1),
    (("past", "cache"), _PAST),
    (("height", "width", "h", "w"), 0),
    (("audio", "samples", "waveform", "num_samples"), _AUDIO),
    (("mel", "frame", "frames", "time", "t"), 64),
    (("seq", "sequence", "len", "length", "token", "tokens", "text"), _SEQUENCE),
)


def resolve_shapes(
    model: Model,
    shapes: Mapping[str, Sequence[int]],
    dims: Mapping[str, int],
    *,
    other: bool = False,
) -> dict[str, tuple[int, ...]]:
    """A fixed shape for every required input. Equal dimension names get equal sizes.

    With `other`, each size that was not asked for is another one than without.
    """
    inputs = required_inputs(model)
    symbols = {dim for value in inputs for dim in value.shape or () if isinstance(dim, str)}
    parts = {name for symbol in symbols for name in _names_in(symbol)}
    _refuse_unknown(model, shapes, dims, symbols | parts)
    sizes = _bound_sizes(inputs, shapes, dims)
    default = _other_default if other else _default
    _choose_rest(inputs, sizes, symbols, default)
    return {
        value.name: tuple(shapes[value.name])
        if value.name in shapes
        else tuple(_size(value, axis, sizes, default) for axis in range(len(_known_shape(value))))
        for value in inputs
    }


def _refuse_unknown(
    model: Model,
    shapes: Mapping[str, Sequence[int]],
    dims: Mapping[str, int],
    symbols: set[str],
) -> None:
    names = {value.name for value in model.graph.inputs}
    for name in shapes:
        if name not in names:
            raise UsageError(f"--shape {name}: no such input; there are: {describe_inputs(model)}")
    for name in dims:
        if name not in symbols:
            there = ", ".join(sorted(symbols)) or "none"
            raise UsageError(f"--dim {name}: no dimension has that name; there are: {there}")


def _bound_sizes(
    inputs: Sequence[Value], shapes: Mapping[str, Sequence[int]], dims: Mapping[str, int]
) -> dict[str, int]:
    """What --dim says, and what --shape implies for the names in those shapes."""
    sizes = dict(dims)
    for value in inputs:
        if value.name not in shapes or value.shape is None:
            continue
        given = shapes[value.name]
        if len(given) != len(value.shape):
            raise UsageError(
                f"--shape {value.name}: {len(given)} sizes given, the model has"
                f" {len(value.shape)} dimensions: {list(value.shape)}"
            )
        for axis, (size, dim) in enumerate(zip(given, value.shape, strict=True)):
            if isinstance(dim, int) and dim >= 0 and dim != size:
                raise UsageError(
                    f"--shape {value.name}: dimension {axis} is fixed at {dim}, not {size}"
                )
            if isinstance(dim, str) and sizes.setdefault(dim, size) != size:
                raise UsageError(
                    f"dimension {dim!r} gets two sizes, {sizes[dim]} and {size}, by --shape/--dim"
                )
    return sizes


def _choose_rest(
    inputs: Sequence[Value], sizes: dict[str, int], symbols: set[str], default: Default
) -> None:
    """Plain names first; totals and expressions are worked out from them."""
    derived = []
    for value in inputs:
        for axis, dim in enumerate(value.shape or ()):
            if not isinstance(dim, str) or dim in sizes:
                continue
            if _names_in(dim) != [dim] or _summands(dim, value, symbols, inputs):
                derived.append((value, axis, dim))
            else:
                sizes[dim] = default(value, axis, dim)
    for value, axis, dim in derived:
        if dim in sizes:
            continue
        for name in _names_in(dim):
            if name != dim:
                sizes.setdefault(name, default(value, axis, name))
        terms = _summands(dim, value, symbols, inputs)
        worked_out = _evaluate(dim, sizes)
        if worked_out is None and terms:
            worked_out = sum(sizes[term] for term in terms)
        sizes[dim] = default(value, axis, dim) if worked_out is None else worked_out


def _summands(
    dim: str, value: Value, symbols: set[str], inputs: Sequence[Value]
) -> tuple[str, ...]:
    """("past", "sequence") when `dim` must be their sum: a total length, or a mask's own length.

    Exporters name the length of a decoder's attention mask freely; it covers what the cache
    holds and what comes now.
    """
    words = _words(dim)
    past = sorted(name for name in symbols if _words(name) & {"past", "cache"} and name != dim)
    plain = [name for name in past if _names_in(name) == [name]]
    if not plain or words & {"past", "cache", "batch"}:
        return ()
    owners = [other for other in inputs if dim in (other.shape or ())]
    own_length = all("mask" in other.name for other in owners) and (value.shape or ())[-1:] == (
        dim,
    )
    if "total" not in words and not own_length:
        return ()
    now = sorted(
        name
        for name in symbols - set(past) - {dim}
        if _words(name) & {"seq", "sequence", "len", "length"} and "total" not in _words(name)
    )
    return (plain[0], now[0]) if now else ()


def _words(name: str) -> set[str]:
    return set(re.split(r"[^a-z]+", name.lower()))


def _names_in(text: str) -> list[str]:
    """The names in a dimension expression; `text` itself where it is none."""
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError):
        return [text]
    found = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return list(dict.fromkeys(found)) or [text]


def _evaluate(text: str, sizes: Mapping[str, int]) -> int | None:
    """Sums, differences, products and quotients of known names. None for anything else."""
    try:
        return _value_of(ast.parse(text, mode="eval").body, sizes)
    except (SyntaxError, ValueError, KeyError, ZeroDivisionError, TypeError):
        return None


def _value_of(node: ast.expr, sizes: Mapping[str, int]) -> int:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.Name):
        return sizes[node.id]
    if isinstance(node, ast.BinOp):
        left, right = _value_of(node.left, sizes), _value_of(node.right, sizes)
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
        if isinstance(node.op, ast.Mult):
            return left * right
        if isinstance(node.op, ast.FloorDiv | ast.Div):
            return left // right
    raise ValueError("not a simple expression")


def _known_shape(value: Value) -> Sequence[Dim]:
    if value.shape is None:
        raise UsageError(
            f"input {value.name!r} has no shape in the model: give one, --shape {value.name}=1,8,"
            " or inputs with --inputs"
        )
    return value.shape


def _size(value: Value, axis: int, sizes: Mapping[str, int], default: Default) -> int:
    dim = _known_shape(value)[axis]
    if isinstance(dim, str):
        return sizes[dim]
    return default(value, axis, "") if dim is None or dim < 0 else dim


def _default(value: Value, axis: int, name: str) -> int:
    """What a dimension of this name at this place usually stands for."""
    words = _words(name)
    for hints, size in _HINTS:
        if words & set(hints):
            return size or _extent(value)
    if axis == 0:
        return 1
    rank = len(value.shape or ())
    return _extent(value) if rank == 4 else _SEQUENCE


def _other_default(value: Value, axis: int, name: str) -> int:
    """Half as much again, so that multiples stay such; widths other than heights."""
    size = _default(value, axis, name)
    wide = _words(name) & {"width", "w"} or (not name and axis == 3)
    return 2 * size if wide else size + max(size // 2, 1)


def _extent(value: Value) -> int:
    """Height and width: large for pictures, smaller for latents and feature maps."""
    shape = value.shape or ()
    channels = set(shape[1:2] + shape[-1:]) if len(shape) == 4 else set()
    return _IMAGE if channels & {1, 3} else _FEATURE_MAP
