"""What a model runs on when it is checked, and whether an output of two runs is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyonnxtool.backends import Backend, RunOptions, find_backend
from pyonnxtool.divergence.compare import Comparison, compare
from pyonnxtool.divergence.judge import metrics_of
from pyonnxtool.divergence.probe import Side, type_of
from pyonnxtool.errors import BackendError
from pyonnxtool.model import from_proto
from pyonnxtool.report import ValueRow

if TYPE_CHECKING:
    from pyonnxtool._core import Model
    from pyonnxtool.proof import Check
    from pyonnxtool.verdict import Tolerances

_OLDEST = 7
"""Of older opsets onnxruntime takes models, and has no kernels for what they hold."""
_BY_THREADS = frozenset({"DynamicQuantizeLSTM"})
"""What they compute depends on how many threads share a batch; one says what is meant."""


def side_of(text: str, model: Model, check: Check) -> tuple[Side, str]:
    """The model on what runs it, as the file has it; a note where that is not onnxruntime.

    `text` is how messages call it. A model whose opset or IR version onnxruntime does not take runs
    on the reference evaluator.
    """
    threads = int(any(node.op_type in _BY_THREADS for node in model.graph.nodes))
    options = RunOptions(level="none", threads=threads, custom_ops=tuple(check.custom_ops))
    runtime = find_backend("onnxruntime")
    if check.custom_ops or takes_opset_of(model, runtime):
        return Side(text, model, runtime, options), ""
    versions = f"opset {model.opset_imports.get('', 1)} and IR version {model.ir_version}"
    note = f"{text} ran on the reference evaluator: onnxruntime takes none of {versions} here"
    return Side(text, model, find_backend("reference"), RunOptions(level="none")), note


def takes_opset_of(model: Model, runtime: Backend) -> bool:
    """Whether the runtime takes a model of this opset and IR version, if it is simple enough."""
    from onnx import TensorProto, helper  # noqa: PLC0415 - loaded when it is needed

    if model.opset_imports.get("", 1) < _OLDEST:
        return False
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    node = helper.make_node("Identity", ["x"], ["y"])
    version = helper.make_opsetid("", model.opset_imports.get("", 1))
    simple = helper.make_model(
        helper.make_graph([node], "simple", info[:1], info[1:]),
        ir_version=model.ir_version,
        opset_imports=[version],
    )
    try:
        runtime.open(from_proto(simple), RunOptions(level="none")).close()
    except BackendError:
        return False
    return True


def judged(
    name: str,
    expected: object,
    found: object,
    tolerances: Tolerances,
    *,
    sample: int,
    is_random: bool = False,
    note: str = "",
) -> tuple[float, ValueRow]:
    """The row of an output, and a rank: the worst of several samples has the highest.

    Of numbers that chance decides, only type and shape are compared. `note` is said of the output.
    """
    compared = compare(expected, found)
    same_type = type_of(expected) == type_of(found)
    limit = tolerances.output_limit(name, compared.dtype)
    good = same_type and (compared.comparable if is_random else _within(compared, limit.holds))
    row = ValueRow(
        value=name,
        reference_value=name,
        node="",
        op_type="",
        dtype=compared.dtype,
        shape=compared.shape,
        status="bad" if not good else "ok" if compared.identical else "noise",
        accumulated=metrics_of(compared),
        tolerance=limit.absolute(compared.scale),
        note="; ".join(filter(None, (note, compared.note))),
        sample=sample,
    )
    return (0.0 if good else 1e300) + compared.relative, row


def _within(found: Comparison, holds: Any) -> bool:
    return found.stats is not None and (found.identical or bool(holds(found.stats)))
