"""A Loop that ends when no element needs another turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from pyonnxtool.rewriting.tape import Tape

    Turn: TypeAlias = Callable[[Tape, Sequence[str]], tuple[str, Sequence[str]]]
    """Of a tape of the body and what is carried: flags of elements that need another turn, and
    what is carried on."""


def repeated(
    carried: Sequence[str], dtype: str, rank: int | None, most: int, turn: Turn, tape: Tape
) -> str:
    """The first of the carried values in the end; all have one dtype and one shape of this rank."""

    def build(body: Tape, given: tuple[str, ...]) -> Sequence[tuple[str, str, int | None]]:
        flags, values = turn(body, given[2:])
        count = body.op("ReduceSum", body.cast(flags, "float32"), keepdims=0)
        again = body.op("Greater", count, body.const(0, "float32"))
        return [(again, "bool", 0), *((value, dtype, rank) for value in values)]

    inputs = [("turn", "int64", 0), ("again", "bool", 0)]
    body = tape.body([*inputs, *(("value", dtype, rank) for _ in carried)], build)
    limit, again = tape.const(np.int64(most)), tape.const(np.True_)
    return tape.many("Loop", limit, again, *carried, outputs=len(carried), body=body)[0]
