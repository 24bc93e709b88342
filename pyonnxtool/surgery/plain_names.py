"""Names that any compiler takes: letters of ASCII, digits and underscores."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pyonnxtool.rewriting.tape import Names

_OTHER = re.compile(r"[^A-Za-z0-9_]+")


def plain(name: str, instead: str) -> str:
    """The name as an identifier of C; `instead` where nothing of it can stay.

    `/encoder/layer.0/MatMul` becomes `encoder_layer_0_MatMul`, `196` becomes `instead_196`.
    """
    text = _OTHER.sub("_", name)
    if text != name:
        text = text.strip("_")
    if not text:
        return instead
    return f"{instead}_{text}" if text[0].isdigit() else text


def all_plain(names: Iterable[str], used: Iterable[str], instead: str) -> dict[str, str]:
    """Each name to its plain one; those that would be one get `_1`, `_2` and so on.

    A name that is plain already stays. `used` are names that are taken by others.
    """
    every = list(dict.fromkeys(names))
    as_they_are = {name for name in every if plain(name, instead) == name}
    taken = Names({*used, *as_they_are})
    return {
        name: name if name in as_they_are else taken.fresh(plain(name, instead)) for name in every
    }
