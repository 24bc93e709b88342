"""Sizes as they are typed: --shape, --dim and --variant of `specialize`."""

from __future__ import annotations

import re

import click

from pyonnxtool.cli._options import Texts

Size = int | str | None
Given = tuple[Size, ...] | Size
"""A shape, or the size of one dimension."""

UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def open_shapes(_ctx: click.Context, _param: click.Parameter, texts: Texts) -> dict[str, Given]:
    """`x=1,?,h,224` gives {"x": (1, None, "h", 224)}; `x=` is a scalar."""
    shapes: dict[str, Given] = {}
    for text in texts:
        name, found, sizes = text.rpartition("=")
        if not found or not name:
            raise click.BadParameter(
                f"{text!r} is not NAME=SIZE,SIZE,…; write an input's name and its sizes, such as "
                "x=1,3,224,224, with ? for one that stays open"
            )
        add(shapes, name, sizes_of(sizes), "one shape for each input")
    return shapes


def open_dims(_ctx: click.Context, _param: click.Parameter, texts: Texts) -> dict[str, Given]:
    """`batch=1` gives {"batch": 1}, `x[0]=1` gives {"x[0]": 1}; `batch=?` leaves it."""
    dims: dict[str, Given] = {}
    for text in texts:
        name, found, size = text.rpartition("=")
        if not found or not name or not size.strip() or "," in size:
            raise click.BadParameter(
                f"{text!r} is not NAME=SIZE; write a dimension's name, or an input and an axis, "
                "and the size, such as batch=1 or x[0]=1"
            )
        add(dims, name, size_of(size), "one size for each dimension")
    return dims


def named_variants(
    _ctx: click.Context, _param: click.Parameter, texts: Texts
) -> dict[str, dict[str, str]]:
    """`small:x=1,3,64,64;batch=1` gives {"small": {"x": "1,3,64,64", "batch": "1"}}.

    Several of one name are one variant. Which of the names are inputs, the model tells.
    """
    variants: dict[str, dict[str, str]] = {}
    for text in texts:
        variant, found, sizes = text.partition(":")
        if not found or not re.fullmatch(r"[\w.-]+", variant) or variant.startswith("."):
            raise click.BadParameter(
                f"{text!r} is not VARIANT:NAME=SIZES; write the variant's name (letters, digits, "
                "_ . -), then what it binds, such as small:x=1,3,224,224 or small:batch=1;seq=128"
            )
        bound = variants.setdefault(variant, {})
        for part in filter(None, sizes.split(";")):
            name, equals, given = part.rpartition("=")
            if not equals or not name.strip():
                raise click.BadParameter(f"{part!r} of variant {variant} is not NAME=SIZES")
            if name.strip() in bound:
                raise click.BadParameter(f"variant {variant} binds {name.strip()!r} twice")
            bound[name.strip()] = given
    return variants


def add(found: dict[str, Given], name: str, given: Given, rule: str) -> None:
    """Keep one name's sizes; a name that comes twice is an error."""
    if name in found:
        raise click.BadParameter(f"{name!r} is given twice; give {rule}")
    found[name] = given


def sizes_of(text: str) -> tuple[Size, ...]:
    """`1,?,h` gives (1, None, "h"); no text is a scalar's shape."""
    return tuple(size_of(part) for part in text.split(",")) if text.strip() else ()


def size_of(text: str) -> Size:
    """A number, None for `?`, or a name."""
    text = text.strip()
    if text in ("", "?"):
        return None
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else text


def whole_bytes(_ctx: click.Context, _param: click.Parameter, text: str | None) -> int | None:
    """`1MiB` gives 1048576. Units are powers of 1024."""
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?)i?b?\s*", text.lower())
    if match is None:
        raise click.BadParameter(f"{text!r} is not a size; write one such as 0, 64KiB or 1MiB")
    return int(float(match[1]) * UNITS[match[2]])
