"""PyTorch modules as ONNX models that are checked against them: `pyonnxtool.torch.export`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pyonnxtool.agreement import side_of
from pyonnxtool.backends import RunOptions
from pyonnxtool.backends.torch import (
    Declared,
    TorchValues,
    check_exportable,
    evaluated,
    made_by,
    with_example,
)
from pyonnxtool.conversion import checked_opset, imported
from pyonnxtool.declarations import declare_as_inferred
from pyonnxtool.errors import BackendError, Refused, UsageError
from pyonnxtool.inspection import Port, port, real_inputs
from pyonnxtool.proof import check_of
from pyonnxtool.report import strict_json
from pyonnxtool.rewriting import Refusal, Rewrite, RewriteReport, refused
from pyonnxtool.runtimes import find_runtime
from pyonnxtool.standardization import lower
from pyonnxtool.surgery.graph_check import misfits
from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._catalogue import Source, catalogue

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pyonnxtool._core import Model
    from pyonnxtool.backends._torch_exporters import Exported, Wish
    from pyonnxtool.proof import Check, Running
    from pyonnxtool.standardization import LowerReport

_MOST_NAMED = 4
EXPORTERS = ("dynamo", "torchscript")
_ATEN, _FALLBACK = "aten::", "org.pytorch.aten::"


@dataclass(frozen=True, kw_only=True)
class ExportReport(RewriteReport):
    """What `export` made of a module. `before` is what the exporter wrote."""

    exporter: str
    """Of the two that torch has: "dynamo" or "torchscript"."""
    torch_version: str
    """Of the torch that exported it."""
    opset_exported: int
    """Of ai.onnx, as the exporter wrote it."""
    opset: int
    """Of ai.onnx, in the new model."""
    was_training: int
    """Modules that were in training mode: they were exported in eval mode, and are back in it."""
    opaque: tuple[str, ...]
    """Operators that the exporter does not know, which were exported as nodes of their own."""
    kept: tuple[str, ...]
    """Custom operators of the new model."""
    inputs: tuple[Port, ...]
    """Inputs of the new model."""
    outputs: tuple[Port, ...]
    """Outputs of the new model."""
    rules: Mapping[str, str] = field(default_factory=dict)
    """Value of the new model to what made it, where it is not the exporter."""

    def to_json(self) -> str:
        """`pyonnxtool/export/1`."""
        return strict_json("pyonnxtool/export/1", self)


def export(
    module: Any,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    opset: int | str | None = None,
    dynamic: Mapping[str, Any] | None = None,
    input_names: Sequence[str] = (),
    output_names: Sequence[str] = (),
    exporter: str = "dynamo",
    symbolics: Sequence[Source] = (),
    keep: Sequence[str] = (),
    samples: int = 1,
    inputs: object = None,
    name: str = "",
    **running: Unpack[Running],
) -> Rewrite[ExportReport]:
    """An `nn.Module` as an ONNX model, checked against the module.

    `args` and `kwargs` are an example call. Inputs are named after forward's parameters, outputs
    after the keys of what it returns, unless `input_names` and `output_names` say otherwise.
    `dynamic` names sizes that stay open: {"x": {0: "batch"}}, or {"x": ("batch", 3, "h", "w")}.
    `exporter` is "dynamo" or "torchscript". The module is exported in eval mode and left as it was.

    `opset` is that of the model, or a runtime that is to take it, such as "onnxruntime-1.8"; what
    the exporter does not write itself is brought there as by `opset`. An operator without a
    translation becomes a node of its own domain, with tensors as inputs and other arguments as
    attributes by the names of its schema, and is lowered as by `lower`, which says what `symbolics`
    and `keep` are. With dynamo such an operator needs a fake implementation.

    The model is run on the example and on `samples` more sets of inputs (0: not at all), and on as
    many at other sizes where some are open; what comes out is compared with what the module
    returns. `inputs` are given ones instead of generated ones; `seed`, `atol`, `rtol`, `memory`,
    `custom_ops` and `progress` are those of `proof.Running`. `name` is what messages call the
    module.

    Raises UsageError for a call that the module does not take, and Refused for what cannot be
    exported or lowered, or when outputs differ, with the nodes that are to blame.
    """
    running["verify"] = samples
    check = check_of(inputs=inputs, **running)
    goal = _goal(opset)
    if exporter not in EXPORTERS:
        raise UsageError(f"there is no exporter {exporter!r}; take {' or '.join(EXPORTERS)}")
    text = name or type(module).__name__
    torch_version = check_exportable(module, text, exporter)
    from pyonnxtool.backends._torch_exporters import Wish, exported  # noqa: PLC0415 - loads torch
    from pyonnxtool.backends._torch_inputs import call_of, open_axes  # noqa: PLC0415 - loads torch

    if check.progress is not None:
        check.progress("exporting", 0, 0)
    with evaluated(module) as training:
        call = call_of(module, args, kwargs or {}, input_names, text)
        axes = open_axes(call, dynamic or {}, text)
        asked = _asked(symbolics, keep)
        wish = Wish(module, call, text, exporter, goal, axes, tuple(output_names), asked, _aten())
        made = exported(wish)
        lowered = _lowered(made.model, symbolics, keep, opset, check)
        named = {size for one in axes.values() for size in one.values()}
        declare_as_inferred(lowered.model, named, invented=exporter == "torchscript")
        report = ExportReport(
            **_of_lowering(lowered.report),
            exporter=exporter,
            torch_version=torch_version,
            opset_exported=imported(made.model),
            was_training=training,
            opaque=made.opaque,
            inputs=tuple(port(value) for value in real_inputs(lowered.model.graph)),
            outputs=tuple(port(value) for value in lowered.model.graph.outputs),
            notes=made.notes,
        )
        report = replace(report, model=text)
        return _checked(Rewrite(lowered.model, report), wish, made, check)


def export_made(
    spec: str,
    declared: Mapping[str, Declared] | None = None,
    dims: Mapping[str, int] | None = None,
    *,
    dynamic: Mapping[str, Any] | None = None,
    **options: Any,
) -> Rewrite[ExportReport]:
    """As `export`, of what the function of "FILE.py:FUNCTION" returns when it is called.

    That is a module, or (module, example_args[, example_kwargs]). Without an example its inputs are
    those `declared`, whose named sizes are what `dims` says, or 2. Raises as `export`, and
    UsageError for a file that does not run.
    """
    module, example = with_example(made_by(spec)[0])
    declared = declared or {}
    if example is not None and declared:
        raise UsageError(
            f"{spec} gives an example call itself: leave out --input, and name sizes that are to "
            f"stay open with --dynamic {next(iter(declared))}=batch,..."
        )
    check_exportable(module, spec)
    if example is None:
        from pyonnxtool.backends._torch_inputs import example_of  # noqa: PLC0415 - loads torch

        example = example_of(module, declared, dims or {}, options.get("seed", 0), spec)
    named = {name: one.sizes for name, one in declared.items()}
    return export(module, *example, dynamic={**named, **(dynamic or {})}, name=spec, **options)


def _goal(opset: int | str | None) -> int | None:
    """The opset that the exporter is asked for. Raises UsageError for one that there is not."""
    if isinstance(opset, str):
        return find_runtime(opset).opset
    return None if opset is None else checked_opset(opset)


def _asked(symbolics: Sequence[Source], keep: Sequence[str]) -> frozenset[str]:
    """Operators that the user has plans for: no translation of the exporter is taken."""
    known = catalogue(symbolics)
    own = {op for op in known if op not in SYMBOLICS or known[op].function is not SYMBOLICS[op]}
    return frozenset(own | set(keep))


def _aten() -> frozenset[str]:
    """Operators of torch that a symbolic of ours lowers."""
    return frozenset(
        key.replace(_FALLBACK, _ATEN, 1) for key in SYMBOLICS if key.startswith(_FALLBACK)
    )


def _lowered(
    model: Model,
    symbolics: Sequence[Source],
    keep: Sequence[str],
    opset: int | str | None,
    check: Check,
) -> Rewrite[LowerReport]:
    there = isinstance(opset, int) and imported(model) == opset
    to = None if there else opset
    return lower(model, symbolics=symbolics, keep=keep, to=to, progress=check.progress)


def _of_lowering(report: LowerReport) -> dict[str, Any]:
    """What the export has to tell as well."""
    names = ("model", "changes", "value_map", "left", "before", "after", "opset", "kept", "rules")
    return {name: getattr(report, name) for name in names}


def _checked(
    rewrite: Rewrite[ExportReport], wish: Wish, made: Exported, check: Check
) -> Rewrite[ExportReport]:
    """The same, once the model and the module agree."""
    report = rewrite.report
    if not check.samples:
        return rewrite
    if report.kept and not check.custom_ops:
        told = f"not checked: onnxruntime does not know {', '.join(report.kept)}; give its library"
        if wish.exporter == "torchscript" and wish.axes:
            told += ". Its attributes are those of the example, also where open sizes decide them"
        return replace(rewrite, report=replace(report, notes=(*report.notes, told)))
    from pyonnxtool.backends._torch_network import ModuleNetwork  # noqa: PLC0415 - loads torch
    from pyonnxtool.divergence.network.side import NetworkBackend  # noqa: PLC0415
    from pyonnxtool.divergence.probe import Side  # noqa: PLC0415
    from pyonnxtool.verification import verify  # noqa: PLC0415 - what runs models takes a while

    _check_that_it_runs(rewrite, check)
    call = wish.call
    network = ModuleNetwork(wish.module, wish.text, (call.args, call.kwargs), call.names)
    backend = NetworkBackend(wish.text, TorchValues(network), network, rewrite.model)
    try:
        found = verify(
            f"exporting {wish.text}",
            Side(wish.text, rewrite.model, backend, RunOptions(level="none")),
            rewrite.model,
            check,
            rules=report.rules,
            drifts=True,
            examples=[call.feeds()],
        )
    except Refused as error:
        reasons = [one for one in error.refusals if isinstance(one, Refusal)]
        reasons += [Refusal("", "", note) for note in (*made.notes, *_small_sizes(wish))]
        raise refused(f"exporting {wish.text}", reasons) from error
    found = replace(found, backends=("torch", found.backends[1]))
    notes = (*report.notes, *network.notes)
    return replace(rewrite, report=replace(report, verification=found, notes=notes))


def _small_sizes(wish: Wish) -> Iterator[str]:
    """What may be the matter with open sizes."""
    shapes = dict(zip(wish.call.names, (one.shape for one in wish.call.tensors), strict=True))
    small = {
        size
        for name, axes in wish.axes.items()
        for axis, size in axes.items()
        if wish.exporter == "dynamo" and shapes[name][axis] < 2
    }
    for size in sorted(small):
        yield (
            f"the open size {size!r} is 0 or 1 in the example, which dynamo may take as fixed: "
            "give an example with 2 or more"
        )


def _check_that_it_runs(rewrite: Rewrite[ExportReport], check: Check) -> None:
    """Raises Refused for a model that is none, BackendError for one that nothing here can run."""
    report = rewrite.report
    side, _ = side_of(report.model, rewrite.model, check)
    try:
        side.whole()
    except BackendError as error:
        other = next(one for one in EXPORTERS if one != report.exporter)
        wrong = [
            Refusal("", "", f"torch wrote what is no valid ONNX, try --exporter {other}: {one}")
            for one in misfits(rewrite.model.graph)
        ]
        if wrong:
            raise refused(f"exporting {report.model}", wrong[:_MOST_NAMED]) from error
        raise BackendError(
            f"exporting {report.model} could not be verified: {error}; skip the check with "
            "--no-verify"
        ) from error
    finally:
        side.close()
