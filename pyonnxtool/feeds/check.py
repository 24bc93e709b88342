"""Whether given arrays are what the model's inputs ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyonnxtool.errors import UsageError
from pyonnxtool.feeds.dtypes import dtype_name, numpy_dtype

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Value

Array = NDArray[Any]


def required_inputs(model: Model) -> list[Value]:
    """The inputs that have no default: an initializer of the same name is one."""
    return [value for value in model.graph.inputs if value.initializer is None]


def describe_inputs(model: Model) -> str:
    """For messages: "x float32[batch,3,224,224], ids int64[batch,8]"."""
    return ", ".join(_described(value) for value in required_inputs(model)) or "none"


def check_feeds(model: Model, feeds: Mapping[str, Any], source: str = "the inputs") -> None:
    """Raises UsageError with every problem at once: names, element types, ranks, fixed sizes."""
    known = {value.name: value for value in model.graph.inputs}
    problems = [f"{name!r} is no input of the model" for name in sorted(feeds) if name not in known]
    for value in required_inputs(model):
        if value.name not in feeds:
            problems.append(f"input {value.name!r} is missing")
    for name, value in known.items():
        if name in feeds:
            problems += _mismatches(value, feeds[name])
    if problems:
        lines = "".join(f"\n  - {problem}" for problem in problems)
        raise UsageError(f"{source} do not fit the model:{lines}\n  It takes {_listed(model)}")


def fit_stored(array: Array, value: Value | None) -> Array:
    """The array with its element type back: numpy files keep bfloat16 and its like as raw bytes."""
    if value is None or value.dtype is None or value.dtype == "string":
        return array.astype(object) if array.dtype.kind in "US" else array
    wanted = numpy_dtype(value.dtype)
    raw = array.dtype.kind == "V" and array.dtype != wanted
    return array.view(wanted) if raw and array.dtype.itemsize == wanted.itemsize else array


def _listed(model: Model) -> str:
    values = required_inputs(model)
    more = f", ... ({len(values)} in all)" if len(values) > 12 else ""
    return (", ".join(_described(value) for value in values[:12]) or "no inputs") + more


def _described(value: Value) -> str:
    return f"{value.name} {value.dtype or value.kind}{_shape_text(value.shape)}"


def _shape_text(shape: Sequence[int | str | None] | None) -> str:
    if shape is None:
        return " of any shape"
    return "[" + ",".join("?" if size is None else str(size) for size in shape) + "]"


def _mismatches(value: Value, given: Any) -> list[str]:
    if value.kind != "tensor":
        return [] if _is_python_value(given) else [f"input {value.name!r} is a {value.kind}"]
    if not isinstance(given, np.ndarray):
        return [f"input {value.name!r}: a numpy array is expected, not a {type(given).__name__}"]
    problems = []
    found = dtype_name(given.dtype)
    if value.dtype is not None and found != value.dtype:
        problems.append(f"input {value.name!r} is {found}; the model expects {value.dtype}")
    if value.shape is not None and not _fits(given.shape, value.shape):
        problems.append(
            f"input {value.name!r} has shape {_shape_text(given.shape)};"
            f" the model expects {_shape_text(value.shape)}"
        )
    return problems


def _is_python_value(given: Any) -> bool:
    return given is None or isinstance(given, list | dict | np.ndarray)


def _fits(given: Sequence[int], wanted: Sequence[int | str | None]) -> bool:
    return len(given) == len(wanted) and all(
        not isinstance(size, int) or size < 0 or size == have
        for have, size in zip(given, wanted, strict=True)
    )
