"""Layouts as they are typed: --io and --target-cost of `layout`."""

from __future__ import annotations

import re

import click

from pyonnxtool.cli._options import Texts

Wanted = str | tuple[int, ...] | None
"""A name, an order of axes, or None: the layout of --to."""


def layouts(ctx: click.Context, _param: click.Parameter, texts: Texts) -> dict[str, Wanted]:
    """`x=nhwc,y=0,2,3,1` gives {"x": "nhwc", "y": (0, 2, 3, 1)}."""
    found: dict[str, Wanted] = {}
    for text in texts:
        for name, wanted in _entries(text):
            if name in found:
                raise click.BadParameter(f"{name!r} is given twice; give one layout for each")
            found[name] = wanted
    return found


def costs(_ctx: click.Context, _param: click.Parameter, texts: Texts) -> dict[str, float]:
    """`Softmax@nchw=3` gives {"Softmax@nchw": 3.0}."""
    found: dict[str, float] = {}
    for text in texts:
        match = re.fullmatch(r"\s*(\w+)@(nchw|nhwc)\s*=\s*(\d+(?:\.\d*)?|\.\d+)\s*", text, re.I)
        if match is None:
            raise click.BadParameter(
                f"{text!r} is not OP@LAYOUT=FACTOR; write an operator, nchw or nhwc, and a number "
                "that is not negative, such as Softmax@nchw=3"
            )
        key = f"{match[1]}@{match[2].lower()}"
        if key in found:
            raise click.BadParameter(f"{key} is given twice; give one factor for each")
        found[key] = float(match[3])
    return found


def _entries(text: str) -> list[tuple[str, Wanted]]:
    """A part that is a number goes on with the axes of the one before."""
    entries: list[tuple[str, Wanted]] = []
    for part in text.split(","):
        name, equals, wanted = (word.strip() for word in part.rpartition("="))
        if not equals:
            last = entries[-1] if entries else None
            if wanted.isdecimal() and last is not None and isinstance(last[1], tuple):
                entries[-1] = (last[0], (*last[1], int(wanted)))
            elif wanted and not wanted.isdecimal():
                entries.append((wanted, None))
            else:
                raise click.BadParameter(_advice(text))
        elif not name or not wanted:
            raise click.BadParameter(_advice(text))
        else:
            entries.append((name, (int(wanted),) if wanted.isdecimal() else wanted))
    return entries


def _advice(text: str) -> str:
    return (
        f"{text!r} is not NAME=LAYOUT; write an input or output and nhwc, nchw or an order of its "
        "axes, such as x=nhwc,y=nhwc or x=0,2,3,1"
    )
