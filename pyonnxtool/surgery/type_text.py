"""The type of a value as users write it: "float32[1,3,n]"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from pyonnxtool.errors import ModelError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool._core import Fact, Graph

Sizes: TypeAlias = "Sequence[int | str | None] | None"
"""Numbers, names, None where a size is open; None in all where not even the rank is known."""

_TYPE = re.compile(r"\s*([a-z]\w*(?:\([\w()]+\))?)\s*(?:\[(.*)\])?\s*", re.DOTALL)


def parsed_type(text: str) -> tuple[str, Sizes]:
    """`float32[1,3,n]` gives ("float32", [1, 3, "n"]); `?` is an open size.

    Raises UsageError for what is not of this form.
    """
    match = _TYPE.fullmatch(text)
    if match is None:
        raise UsageError(
            f"{text!r} is no type: write the dtype and the sizes, such as float32[1,3,n], or the "
            "dtype alone"
        )
    if match[2] is None:
        return match[1], None
    sizes = [size.strip() for size in match[2].split(",")] if match[2].strip() else []
    return match[1], [_size(size) for size in sizes]


def _size(text: str) -> int | str | None:
    if text.isdecimal():
        return int(text)
    return None if text in ("", "?") else text


def declared_as(graph: Graph, name: str, text: str) -> None:
    """Declare the type of a value that a user wrote. Raises UsageError for a dtype there is not."""
    dtype, sizes = parsed_type(text)
    try:
        graph.declare(name, dtype, sizes)
    except ModelError as error:
        raise UsageError(f"type {name}={text}: {error}") from error


def dtype_text(fact: Fact | None) -> str | None:
    """Of a tensor "float32", of a sequence "sequence(float32)"; None when it is not known."""
    if fact is None:
        return None
    if fact.kind == "tensor":
        return fact.dtype
    inner = dtype_text(fact.inner) if fact.kind in ("sequence", "optional") else None
    return f"{fact.kind}({inner})" if inner else None


def sizes_of(fact: Fact | None) -> Sizes:
    """As they can be declared."""
    if fact is None or fact.kind != "tensor" or fact.dims is None:
        return None
    return [size if isinstance(size, int | str) else None for size in fact.dims]
