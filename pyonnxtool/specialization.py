"""specialize: a model for fixed sizes, and whatever follows from them computed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyonnxtool import _core
from pyonnxtool.backends import RunOptions, find_backend
from pyonnxtool.binding import Dims, Shapes, check_something_is_bound
from pyonnxtool.inspection import Port, port, real_inputs
from pyonnxtool.model import ModelLike, as_model
from pyonnxtool.onnx_inference import ask_onnx
from pyonnxtool.op_schemas import same_meaning
from pyonnxtool.proof import check_of, verified
from pyonnxtool.report import strict_json
from pyonnxtool.rewriting import Change, Left, Rewrite, RewriteReport, StandsFor
from pyonnxtool.rewriting.measure import measured

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pyonnxtool._core import Model
    from pyonnxtool.proof import Proof

MAX_UNROLL = 64
"""Loops and Scans of more turns stay."""


@dataclass(frozen=True)
class Dynamic:
    """A value of the new model whose size is only known when the model runs."""

    value: str
    """Its name in the new model."""
    node: str
    """The node that makes it, as messages name it."""
    shape: str
    """As far as it is known: "[1, ?, 4]"."""
    reason: str
    """Why: "NonZero 'nz' of data", "named size 'h' is not bound"."""


@dataclass(frozen=True, kw_only=True)
class SpecializeReport(RewriteReport):
    """What `specialize` bound and did, and what stays dynamic."""

    inputs_before: tuple[Port, ...]
    """Inputs of the model as it was."""
    inputs: tuple[Port, ...]
    """Inputs of the new model."""
    outputs: tuple[Port, ...]
    """Outputs of the new model."""
    dynamic: tuple[Dynamic, ...] = ()
    """Values without a fixed size that are left."""

    def to_json(self) -> str:
        """`pyonnxtool/specialize/1`."""
        return strict_json("pyonnxtool/specialize/1", self)


@dataclass(frozen=True)
class Limits:
    """How far specializing goes."""

    max_unroll: int = MAX_UNROLL
    max_growth: int | None = None
    """Bytes that folded constants may take beyond what they replace; None: little, see
    `specialize`."""
    value_info: bool = True
    """Types of all values are written, also where the file had none: what reads the result need not
    know our rules."""
    custom_ops: tuple[str, ...] = ()


def specialize(
    given: ModelLike,
    shapes: Shapes | None = None,
    dims: Dims | None = None,
    *,
    max_unroll: int = MAX_UNROLL,
    max_growth: int | None = None,
    value_info: bool = True,
    **proof: Unpack[Proof],
) -> Rewrite[SpecializeReport]:
    """The model for inputs of these sizes; the model that is given stays as it is.

    `shapes` is input name to sizes, `dims` is the name of a dimension (or "x[0]", an axis of an
    input) to a size. A size is a number, None for one that stays open, or the name that an open one
    is to have. Shape arithmetic and constants are computed, If with a known condition is inlined,
    Loops and Scans of at most `max_unroll` turns are unrolled, nodes that do nothing go.
    `max_growth` bounds by how many bytes folded constants may make the weights larger; None is
    1 MiB, and none of it for a second form of a weight that stays (the transpose of a tied table).

    `verify` is the number of samples on which old and new model are run and compared, each at two
    sizes where a size stays open; `inputs`, `seed`, `atol`, `rtol`, `memory`, `custom_ops` and
    `progress` say how, see `proof.Proof`.

    Raises UsageError for names and sizes that do not fit the model, Refused when the new model
    differs, BackendError when the old one cannot be run to compare, or ModelError.
    """
    check = check_of(**proof)
    limits = Limits(max_unroll, max_growth, value_info, tuple(check.custom_ops))
    model = as_model(given)
    check_something_is_bound(model, shapes, dims)
    if check.progress is not None:
        check.progress("specializing", 0, 0)
    return verified("specializing", model, specialized(model, shapes, dims, limits), check)


def specialized(
    model: Model, shapes: Shapes | None, dims: Dims | None, limits: Limits
) -> Rewrite[SpecializeReport]:
    """As `specialize`, without a check."""
    made = _core.specialize(
        model,
        {name: list(sizes) for name, sizes in (shapes or {}).items()},
        {name: size for name, size in (dims or {}).items() if size is not None},
        max_unroll=limits.max_unroll,
        max_growth=limits.max_growth,
        value_info=limits.value_info,
        evaluate=_evaluator(limits.custom_ops),
        fallback=ask_onnx,
        same_meaning=same_meaning,
    )
    report = SpecializeReport(
        model=model.path or model.graph.name or "model",
        changes=tuple(Change(rule, count) for rule, count in made.changes if count),
        value_map=tuple(StandsFor(new, old) for old, new in made.value_map.items()),
        left=tuple(Left(node, reason) for node, reason in made.left),
        before=measured(model),
        after=measured(made.model),
        inputs_before=tuple(port(value) for value in real_inputs(model.graph)),
        inputs=tuple(port(value) for value in real_inputs(made.model.graph)),
        outputs=tuple(port(value) for value in made.model.graph.outputs),
        dynamic=tuple(
            Dynamic(one.value, one.node, one.shape, one.reason) for one in made.leftovers
        ),
    )
    return Rewrite(made.model, report)


def _evaluator(custom_ops: Sequence[str]) -> Callable[[Model, list[str]], list[Any]]:
    """Computes constants that the core has no rule for, with what will run the model."""
    options = RunOptions(level="none", custom_ops=tuple(custom_ops))

    def evaluate(model: Model, outputs: list[str]) -> list[Any]:
        with find_backend("onnxruntime").open(model, options) as session:
            found = session.run({})
        return [found[name] for name in outputs]

    return evaluate
