"""`variants.json`: which sizes a folder holds, and how sizes of outputs follow from the inputs'."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyonnxtool.errors import ModelError, PyonnxtoolError, UsageError
from pyonnxtool.inspection import Port
from pyonnxtool.report import strict_json
from pyonnxtool.specialization import Limits, specialized
from pyonnxtool.variants.expression import names_in, value_of

if TYPE_CHECKING:
    from pyonnxtool._core import Model

INDEX = "variants.json"
_SCHEMA = "pyonnxtool/variants/1"

Dim = int | str | None


@dataclass(frozen=True)
class Variant:
    """The model at one size."""

    name: str
    file: str
    """The model, beside this document."""
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


@dataclass(frozen=True)
class VariantSet:
    """What a folder of variants holds: `variants.json`."""

    model: str
    """The model that the variants were made from."""
    variants: tuple[Variant, ...]
    """Every size that there is."""
    weights: tuple[str, ...]
    """Files beside this document that hold the weights."""
    inputs: tuple[Port, ...]
    """Inputs of the model: a name for each size that variants fix."""
    outputs: tuple[Port, ...]
    """Outputs, with sizes that follow from one of the inputs' sizes: "h//2". Null where the data
    or several sizes decide."""

    def to_json(self) -> str:
        """`pyonnxtool/variants/1`."""
        return strict_json(_SCHEMA, self)


def index_of(
    original: Model, variants: Sequence[Variant], weights: Sequence[str], limits: Limits
) -> VariantSet:
    """The index of these variants of a model."""
    inputs, outputs = _signature(original, variants, limits)
    return VariantSet(
        model=Path(original.path).name or original.graph.name or "model",
        variants=tuple(variants),
        weights=tuple(weights),
        inputs=inputs,
        outputs=outputs,
    )


def load_variants(folder: str | PathLike[str]) -> VariantSet:
    """What `variants.json` of the folder says. Raises UsageError or ModelError."""
    path = Path(folder) / INDEX
    if not path.is_file():
        raise UsageError(
            f"{folder} holds no {INDEX}; make such a folder with: pyonnxtool specialize MODEL "
            "-o DIR --variant small:x=1,3,64,64 --variant large:x=1,3,128,128"
        )
    try:
        told = json.loads(path.read_text("utf-8"))
        if told["schema"] != _SCHEMA:
            raise ModelError(f"{path}: its schema is {told['schema']!r}, not {_SCHEMA}")
        return VariantSet(
            model=told["model"],
            variants=tuple(
                Variant(
                    one["name"],
                    _beside(path, one["file"]),
                    _ports(one["inputs"]),
                    _ports(one["outputs"]),
                )
                for one in told["variants"]
            ),
            weights=tuple(told["weights"]),
            inputs=_ports(told["inputs"]),
            outputs=_ports(told["outputs"]),
        )
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise ModelError(f"{path}: not what specialize writes: {error!r}") from error


def bound_sizes(
    inputs: Sequence[Port], shapes: Mapping[str, Sequence[Dim]]
) -> dict[str, int] | None:
    """The number that each name of the inputs has in these shapes; None when one gets two."""
    sizes: dict[str, int] = {}
    for one in inputs:
        for name, size in zip(one.shape or (), shapes.get(one.name, ()), strict=False):
            known = isinstance(name, str) and isinstance(size, int)
            if known and sizes.setdefault(str(name), int(size or 0)) != size:
                return None
    return sizes


def _beside(path: Path, name: str) -> str:
    """The name of a file in the folder; a document from elsewhere may not point out of it."""
    if Path(name).name != name:
        raise ModelError(f"{path}: {name!r} is not in its folder")
    return name


def _ports(told: Sequence[Mapping[str, Any]]) -> tuple[Port, ...]:
    return tuple(
        Port(
            one["name"],
            one["kind"],
            one["dtype"],
            None if one["shape"] is None else tuple(one["shape"]),
        )
        for one in told
    )


def _signature(
    original: Model, variants: Sequence[Variant], limits: Limits
) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """Inputs with names for sizes, and outputs with sizes that follow from those.

    All sizes that the model leaves open have names, or where it is no model then (a size that it
    names is baked in) those in which the variants differ.
    """
    for only_differing in (False, True):
        inputs = _named(original, variants, only_differing=only_differing)
        shapes = {one.name: list(one.shape) for one in inputs if one.shape is not None}
        try:
            symbolic = specialized(original, shapes, {}, limits).report.outputs
        except PyonnxtoolError:
            continue
        return inputs, _following(inputs, symbolic, variants)
    unknown = tuple(replace(one, shape=None) for one in variants[0].outputs)
    return inputs, unknown


def _named(
    original: Model, variants: Sequence[Variant], *, only_differing: bool
) -> tuple[Port, ...]:
    own = {value.name: value.shape for value in original.graph.inputs}
    made = []
    for position, one in enumerate(variants[0].inputs):
        shapes = [variant.inputs[position].shape for variant in variants]
        if any(shape is None for shape in shapes):
            made.append(one)
            continue
        names = own.get(one.name) or [None] * len(one.shape or ())
        dims: list[Dim] = []
        for axis, sizes in enumerate(zip(*(shape or () for shape in shapes), strict=True)):
            name = names[axis]
            if isinstance(name, int) or (only_differing and len(set(sizes)) == 1):
                dims.append(sizes[0])
            else:
                dims.append(name or f"{one.name}_axis{axis}")
        made.append(replace(one, shape=tuple(dims)))
    return tuple(made)


def _following(
    inputs: Sequence[Port], symbolic: Sequence[Port], variants: Sequence[Variant]
) -> tuple[Port, ...]:
    """Sizes that inference proves, that follow from one name, and that every variant has."""
    known = [bound_sizes(inputs, {p.name: p.shape or () for p in v.inputs}) for v in variants]
    made = []
    for position, one in enumerate(symbolic):
        dims: list[Dim] = []
        for axis, dim in enumerate(one.shape or ()):
            found = [_size_at(variant.outputs[position], axis) for variant in variants]
            follows = isinstance(dim, str) and len(names_in(dim)) == 1
            told = [value_of(dim, sizes) if follows and sizes else None for sizes in known]
            proved = isinstance(dim, int) or (follows and told == found)
            dims.append(dim if proved else None)
        made.append(replace(one, shape=None if one.shape is None else tuple(dims)))
    return tuple(made)


def _size_at(output: Port, axis: int) -> Dim:
    shape = output.shape or ()
    return shape[axis] if axis < len(shape) else None
