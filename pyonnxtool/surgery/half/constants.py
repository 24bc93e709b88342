"""Constants in float16: how they are made without holding all of them, and what was lost."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from pyonnxtool import _core
from pyonnxtool.surgery.half import operators
from pyonnxtool.surgery.half.measured import LARGEST, LEAST_FILL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool._core import Node, Tensor
    from pyonnxtool.surgery.half.values import Key, Values

_LEAST_NORMAL = 2.0**-14
_READ_AT_ONCE = 4096
"""Elements of constants that are looked at before it is known whether they are converted."""
_FEW = 64
"""Elements of a constant that may be an epsilon or a scale."""
_IN_MEMORY = 1 << 20
"""Bytes from which on a converted constant lies in a file."""


@dataclass(frozen=True)
class Rounding:
    """What float16 could not hold as it was."""

    count: int = 0
    """Elements in all."""
    overflowed: int = 0
    """Finite ones beyond 65504, which they are now."""
    subnormal: int = 0
    """Ones that are below 2^-14 and have fewer digits than others."""
    vanished: int = 0
    """Ones that were not zero and are."""

    def __add__(self, other: Rounding) -> Rounding:
        return Rounding(
            self.count + other.count,
            self.overflowed + other.overflowed,
            self.subnormal + other.subnormal,
            self.vanished + other.vanished,
        )


class Constants:
    """The constants of a model in float16, made when they are asked for."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._halves: dict[Key, tuple[NDArray[Any], Rounding]] = {}
        self._small: dict[Key, NDArray[Any] | None] = {}
        self._large_beyond: set[Key] = set()
        self._spill: IO[bytes] | None = None
        self._spilled = 0

    def beyond(self, key: Key, node: Node) -> bool:
        """Whether the constant has numbers that float16 has not, and that count in this node.

        Of large constants that is known only when they have been converted.
        """
        if key in self._large_beyond:
            return True
        held = self._read(key)
        if held is None:
            return False
        over = held[np.isfinite(held) & (np.abs(held) > LARGEST)]
        if not over.size:
            return False
        fills = bool(((over < 0) | (over >= LEAST_FILL)).all())
        return not (fills and node.op_type in operators.CLAMPED)

    def too_small(self, key: Key, node: Node) -> bool:
        """Whether it is an epsilon, or a scale, that float16 has not the digits for."""
        held = self._read(key)
        if held is None or held.size > _FEW or node.op_type not in operators.SMALL_MATTERS:
            return False
        there = held[held != 0]
        return bool(there.size and (np.abs(there) < _LEAST_NORMAL).all())

    def _read(self, key: Key) -> NDArray[Any] | None:
        if key not in self._small:
            tensor = self._values.tensor(key)
            few = tensor is not None and tensor.nbytes <= 4 * _READ_AT_ONCE
            self._small[key] = np.ravel(tensor.numpy()) if tensor is not None and few else None
        return self._small[key]

    def convert(self, key: Key) -> bool:
        """Make it float16; False for a large one that turns out to be beyond it."""
        if key not in self._halves:
            self._halves[key] = self._made(key)
        if self._halves[key][1].overflowed and self._read(key) is None:
            self._large_beyond.add(key)
            del self._halves[key]
            return False
        return True

    def half(self, key: Key, name: str) -> Tensor:
        """The constant in float16. Pre: it was converted."""
        return _core.Tensor(self._halves[key][0], name)

    def rounding(self, key: Key) -> Rounding:
        """What that lost."""
        return self._halves[key][1]

    def _made(self, key: Key) -> tuple[NDArray[Any], Rounding]:
        tensor = self._values.tensor(key)
        assert tensor is not None
        floats = tensor.numpy()
        halves = self._room(floats.shape)
        lost = _core.narrow_to_half(floats, halves, stay_finite=True)
        halves.setflags(write=False)
        tensor.forget()
        return halves, Rounding(floats.size, *lost)

    def _room(self, shape: tuple[int, ...]) -> NDArray[Any]:
        """An array to fill. A large one is a part of a file without a name."""
        size = 2 * int(np.prod(shape, dtype=np.int64))
        if size < _IN_MEMORY:
            return np.empty(shape, np.float16)
        if self._spill is None:
            self._spill = tempfile.TemporaryFile(prefix="pyonnxtool-")  # noqa: SIM115 - arrays hold it
        start = self._spilled
        self._spilled += -(-size // 4096) * 4096
        self._spill.truncate(self._spilled)
        return np.memmap(self._spill, np.float16, "r+", start, shape)
