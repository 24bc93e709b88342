"""Options of the form OLD=NEW."""

from __future__ import annotations

from typing import Any

import click


def pairs(_ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """`x=images` gives {"x": "images"}. An old name may have a = in it, a new one may not."""
    found: dict[str, str] = {}
    for text in texts:
        old, sign, new = text.rpartition("=")
        if not sign or not old:
            raise click.BadParameter(
                f"{text!r} is not OLD=NEW; write the name that is there, =, and the new one, such "
                "as x=images"
            )
        if old in found:
            raise click.BadParameter(f"{old!r} is given twice; give one new name for each")
        found[old] = new
    return found


def entries(_ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """`license=MIT` gives {"license": "MIT"}. A value may have a = in it, a key may not."""
    found: dict[str, str] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise click.BadParameter(f"{text!r} is not KEY=VALUE; write one such as license=MIT")
        found[key] = value
    return found


def pairs_option(flag: str, name: str, text: str) -> Any:
    """An option that may be repeated, whose pairs are a dictionary."""
    return click.option(
        flag,
        name,
        metavar="OLD=NEW",
        multiple=True,
        callback=pairs,
        help=f"{text} May be repeated.",
    )
