"""Sizes that a user binds, and what to say when there are none."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pyonnxtool.errors import UsageError
from pyonnxtool.feeds import required_inputs
from pyonnxtool.feeds.sizes import resolve_shapes

if TYPE_CHECKING:
    from pyonnxtool._core import Model

Size: TypeAlias = "int | str | None"
"""A number; the name that a size is to have; or None: it stays as it is."""
Shapes: TypeAlias = "Mapping[str, Sequence[Size]]"
Dims: TypeAlias = "Mapping[str, Size]"
"""By the name of a size, or by input and axis: "x[0]"."""

_SOME_SHAPE = (1, 8)


def check_something_is_bound(model: Model, shapes: Shapes | None, dims: Dims | None) -> None:
    """Raises UsageError, with a command that works, when no size is given and some are open."""
    if shapes or dims:
        return
    places = open_sizes(model)
    if not places:
        return
    listed = ", ".join(f"{name} ({', '.join(at)})" for name, at in places.items())
    raise UsageError(
        f"no size is bound; dimensions of the inputs without one: {listed}. For example:\n"
        f"  {example_command(model)}"
    )


def open_sizes(model: Model) -> dict[str, list[str]]:
    """Name of each open dimension ("?" without one) to where it is: "x[0]"."""
    places: dict[str, list[str]] = {}
    for value in required_inputs(model):
        if value.shape is None and value.kind == "tensor":
            places.setdefault("any shape", []).append(value.name)
        for axis, dim in enumerate(value.shape or ()):
            if not isinstance(dim, int) or dim < 0:
                places.setdefault(dim if isinstance(dim, str) else "?", []).append(
                    f"{value.name}[{axis}]"
                )
    return places


def example_command(model: Model) -> str:
    """A call that binds every open size to one that inputs of such names usually have.

    Of an input without even a rank the shape is only an example.
    """
    path = Path(model.path or "model.onnx")
    words = ["pyonnxtool", "specialize", str(path), "-o", f"{path.stem}_fixed.onnx"]
    rankless = [v for v in required_inputs(model) if v.shape is None and v.kind == "tensor"]
    guessed = {value.name: _SOME_SHAPE for value in rankless}
    sizes = resolve_shapes(model, guessed, {})
    for name, shape in guessed.items():
        words += ["--shape", f"{name}={','.join(map(str, shape))}"]
    said: set[str] = set()
    for value in required_inputs(model):
        open_axes = [
            (axis, dim)
            for axis, dim in enumerate(value.shape or ())
            if not isinstance(dim, int) or dim < 0
        ]
        if any(not isinstance(dim, str) for _, dim in open_axes):
            words += ["--shape", f"{value.name}={','.join(map(str, sizes[value.name]))}"]
            said.update(dim for _, dim in open_axes if isinstance(dim, str))
    for value in required_inputs(model):
        for axis, dim in enumerate(value.shape or ()):
            if isinstance(dim, str) and dim not in said:
                said.add(dim)
                words += ["--dim", f"{dim}={sizes[value.name][axis]}"]
    return shlex.join(words)
