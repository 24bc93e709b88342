"""Shapes for Reshape: as a constant where the sizes are known, computed where they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


def shape_like(operand: Operand, tape: Tape) -> str:
    """The operand's shape, for a value of as many elements."""
    known = operand.shape
    written = None if known is None else one_open(known)
    return tape.op("Shape", operand) if written is None else tape.ints(written)


def one_open(sizes: Sequence[int | None]) -> list[int] | None:
    """Sizes for Reshape, with -1 for one that is open; None when they do not tell the shape.

    Of an empty tensor Reshape cannot tell the open size, and takes a size of 0 for another.
    """
    if sum(size is None for size in sizes) > 1 or 0 in sizes:
        return None
    return [-1 if size is None else size for size in sizes]
