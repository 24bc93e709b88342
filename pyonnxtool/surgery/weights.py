"""weights: other numbers, half as many bytes, or equal ones once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace as changed
from os.path import relpath
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool import _core
from pyonnxtool.errors import Refused, UsageError
from pyonnxtool.model import ModelLike, as_model, load
from pyonnxtool.proof import check_of
from pyonnxtool.rewriting import Left, Refusal, Rewrite, StandsFor, refused
from pyonnxtool.surgery.edit_report import EditReport, Weight, edited
from pyonnxtool.surgery.equal_weights import share_equal
from pyonnxtool.surgery.half import halved
from pyonnxtool.surgery.selection import nothing_called
from pyonnxtool.surgery.weight_files import Replacements, arrays_given
from pyonnxtool.surgery.weight_places import WeightPlace, weight_places
from pyonnxtool.verdict import Tolerances, output_rtol
from pyonnxtool.wording import plural, typed

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Unpack

    from pyonnxtool._core import Model, Tensor
    from pyonnxtool.proof import Check, Proof

_NONE: dict[str, str] = {}
_AS_HALVES = Tolerances(rtol=(("*", output_rtol("float16")),))
"""Outputs of a model in float16 may differ as those do that are float16 themselves."""
_MANY_BYTES = 1 << 28
_ADVICE = Refusal(
    "",
    "",
    "name what is to stay in float32 with keep (--keep NODE or op:TYPE), or allow more with rtol; "
    "--samples 0 writes the model without running it",
)


def weights(
    given: ModelLike,
    *,
    replace: Replacements = _NONE,
    fp16: bool = False,
    keep: Sequence[str] = (),
    convert: Sequence[str] = (),
    fp16_io: bool = False,
    deduplicate: bool = False,
    **proof: Unpack[Proof],
) -> Rewrite[EditReport]:
    """The model with other weights; `report.weights` lists them, the largest first.

    `replace` is name to array (or .npy file), an .npz file with such names, or texts "w.npz" and
    "name=w.npy": each takes the place of the weight of that name and has its element type and
    shape. Weights are initializers and Constant nodes, of bodies and functions too.

    With `fp16` the model computes in float16, and its weights take half of the bytes: operators
    have float16 operands wherever their schema has that, with Casts around nodes that stay in
    float32. These are nodes that `keep` names (globs, or operators as "op:Softmax"), those of
    operators for which float16 is too narrow (`half.operators` lists them; `convert` names nodes
    that are converted all the same), and those whose constants or values float16 cannot hold.
    Numbers beyond float16 in masks become the largest that there are. Inputs and outputs stay
    float32 unless `fp16_io` is set. Functions are opened. Outputs may differ as float16 may unless
    `atol` or `rtol` say otherwise.

    `deduplicate` stores weights of equal type, shape and bytes once; they are read one after the
    other and not held.

    Where weights go is what `Model.save` takes: inside the file, one file beside it, a file each.

    Raises UsageError for a weight that there is not or that does not fit, and when no node can be
    float16; or as `edit_report.edited` does.
    """
    check = check_of(**proof)
    if not fp16 and (keep or convert or fp16_io):
        raise UsageError("what to keep, to convert, and float16 inputs are for fp16; ask for that")
    model = as_model(given)
    made, changes, notes = model.copy(), Counter[str](), list[str]()
    pairs: list[StandsFor] = []
    left: list[Left] = []
    changes["weights replaced"] = _replace(made, arrays_given(replace))
    if fp16:
        found = halved(made, check, keep, convert, io=fp16_io)
        made, left, pairs = found.model, found.left, found.value_map
        changes.update(found.changes)
        notes += found.notes
        told = check.tolerances != Tolerances()
        check = check if told else changed(check, tolerances=_AS_HALVES)
    if deduplicate:
        shared = share_equal(made)
        changes["equal weights stored once"] = shared.count
        pairs += [StandsFor(kept, gone) for kept, gone in shared.stands_for]
        if shared.count:
            notes.append(f"{shared.saved:,} bytes of equal weights are stored once less")
    drifts = fp16 and check.tolerances == _AS_HALVES  # no more than the user allows
    rules = {"": "float16"} | {one.value: "float16" for one in pairs} if drifts else None
    try:
        with _to_run(made, check) as trial:
            done = edited(
                "weights",
                model,
                made,
                changes,
                check=check,
                notes=notes,
                left=left,
                value_map=pairs,
                rules=rules,
                trial=trial,
            )
    except Refused as error:
        if not fp16:
            raise
        reasons = [one for one in error.refusals if isinstance(one, Refusal)]
        raise refused("weights", [*reasons, _ADVICE]) from error
    return changed(done, report=changed(done.report, weights=tuple(_listed(made))))


@contextmanager
def _to_run(model: Model, check: Check) -> Iterator[Model]:
    """The model, in a folder of its own where many weights are in no file that it can point to."""
    loose = sum(one.tensor.nbytes for one in weight_places(model) if one.tensor.location is None)
    if not check.samples or loose < _MANY_BYTES:
        yield model
        return
    with TemporaryDirectory(prefix="pyonnxtool-") as folder:
        path = str(Path(folder) / "model.onnx")
        model.save(path, "external")
        yield load(path)


def _replace(model: Model, arrays: dict[str, NDArray[Any]]) -> int:
    if not arrays:
        return 0
    places: dict[str, list[WeightPlace]] = {}
    for place in weight_places(model):
        places.setdefault(place.name, []).append(place)
    unknown = [name for name in arrays if name not in places]
    if unknown:
        error = nothing_called(unknown[0], list(places), "weight")
        more = len(unknown) - 1
        raise UsageError(f"{error}" + (f"; {plural(more, 'other name')} too" if more else ""))
    for name, array in arrays.items():
        for place in places[name]:
            _check(place, array)
            place.put(_core.Tensor(array, place.tensor.name))
    return sum(len(places[name]) for name in arrays)


def _check(place: WeightPlace, array: NDArray[Any]) -> None:
    """Raises UsageError for an array of another type or shape."""
    has = place.tensor
    try:
        dtype = _core.Tensor(np.empty(0, array.dtype)).dtype
    except UsageError as error:
        raise UsageError(f"{place.name}: {error}") from error
    if array.shape == has.shape and dtype == has.dtype:
        return
    castable = array.shape == has.shape and "string" not in (dtype, has.dtype)
    advice = f'; cast it first: array.astype("{has.dtype}")' if castable else ""
    raise UsageError(
        f"weight {place.name!r} is {typed(has.dtype, has.shape)}, and the array for it is "
        f"{typed(dtype, array.shape)}{advice}"
    )


def _listed(model: Model) -> list[Weight]:
    found = [
        Weight(
            place.name,
            place.tensor.dtype,
            place.tensor.shape,
            place.tensor.nbytes,
            _where(model, place.tensor),
        )
        for place in weight_places(model)
    ]
    return sorted(found, key=lambda one: -one.bytes)


def _where(model: Model, tensor: Tensor) -> str:
    if not tensor.is_external or tensor.location is None:
        return "inside"
    path, offset, _ = tensor.location
    return f"{relpath(path, model.folder or '.')}:{offset}"
