"""`torch.onnx.export`, with operators that it does not know as nodes of their own."""

from __future__ import annotations

import atexit
import contextlib
import io
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from pyonnxtool import _core
from pyonnxtool._core import Model
from pyonnxtool.backends._torch_export_errors import explained, is_of_translation, untranslated
from pyonnxtool.backends._torch_inputs import Axes, Call, dynamic_shapes, flat_call
from pyonnxtool.backends._torch_network import restored
from pyonnxtool.backends._torch_opaque import (
    ATEN,
    CannotExportError,
    Opaque,
    call_back,
    registered_for_traces,
    translations,
)
from pyonnxtool.backends._torch_trial import Trial, tried
from pyonnxtool.errors import UsageError
from pyonnxtool.rewriting import Refusal, refused
from pyonnxtool.rewriting.graphs import names_of
from pyonnxtool.rewriting.tape import Names

_IN_MEMORY = 64 << 20
"""Bytes of a file that is read whole; larger ones stay where they are until Python ends."""
_INSIDE = 1800 << 20
"""Bytes of weights with which a file stays clear of the 2 GB that one may have."""
_OPSETS = {"dynamo": (18, 23), "torchscript": (7, 20)}
"""What each exporter writes of itself."""
_MOST_PLACES = 3


@dataclass(frozen=True)
class Wish:
    """What is exported, and how."""

    module: Any
    call: Call
    text: str
    """What users call the module."""
    exporter: str
    opset: int | None = None
    axes: Mapping[str, Axes] = field(default_factory=dict)
    """Input to axis to the name of a size that is left open."""
    output_names: Sequence[str] = ()
    asked: frozenset[str] = frozenset()
    """Operators that are to be nodes of their own, whatever translation there is."""
    known: frozenset[str] = frozenset()
    """Operators of torch that a symbolic lowers, for where the exporter fails without."""


@dataclass(frozen=True)
class Exported:
    """What came of it."""

    model: Model
    opaque: tuple[str, ...]
    """Operators that the exporter has no translation for."""
    notes: tuple[str, ...]


