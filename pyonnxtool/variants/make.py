"""specialize for several sizes at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pyonnxtool.errors import ModelError, UsageError
from pyonnxtool.feeds import required_inputs
from pyonnxtool.model import ModelLike, as_model
from pyonnxtool.proof import check_of, verified
from pyonnxtool.report import strict_json
from pyonnxtool.specialization import MAX_UNROLL, Limits, SpecializeReport, specialized
from pyonnxtool.variants.folder import WHERE, check_folder, write_folder
from pyonnxtool.variants.index import Variant, index_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pyonnxtool._core import Model
    from pyonnxtool.binding import Dims, Shapes, Size
    from pyonnxtool.proof import Proof
    from pyonnxtool.rewriting import Rewrite

Sizes: TypeAlias = "Mapping[str, Sequence[Size] | Size]"
"""What one variant binds: input name to shape, or name of a dimension to size."""


@dataclass(frozen=True)
class SpecializedVariant:
    """A variant, and what was done to make it."""

    name: str
    file: str
    """The model, within the folder."""
    report: SpecializeReport
    """As for a single size."""


@dataclass(frozen=True)
class VariantsReport:
    """What `specialize` made of one model at several sizes."""

    model: str
    """The model as the user named it."""
    folder: str
    """Where the variants were written; empty: nowhere."""
    variants: tuple[SpecializedVariant, ...]
    """In the order in which they were given."""
    written: tuple[str, ...] = ()
    """Files in the folder that were written."""
    linked: tuple[str, ...] = ()
    """Files that hold the weights and were not copied."""

    def to_json(self) -> str:
        """`pyonnxtool/specialize_variants/1`."""
        return strict_json("pyonnxtool/specialize_variants/1", self)


def specialize_variants(
    given: ModelLike,
    folder: str | PathLike[str] | None,
    variants: Mapping[str, Sizes],
    *,
    shapes: Shapes | None = None,
    dims: Dims | None = None,
    weights: str = "auto",
    force: bool = False,
    max_unroll: int = MAX_UNROLL,
    max_growth: int | None = None,
    value_info: bool = True,
    **proof: Unpack[Proof],
) -> VariantsReport:
    """Write the model at several sizes into `folder`: all of them, or nothing.

    `variants` is a name to what it binds: {"small": {"x": (1, 3, 64, 64), "batch": 1}}; `shapes`
    and `dims` hold for all of them. The folder gets `small.onnx` and so on, `variants.json`, and
    one file of weights, in which equal tensors of the variants are once. `weights`: "auto" and
    "external" write that file, "inside" puts all weights into each model, "link" copies none:
    entries point to the file of the given model, which lies beneath the folder, or gets a second
    name (a hard link) there. An earlier set is replaced with `force`. Without a folder nothing is
    written. Everything else is as for `specialize`, but for `inputs`: they have one size.

    Raises as `specialize` does, with the variant's name.
    """
    if weights not in WHERE:
        raise UsageError(f"weights={weights!r}: use one of {', '.join(WHERE)}")
    if not variants:
        raise UsageError("no variant is given")
    model = as_model(given)
    bound = {name: _bound(model, sizes, shapes, dims) for name, sizes in variants.items()}
    target = Path(folder) if folder is not None else None
    if target is not None:
        check_folder(target, [f"{name}.onnx" for name in bound], model, force=force)
    check = check_of(**proof)
    if check.inputs is not None:
        raise UsageError("--inputs have one size; they cannot check several variants")
    far = Limits(max_unroll, max_growth, value_info, tuple(check.custom_ops))
    made: dict[str, Rewrite[SpecializeReport]] = {}
    for number, (name, sizes) in enumerate(bound.items()):
        if check.progress is not None:
            check.progress(f"variant {name}", number, len(bound))
        try:
            one = specialized(model, *sizes, far)
        except (ModelError, UsageError) as error:
            raise type(error)(f"variant {name}: {error}") from error
        made[name] = verified(f"variant {name}", model, one, check)
    told = VariantsReport(
        model=model.path or model.graph.name or "model",
        folder=str(target) if target is not None else "",
        variants=tuple(
            SpecializedVariant(name, f"{name}.onnx", one.report) for name, one in made.items()
        ),
    )
    if target is None:
        return told
    files = {f"{name}.onnx": one.model for name, one in made.items()}
    listed = [
        Variant(name, f"{name}.onnx", one.report.inputs, one.report.outputs)
        for name, one in made.items()
    ]
    written, linked = write_folder(
        target,
        files,
        model,
        lambda data: index_of(model, listed, data, far).to_json() + "\n",
        weights=weights,
        force=force,
    )
    return replace(told, written=tuple(written), linked=tuple(linked))


def _bound(
    model: Model, sizes: Sizes, shapes: Shapes | None, dims: Dims | None
) -> tuple[dict[str, Sequence[Size]], dict[str, Size]]:
    """Shapes by input and sizes by name, with those that hold for every variant."""
    inputs = {value.name for value in required_inputs(model)}
    own: dict[str, Sequence[Size]] = {}
    named: dict[str, Size] = {}
    for name, size in sizes.items():
        if isinstance(size, Sequence) and not isinstance(size, str):
            own[name] = size
        elif name in inputs:
            raise UsageError(f"{name!r} is an input: give its whole shape, not {size!r}")
        else:
            named[name] = size
    return {**(shapes or {}), **own}, {**(dims or {}), **named}
