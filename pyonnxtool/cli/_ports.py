"""Texts that say what inputs and outputs are to be: NAME=TYPE, NAME=SIZES, lists of names."""

from __future__ import annotations

import click

Size = int | str | None
Texts = tuple[str, ...]


def dtypes(_ctx: click.Context, _param: click.Parameter, texts: Texts) -> dict[str, str]:
    """`x=uint8` gives {"x": "uint8"}."""
    return dict(_pairs(texts, "GLOB=TYPE", "x=uint8"))


def shapes(_ctx: click.Context, _param: click.Parameter, texts: Texts) -> dict[str, list[Size]]:
    """`x=batch,3,?` gives {"x": ["batch", 3, None]}; `x=` is a scalar."""
    found = _pairs(texts, "GLOB=SIZE,SIZE,...", "x=batch,3,224,224")
    return {name: [_size(one) for one in sizes.split(",") if sizes] for name, sizes in found}


def dims(_ctx: click.Context, _param: click.Parameter, texts: Texts) -> dict[str, Size]:
    """`batch=N` gives {"batch": "N"}, `x[0]=?` gives {"x[0]": None}."""
    found = _pairs(texts, "NAME=SIZE", "batch=N")
    for name, size in found:
        if not size.strip():
            raise click.BadParameter(f"{name}= has no size; write a name, a number, or ? for any")
    return {name: _size(size) for name, size in found}


def names(_ctx: click.Context, _param: click.Parameter, text: str | None) -> list[str]:
    """`a,b` gives ["a", "b"]."""
    return [one.strip() for one in (text or "").split(",") if one.strip()]


def _pairs(texts: Texts, form: str, example: str) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.rpartition("=")
        if not sign or not name:
            raise click.BadParameter(f"{text!r} is not {form}; write one such as {example}")
        if name in found:
            raise click.BadParameter(f"{name!r} is given twice")
        found[name] = value
    return list(found.items())


def _size(text: str) -> Size:
    text = text.strip()
    if text.removeprefix("-").isdecimal():
        return int(text)
    return None if text in ("?", "") else text
