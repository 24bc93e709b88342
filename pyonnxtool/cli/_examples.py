"""Inputs of a module as they are typed: --input and --dynamic of `export`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from pyonnxtool.cli._options import Texts
from pyonnxtool.cli._sizes import Size, sizes_of

if TYPE_CHECKING:
    from pyonnxtool.backends.torch import Declared

_ONE_AXIS = re.compile(r"(.+)\[(\d+)\]")


def declared_inputs(
    _ctx: click.Context, _param: click.Parameter, texts: Texts
) -> dict[str, Declared]:
    """`ids=batch,128:int64` gives {"ids": Declared(("batch", 128), "int64")}; `x=` is a scalar."""
    from pyonnxtool.backends.torch import Declared

    found: dict[str, Declared] = {}
    for text in texts:
        name, equals, given = text.partition("=")
        sizes, colon, dtype = given.partition(":")
        shape = sizes_of(sizes)
        if not equals or not name or not all(_is_size(one) for one in shape):
            raise click.BadParameter(
                f"{text!r} is not NAME=SIZES[:TYPE]; write a parameter of forward and its sizes, "
                "such as x=batch,3,224,224 or ids=1,128:int64"
            )
        if name in found:
            raise click.BadParameter(f"{name!r} is given twice; give one shape for each input")
        known = tuple(one for one in shape if one is not None)
        found[name] = Declared(known, dtype) if colon else Declared(known)
    return found


def _is_size(one: Size) -> bool:
    return one.isidentifier() if isinstance(one, str) else one is not None and one >= 0


def open_sizes(
    _ctx: click.Context, _param: click.Parameter, texts: Texts
) -> dict[str, dict[int, str] | tuple[Size, ...]]:
    """`x=batch,3,?` gives {"x": ("batch", 3, None)}, `x[0]=batch` gives {"x": {0: "batch"}}."""
    found: dict[str, dict[int, str] | tuple[Size, ...]] = {}
    for text in texts:
        name, _, given = text.rpartition("=")
        shape = sizes_of(given)
        one = _ONE_AXIS.fullmatch(name)
        sizes = [size for size in shape if isinstance(size, str)]
        if not name or not sizes or (one is not None and len(shape) != 1):
            raise click.BadParameter(
                f"{text!r} is not NAME=SIZES with a size that has a name; write one such as "
                "x=batch,3,h,w or 'x[0]=batch'"
            )
        axes = found.get(one[1] if one else name)
        if one is not None and (axes is None or isinstance(axes, dict)):
            found[one[1]] = {**(axes or {}), int(one[2]): sizes[0]}
        elif axes is None:
            found[name] = shape
        else:
            raise click.BadParameter(f"{name!r} is given twice; give all its sizes at once")
    return found
