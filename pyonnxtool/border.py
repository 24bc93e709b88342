"""Inputs and outputs that a user wants in another layout, and what to say when that cannot be."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from pyonnxtool.errors import UsageError
from pyonnxtool.feeds import required_inputs
from pyonnxtool.wording import typed

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Value

Io: TypeAlias = "Mapping[str, str | Sequence[int] | None] | Sequence[str] | None"
"""Names of inputs and outputs, or name to "nchw", "nhwc" or an order of axes; a name alone (or to
None) gets the layout that the model gets."""

NAMED = ("nchw", "nhwc")
_LEAST_RANK = 3
_MOST_LISTED = 8


def border_asked(model: Model, io: Io, to: str | None) -> dict[str, str | list[int]]:
    """Name of each input and output that is to lie otherwise, to how.

    Raises UsageError for a name that the model does not have, and for a layout that its axes do not
    allow.
    """
    if isinstance(io, str):
        raise UsageError(f"io={io!r}: give a list of names, or a dictionary of name to layout")
    wanted = dict(io) if isinstance(io, Mapping) else dict.fromkeys(io or ())
    open_ones = [name for name, layout in wanted.items() if layout is None]
    if open_ones and to is None:
        raise UsageError(
            f"io {', '.join(open_ones)}: in which layout? Write {open_ones[0]}=nhwc, or give the "
            "layout of the whole model with --to"
        )
    ports = _ports(model)
    chosen = {name: to or "" if layout is None else layout for name, layout in wanted.items()}
    return {name: _fitting(ports, name, layout) for name, layout in chosen.items()}


def _ports(model: Model) -> dict[str, tuple[str, Value]]:
    outputs = {value.name: ("output", value) for value in model.graph.outputs}
    return {**outputs, **{value.name: ("input", value) for value in required_inputs(model)}}


def _fitting(
    ports: Mapping[str, tuple[str, Value]], name: str, wanted: str | Sequence[int]
) -> str | list[int]:
    if name not in ports:
        raise UsageError(_unknown(ports, name))
    which, value = ports[name]
    told = f"{which} {name!r} is {typed(value.dtype, value.shape)}"
    if value.kind not in ("tensor", "unknown"):
        raise UsageError(f"io {name}: {which} {name!r} is a {value.kind}; only tensors have axes")
    rank = None if value.shape is None else len(value.shape)
    if isinstance(wanted, str):
        if wanted.lower() not in NAMED:
            raise UsageError(
                f"io {name}={wanted}: write nhwc, nchw, or an order of axes such as 0,2,3,1"
            )
        if rank is not None and rank < _LEAST_RANK:
            turned = ",".join(map(str, reversed(range(rank))))
            advice = f"; an order of axes is possible, {name}={turned}" if rank == 2 else ""
            raise UsageError(
                f"io {name}={wanted}: {told}, and {wanted} is for {_LEAST_RANK} axes or more"
                f"{advice}"
            )
        return wanted.lower()
    perm = [int(axis) for axis in wanted]
    if sorted(perm) != list(range(len(perm))):
        raise UsageError(
            f"io {name}={_joined(perm)}: this is no order of axes; {told}; write each axis from 0 "
            f"to {max(rank or len(perm), 1) - 1} once"
        )
    if rank is not None and len(perm) != rank:
        raise UsageError(
            f"io {name}={_joined(perm)}: this orders {len(perm)} axes, but {told}, of {rank}"
        )
    return perm


def _unknown(ports: Mapping[str, tuple[str, Value]], name: str) -> str:
    close = difflib.get_close_matches(name, ports, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    listed = [
        f"{which}s {_names([other for other, (kind, _) in ports.items() if kind == which])}"
        for which in ("input", "output")
    ]
    wanted = f"io {name}: the model has no input or output of that name"
    return f"{wanted}; it has {', '.join(listed)}{hint}"


def _names(names: Sequence[str]) -> str:
    more = len(names) - _MOST_LISTED
    shown = " ".join(map(repr, names[:_MOST_LISTED])) or "none"
    return shown + (f" and {more} more" if more > 0 else "")


def _joined(perm: Sequence[int]) -> str:
    return ",".join(map(str, perm))
