"""Operators that torch's exporter left, as torch computes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from pyonnxtool.backends import Array
from pyonnxtool.backends._torch_tensors import as_array, as_tensor
from pyonnxtool.errors import BackendError


def _written(given: Array) -> list[float]:
    """Floats as they were written: exporters round 1.7 to float32, and torch computed with 1.7."""
    return [float(str(one)) for one in given.ravel()]


_CONVERTED: Mapping[str, Callable[[Array], Any]] = {
    "Tensor": as_tensor,
    "int": lambda given: int(given.item()),
    "SymInt": lambda given: int(given.item()),
    "float": lambda given: _written(given)[0],
    "number": lambda given: given.item(),
    "bool": lambda given: bool(given.item()),
    "str": lambda given: str(given.item()),
    "List[int]": lambda given: given.ravel().tolist(),
    "List[SymInt]": lambda given: given.ravel().tolist(),
    "List[float]": _written,
}
"""By the type in torch's schema, what an input of the node is for torch."""

_SORTED = {"searchsorted": 0, "bucketize": 1}
"""Inputs that mean something only when they are sorted, as what is made up for a check is not."""


def computed(operator: str, given: Sequence[Array | None]) -> list[Array]:
    """What torch makes of the inputs of a node, by the first overload that takes them.

    Raises BackendError when none does, or torch has no such operator.
    """
    packet = getattr(torch.ops.aten, operator, None) or getattr(
        torch.ops.aten, f"{operator}_", None
    )
    if packet is None:
        raise BackendError(f"torch {torch.__version__} has no operator aten::{operator}")
    given = [
        np.sort(one) if place == _SORTED.get(operator) and one is not None else one
        for place, one in enumerate(given)
    ]
    why = "none of its overloads takes them"
    for overload in _overloads(packet):
        try:
            made = overload(*_arguments(overload, given, keywords=False), **_named(overload, given))
        except (TypeError, ValueError, KeyError, RuntimeError) as error:
            why = str(error).partition("\n")[0]
            continue
        several = made if isinstance(made, tuple | list) else [made]
        return [as_array(one) for one in several]
    raise BackendError(f"torch cannot run aten::{operator} on the inputs of the node: {why}")


def _overloads(packet: Any) -> Iterator[Any]:
    for name in packet.overloads():
        if "out" not in name:
            yield getattr(packet, name)


def _arguments(overload: Any, given: Sequence[Array | None], *, keywords: bool) -> list[Any]:
    """Values of the arguments that the node gives, those by keyword or all others."""
    known = overload._schema.arguments
    if len(given) > len(known):
        raise TypeError("the node has more inputs than it takes")
    return [
        None if value is None else _CONVERTED[_kind(argument)](np.asarray(value))
        for argument, value in zip(known, given, strict=False)
        if argument.kwarg_only == keywords
    ]


def _named(overload: Any, given: Sequence[Array | None]) -> dict[str, Any]:
    names = [one.name for one in overload._schema.arguments[: len(given)] if one.kwarg_only]
    return dict(zip(names, _arguments(overload, given, keywords=True), strict=True))


def _kind(argument: Any) -> str:
    told = str(argument.type)
    return told[len("Optional[") : -1] if told.startswith("Optional[") else told