def exported(wish: Wish) -> Exported:
    """The module as the exporter writes it, inputs and outputs under the names of the wish.

    Operators without a translation are nodes of their own domain. Raises Refused with what the
    exporter cannot do, and UsageError for a module that does not run and for names that do not fit.
    """
    try:
        trial = tried(wish.module, wish.call, wish.output_names, wish.text)
    except CannotExportError as error:
        raise explained(error, wish.exporter, wish.text) from error
    opaque = Opaque(wish.asked)
    folder = Path(tempfile.mkdtemp(prefix="pyonnxtool-"))
    try:
        with restored(wish.module), _plain_attention():
            warned = _written(wish, trial, opaque, folder)
        model = _loaded(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _add_unused(model, wish)
    _tell_apart(model)
    _rename(model, wish.call.names, trial.outputs)
    _check_open(model, wish)
    return Exported(model, tuple(sorted(opaque.written)), tuple(_told(warned)))


def _written(
    wish: Wish, trial: Trial, opaque: Opaque, folder: Path
) -> list[warnings.WarningMessage]:
    """Export, again with each operator that turns out to have no translation as a node."""
    program = None
    while True:
        try:
            with torch.no_grad(), _quiet() as warned:
                if wish.exporter == "dynamo":
                    program = _by_dynamo(wish, opaque, flat=trial.flat)
                else:
                    _by_trace(wish, opaque, folder)
            break
        except Exception as error:  # whatever torch raises
            again = _again(wish, opaque, error)
            if again is None:
                raise explained(error, wish.exporter, wish.text) from error
            wish = again
    if program is not None:
        with _quiet():
            _save(program, folder)
    return warned


def _again(wish: Wish, opaque: Opaque, error: Exception) -> Wish | None:
    """What to try after this error, None for nothing. Notes what was missing."""
    missing, since = untranslated(error) or ("", None)
    if since is not None and (wish.opset or 0) < since:
        return replace(wish, opset=since)
    # Dynamo takes apart what it does not know, into what nobody knows.
    widened = wish.exporter != "dynamo" or wish.known <= opaque.missing
    if missing and missing not in opaque.missing and (widened or missing.startswith(ATEN)):
        opaque.missing.add(missing)
        return wish
    if widened or not is_of_translation(error):
        return None
    opaque.missing |= wish.known
    return wish


def _by_dynamo(wish: Wish, opaque: Opaque, *, flat: bool) -> Any:
    with contextlib.ExitStack() as stack:
        if flat:
            stack.enter_context(flat_call(wish.module, wish.call, inputs=False))
        return torch.onnx.export(
            wish.module,
            wish.call.args,
            kwargs=wish.call.kwargs,
            dynamo=True,
            verbose=False,
            opset_version=_opset(wish),
            dynamic_shapes=dynamic_shapes(wish.module, wish.call, wish.axes) if wish.axes else None,
            custom_translation_table=translations(opaque),
        )


def _save(program: Any, folder: Path) -> None:
    """Weights inside of the file, where that can hold them."""
    held = [one.const_value for one in program.model.graph.initializers.values()]
    large = sum(one.nbytes for one in held if one is not None) > _INSIDE
    program.save(folder / "model.onnx", external_data=large)


def _by_trace(wish: Wish, opaque: Opaque, folder: Path) -> None:
    opset = _opset(wish)
    scripted = isinstance(wish.module, torch.jit.ScriptModule)
    with contextlib.ExitStack() as stack:
        args = wish.call.args
        if not scripted:
            args = stack.enter_context(flat_call(wish.module, wish.call, inputs=True))
        stack.enter_context(registered_for_traces(opaque, opset or 20, dynamic=bool(wish.axes)))
        torch.onnx.export(
            wish.module,
            args,
            str(folder / "model.onnx"),
            dynamo=False,
            input_names=list(wish.call.names),
            opset_version=opset,
            dynamic_axes={name: dict(axes) for name, axes in wish.axes.items()} or None,
        )


def _opset(wish: Wish) -> int | None:
    if wish.opset is None:
        return None
    low, high = _OPSETS[wish.exporter]
    return min(max(wish.opset, low), high)


def _loaded(folder: Path) -> Model:
    """What was written. Of a large model the file is needed until the end."""
    file = folder / "model.onnx"
    if sum(one.stat().st_size for one in folder.iterdir()) <= _IN_MEMORY:
        model = _core.from_bytes(file.read_bytes())
        shutil.rmtree(folder)
    else:
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        model = _core.load(str(file))
    call_back(model)
    return model


def _add_unused(model: Model, wish: Wish) -> None:
    """Inputs that the module does not read: a trace forgets them."""
    graph, names = model.graph, wish.call.names
    there = {value.name for value in graph.inputs}
    if wish.exporter == "dynamo" or len(there) == len(names) or not there <= set(names):
        return
    used = Names({*names_of(model), *names})
    for name, tensor in zip(names, wish.call.tensors, strict=True):
        if name not in there:
            if graph.defines(name):
                graph.rename_value(name, used.fresh(name))
            axes = wish.axes.get(name, {})
            shape = [axes.get(axis, size) for axis, size in enumerate(tensor.shape)]
            graph.add_input(name, str(tensor.dtype).removeprefix("torch."), shape)
    graph.order_inputs(names)


def _tell_apart(model: Model) -> None:
    """Outputs that are one value: a trace lists it several times, which no ONNX model may."""
    graph = model.graph
    names = [value.name for value in graph.outputs]
    types = {value.name: (value.dtype, value.shape) for value in graph.outputs}
    used, order = Names(names_of(model)), list[str]()
    for name in names:
        own = name
        if name in order:
            own = used.fresh(name)
            graph.op("Identity", graph.value(name), outputs=[own])
            graph.add_output(own)
            graph.declare(own, *types[name])
        elif names.count(name) > 1:
            graph.remove_output(name)
            graph.add_output(name)
            graph.declare(name, *types[name])
        order.append(own)
    graph.order_outputs(order)


def _rename(model: Model, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Inputs and outputs by these names; whatever else has one of them gets another.

    The exporters' own renaming lets two values have one name.
    """
    graph = model.graph
    old = [value.name for value in (*graph.inputs, *graph.outputs)]
    new = [*inputs, *outputs]
    if len(old) != len(new):
        told = f"the exporter made {len(graph.inputs)} inputs and {len(graph.outputs)} outputs of "
        told += f"{len(inputs)} and {len(outputs)}"
        raise refused("the export", [Refusal("", "", told)])
    if not all(new):
        raise UsageError("an input or output is to be called '', and needs a name")
    if len(set(new)) < len(new):
        double = next(name for name in new if new.count(name) > 1)
        raise UsageError(f"two inputs or outputs would be called {double!r}")
    used = Names({*names_of(model), *new})
    there = {value.name for value in graph.values}
    aside = [(name, used.fresh(name)) for name in new if name in there]
    graph.rename_values(aside)
    moved = dict(aside)
    graph.rename_values([(moved.get(one, one), two) for one, two in zip(old, new, strict=True)])


def _check_open(model: Model, wish: Wish) -> None:
    """Sizes that were to be open: dynamo fixes them where the module does, and says nothing."""
    shapes = {value.name: value.shape or () for value in model.graph.inputs}
    fixed = [
        Refusal(
            "",
            "",
            f"axis {axis} of input {name!r} ({size}) was to stay open, and came out as "
            f"{shapes[name][axis]}: what the module does fixes it; leave it out of the open sizes",
        )
        for name, axes in wish.axes.items()
        for axis, size in axes.items()
        if isinstance(dict(enumerate(shapes[name])).get(axis), int)
    ]
    if fixed:
        raise refused(f"exporting {wish.text}", fixed)


def _told(warned: Sequence[warnings.WarningMessage]) -> Iterator[str]:
    """Of all that torch warns of, what a trace has fixed matters to users."""
    places = list(
        dict.fromkeys(
            f"{Path(one.filename).name}, line {one.lineno}"
            for one in warned
            if issubclass(one.category, torch.jit.TracerWarning)
        )
    )
    if places:
        more = f" and {len(places) - _MOST_PLACES} more" if len(places) > _MOST_PLACES else ""
        yield (
            "the trace follows the path that the example takes: numbers become Python's at "
            f"{'; '.join(places[:_MOST_PLACES])}{more}"
        )


@contextlib.contextmanager
def _plain_attention() -> Iterator[None]:
    """Attention of torch.nn in operators that can be exported, not in the one of its fast path."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@contextlib.contextmanager
def _quiet() -> Iterator[list[warnings.WarningMessage]]:
    """No log, no graphs on the screen; the warnings, for those that matter."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    dropped = io.StringIO()
    log = getattr(torch._C, "_jit_onnx_log", None)
    torch._C._jit_onnx_log = lambda *_: None  # prints whole graphs from C++
    try:
        with (
            contextlib.redirect_stdout(dropped),
            contextlib.redirect_stderr(dropped),
            warnings.catch_warnings(record=True) as warned,
        ):
            warnings.simplefilter("always")
            yield warned
    finally:
        logging.disable(before)
        torch._C._jit_onnx_log = log
