"""ShapeRouter: runs whichever of a model's fixed sizes fits what it is fed, under onnxruntime."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from pyonnxtool.backends._ort_errors import explain
from pyonnxtool.errors import BackendError, UsageError
from pyonnxtool.inspection import Port
from pyonnxtool.variants.expression import names_in, value_of
from pyonnxtool.variants.index import Variant, bound_sizes, load_variants
from pyonnxtool.wording import typed

Array = NDArray[Any]
Padding = float | int | bool | str
Shape = tuple[int, ...]

_COPY_WEIGHTS = ("ConstantFolding", "NchwcTransformer")
"""Optimizers that make copies of weights, each session its own: folded, or in blocks for Conv."""


@dataclass(frozen=True)
class Route:
    """Which variant takes some inputs, and what has to be done to them."""

    variant: str
    exact: bool
    """Nothing is padded."""
    padded: Mapping[str, Shape] = field(default_factory=dict)
    """Inputs that are padded at the end of their axes, and the shape that they get."""
    cropped: Mapping[str, Shape] = field(default_factory=dict)
    """Outputs that are cut back, and the shape that they have then; -1: as it comes."""
    uncropped: tuple[str, ...] = ()
    """Outputs that keep the padded size along an axis: how it follows from the inputs' sizes is
    not known."""


class ShapeRouter:
    """A folder of variants as one model that takes any of their sizes, or smaller ones padded.

    `pad` is a value for every input or, as a mapping, for those that may be padded: {"ids": 0,
    "mask": 0}. Without it only exact sizes run. Outputs are cut back along the axes that follow the
    padded ones. What padding does to the numbers is the model's matter: it needs a mask, or to
    compute each place from its own.

    Sessions are opened when they are first needed. With `share_weights` all of them map the one
    file of weights, so that it is in memory once: onnxruntime then neither packs, reorders nor
    folds weights into copies of its own, and runs slower for it (GPT-2 and BERT 1.3 to 1.6 times,
    ResNet-50 1.1 to 1.3 times on two cores). `providers` and `session_options` are onnxruntime's;
    the options are used as they are, so that it is for them to switch prepacking off.
    """

    def __init__(
        self,
        folder: str | PathLike[str],
        *,
        pad: Padding | Mapping[str, Padding] | None = None,
        share_weights: bool = True,
        providers: Sequence[Any] = ("CPUExecutionProvider",),
        session_options: ort.SessionOptions | None = None,
    ) -> None:
        self._folder = Path(folder)
        self._index = load_variants(folder)
        self._pad = self._padding(pad)
        self._share, self._providers, self._options = share_weights, providers, session_options
        self._sessions: dict[str, ort.InferenceSession] = {}
        self.last: Route | None = None
        """The route of the last run."""

    @property
    def variants(self) -> tuple[Variant, ...]:
        """What there is, as `variants.json` says."""
        return self._index.variants

    def plan(self, feeds: Mapping[str, Any]) -> Route:
        """The variant that takes inputs of these shapes; nothing is run.

        `feeds` holds arrays, or shapes as tuples. The exact size is taken, else the one that holds
        the inputs with the fewest elements. Raises UsageError, with the sizes that there are, when
        none does or an input must not be padded.
        """
        shapes = {name: _shape(value) for name, value in feeds.items()}
        self._check_names(shapes)
        fitting = [one for one in self.variants if self._holds(one, shapes)]
        if not fitting:
            raise UsageError(
                f"no variant takes {_told(shapes)}{self._why(shapes)}; {self._sizes()}"
            )
        best = min(fitting, key=lambda one: _elements(one, shapes))
        return self._route(best, shapes)

    def run(
        self, feeds: Mapping[str, Any], outputs: Sequence[str] | None = None
    ) -> dict[str, Array]:
        """The outputs (those that are named, else all) by name; `last` says how they came about.

        Raises UsageError as `plan` does, and BackendError when onnxruntime fails.
        """
        arrays = {name: np.asarray(value) for name, value in feeds.items()}
        route = self.plan(arrays)
        known = [port.name for port in self._index.outputs]
        wanted = list(outputs) if outputs is not None else known
        for name in wanted:
            if name not in known:
                raise UsageError(f"no output is called {name!r}; there are: {', '.join(known)}")
        given = {name: self._padded(name, array, route) for name, array in arrays.items()}
        session = self.session(route.variant)
        try:
            found = dict(zip(wanted, session.run(wanted, given), strict=True))
        except Exception as error:  # its exceptions have no common base but this
            raise BackendError(f"variant {route.variant}: {explain(error)}") from error
        self.last = route
        return {name: _cut(value, route.cropped.get(name)) for name, value in found.items()}

    def session(self, variant: str) -> ort.InferenceSession:
        """The onnxruntime session of a variant, opened when it is first asked for."""
        if variant not in self._sessions:
            self._sessions[variant] = self._open(self._variant(variant))
        return self._sessions[variant]

    def _open(self, variant: Variant) -> ort.InferenceSession:
        options = self._options
        if options is None:
            options = ort.SessionOptions()
            if self._share:
                options.add_session_config_entry("session.disable_prepacking", "1")
        disabled = list(_COPY_WEIGHTS) if self._share else None
        try:
            return ort.InferenceSession(
                str(self._folder / variant.file),
                options,
                providers=list(self._providers),
                disabled_optimizers=disabled,
            )
        except Exception as error:  # its exceptions have no common base but this
            raise BackendError(f"variant {variant.name}: {explain(error)}") from error

    def _variant(self, name: str) -> Variant:
        for one in self.variants:
            if one.name == name:
                return one
        raise UsageError(
            f"no variant is called {name!r}; there are: {', '.join(v.name for v in self.variants)}"
        )

    def _padding(self, pad: Padding | Mapping[str, Padding] | None) -> dict[str, Padding]:
        names = [port.name for port in self._index.inputs]
        if pad is None:
            return {}
        if not isinstance(pad, Mapping):
            return dict.fromkeys(names, pad)
        odd = [name for name in pad if name not in names]
        if odd:
            raise UsageError(f"pad: no input is called {odd[0]!r}; there are: {', '.join(names)}")
        return dict(pad)

    def _check_names(self, shapes: Mapping[str, Shape]) -> None:
        names = [port.name for port in self._index.inputs]
        for name in names:
            if name not in shapes:
                raise UsageError(f"input {name!r} is missing; there are: {', '.join(names)}")
        for name in shapes:
            if name not in names:
                raise UsageError(f"no input is called {name!r}; there are: {', '.join(names)}")

    def _holds(self, variant: Variant, shapes: Mapping[str, Shape]) -> bool:
        if bound_sizes(self._index.inputs, shapes) is None:
            return False
        return all(_fits(one, shapes[one.name], one.name in self._pad) for one in variant.inputs)

    def _route(self, variant: Variant, shapes: Mapping[str, Shape]) -> Route:
        padded = {
            one.name: tuple(
                size if isinstance(size, int) else have
                for size, have in zip(one.shape, shapes[one.name], strict=True)
            )
            for one in variant.inputs
            if one.shape is not None
        }
        padded = {name: shape for name, shape in padded.items() if shape != shapes[name]}
        if not padded:
            return Route(variant.name, exact=True)
        asked = bound_sizes(self._index.inputs, shapes) or {}
        fixed = {**asked, **(bound_sizes(self._index.inputs, {**shapes, **padded}) or {})}
        stretched = {name for name in asked if asked[name] != fixed[name]}
        cropped, unknown = {}, []
        for symbolic, one in zip(self._index.outputs, variant.outputs, strict=True):
            cut, known = _cropped(symbolic, one, asked, stretched)
            if not known:
                unknown.append(one.name)
            if any(size >= 0 for size in cut):
                cropped[one.name] = cut
        return Route(variant.name, False, padded, cropped, tuple(unknown))

    def _padded(self, name: str, array: Array, route: Route) -> Array:
        shape = route.padded.get(name)
        if shape is None:
            return array
        value = self._pad[name]
        made = np.full(shape, value, array.dtype)
        made[tuple(slice(size) for size in array.shape)] = array
        return made

    def _why(self, shapes: Mapping[str, Shape]) -> str:
        """What would have to change, where that can be said."""
        if bound_sizes(self._index.inputs, shapes) is None:
            named = ", ".join(typed(one.dtype, one.shape) for one in self._index.inputs)
            return f": sizes of one name differ, and the inputs are {named}"
        held = [
            one
            for one in self.variants
            if all(_fits(port, shapes[port.name], True) for port in one.inputs)
        ]
        if not held:
            return ""
        closed = sorted(
            port.name
            for port in held[0].inputs
            if not _fits(port, shapes[port.name], port.name in self._pad)
        )
        given = ", ".join(f"{name!r}: 0" for name in closed)
        return f" without padding: {held[0].name} would, with pad={{{given}}}"

    def _sizes(self) -> str:
        listed = [
            f"{one.name} ({', '.join(f'{p.name}{_text(p.shape)}' for p in one.inputs)})"
            for one in self.variants
        ]
        return f"there are: {', '.join(listed)}"


def _shape(value: Any) -> Shape:
    if isinstance(value, tuple) and all(isinstance(size, int) for size in value):
        return value
    return tuple(np.shape(value))


def _fits(port: Port, shape: Shape, may_pad: bool) -> bool:
    if port.shape is None:
        return True
    if len(port.shape) != len(shape):
        return False
    return all(
        not isinstance(size, int) or size == have or (may_pad and size > have)
        for size, have in zip(port.shape, shape, strict=True)
    )


def _elements(variant: Variant, shapes: Mapping[str, Shape]) -> int:
    """Elements of all inputs once they are padded."""
    return sum(
        math.prod(
            size if isinstance(size, int) else have
            for size, have in zip(one.shape or (), shapes[one.name], strict=False)
        )
        for one in variant.inputs
    )


def _cropped(
    symbolic: Port, fixed: Port, asked: Mapping[str, int], stretched: set[str]
) -> tuple[Shape, bool]:
    """Sizes to cut an output back to, -1 where it is as it comes; and whether all are known."""
    if symbolic.shape is None or fixed.shape is None:
        return (), False
    cut = []
    for dim, size in zip(symbolic.shape, fixed.shape, strict=True):
        meant = isinstance(dim, str) and names_in(dim) & stretched
        wanted = value_of(dim, asked) if meant else None
        cut.append(-1 if wanted is None or wanted == size else wanted)
    return tuple(cut), None not in symbolic.shape


def _cut(value: Any, shape: Shape | None) -> Any:
    if shape is None or not isinstance(value, np.ndarray):
        return value
    return value[tuple(slice(size) if size >= 0 else slice(None) for size in shape)]


def _told(shapes: Mapping[str, Shape]) -> str:
    return ", ".join(f"{name}{_text(shape)}" for name, shape in shapes.items())


def _text(shape: Sequence[int | str | None] | None) -> str:
    if shape is None:
        return " of any shape"
    return f"[{','.join('?' if size is None else str(size) for size in shape)}]"
