"""Inputs made up from what the model says of itself. Same seed, same inputs, on every machine."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyonnxtool.errors import UsageError
from pyonnxtool.feeds.check import required_inputs
from pyonnxtool.feeds.dtypes import is_float, numpy_dtype
from pyonnxtool.feeds.roles import Role, Uses
from pyonnxtool.feeds.sizes import resolve_shapes

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Value

Array = NDArray[Any]

GENERATED_ADVICE = (
    "the inputs were generated; give real ones with --inputs FILE,"
    " or other sizes with --shape NAME=1,3,224,224 and --dim NAME=1"
)
"""For the caller to add when a model fails on generated inputs."""

_COUNT = 3
_SMALL = 8
_WORDS = np.array(["the", "quick", "brown", "fox", "", "jumps", "over", "lazy dog"], object)


def generate_feeds(
    model: Model,
    samples: int = 1,
    seed: int = 0,
    shapes: Mapping[str, Sequence[int]] | None = None,
    dims: Mapping[str, int] | None = None,
) -> list[dict[str, Array]]:
    """`samples` sets of inputs. Each array depends on seed, sample number, name and shape only."""
    inputs = required_inputs(model)
    for value in inputs:
        if value.kind != "tensor" or value.dtype is None:
            raise UsageError(
                f"input {value.name!r} is a {value.kind} and cannot be generated: give --inputs"
            )
    fixed = resolve_shapes(model, shapes or {}, dims or {})
    uses = Uses(model)
    roles = {value.name: uses.role(value.name) for value in inputs}
    return [
        {
            value.name: _make(value, fixed[value.name], roles[value.name], _rng(seed, k, value))
            for value in inputs
        }
        for k in range(samples)
    ]


def _rng(seed: int, sample: int, value: Value) -> np.random.Generator:
    digest = hashlib.blake2b(value.name.encode(), digest_size=8).digest()
    return np.random.default_rng([seed, sample, int.from_bytes(digest, "little")])


def _make(value: Value, shape: tuple[int, ...], role: Role, rng: np.random.Generator) -> Array:
    name = str(value.dtype)
    dtype = numpy_dtype(name)
    words = set(re.split(r"[^a-z]+", value.name.lower()))
    if role.fill:
        made = _filled(role.fill, shape)
    elif words & {"mask", "masks"} or name == "bool":
        # A padding mask marks what to ignore; all others mark what to keep.
        made = np.full(shape, "padding" not in words)
    elif name == "string":
        made = np.asarray(rng.choice(_WORDS, shape), object)
    elif name.startswith("complex"):
        made = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    elif is_float(name) and role.bound is None:
        made = _reals(shape, rng)
    else:
        made = _integers(value, shape, role, words, rng)
    return np.asarray(made).astype(dtype)


def _integers(
    value: Value, shape: tuple[int, ...], role: Role, words: set[str], rng: np.random.Generator
) -> Array:
    high = _high(value, shape, role)
    if words & {"position", "positions"} and shape:
        return np.broadcast_to(np.arange(shape[-1]) % high, shape)
    if role.bound is None and words & {"len", "length", "lengths", "lens"}:
        return np.full(shape, _SMALL)
    return rng.integers(0, high, shape)


def _high(value: Value, shape: tuple[int, ...], role: Role) -> int:
    """One above the largest integer that is safe."""
    if role.bound is not None:
        return max(role.bound, 1)
    if value.dtype == "uint8" and len(shape) >= 3:
        return 256
    return 2 if value.dtype in ("int2", "uint2") else _SMALL


def _reals(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Standard normal; for pictures with patches of like colour, so that filters respond."""
    noise = rng.standard_normal(shape, np.float32)
    if len(shape) != 4 or shape[1] not in (1, 3, 4) or min(shape[2:]) < 32:
        return noise
    coarse = rng.standard_normal((*shape[:2], -(-shape[2] // 16), -(-shape[3] // 16)), np.float32)
    patches = coarse.repeat(16, axis=2).repeat(16, axis=3)[:, :, : shape[2], : shape[3]]
    mixed: Array = 0.5 * noise + 0.866 * patches
    return mixed


def _filled(fill: str, shape: tuple[int, ...]) -> Array:
    count = int(np.prod(shape))
    if fill == "axes":
        return np.arange(count).reshape(shape)
    if fill == "keep_size":
        return np.where(np.arange(count) == 0, -1, 1).reshape(shape)
    return np.full(shape, {"ones": 1, "zeros": 0, "count": _COUNT, "positive": 0.5}[fill])
