"""layout: a model whose values are stored so that the fewest bytes are transposed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.binding import open_sizes
from pyonnxtool.border import Io, border_asked
from pyonnxtool.errors import UsageError
from pyonnxtool.inspection import Port, port, real_inputs
from pyonnxtool.model import ModelLike, as_model
from pyonnxtool.onnx_inference import ask_onnx
from pyonnxtool.proof import check_of, verified
from pyonnxtool.report import strict_json
from pyonnxtool.rewriting import Change, InnerOrder, Left, Rewrite, RewriteReport, StandsFor
from pyonnxtool.rewriting.measure import measured
from pyonnxtool.rewriting.report import Axes

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pyonnxtool._core import Model
    from pyonnxtool.proof import Proof

TO = ("nchw", "nhwc")
FILTERS = ("oihw", "ohwi", "hwio")
DOMAIN = "pyonnxtool.nhwc"
"""Of channels-last functions, unless another one is named."""
_WHAT = "changing layouts"


@dataclass(frozen=True)
class Traffic:
    """What is transposed in one run. Moving axes of size 1 moves nothing."""

    transposes: int
    """Transposes that move bytes."""
    nbytes: int
    """Bytes of what they move, each once."""


@dataclass(frozen=True)
class Move:
    """A Transpose of the new model, or a Reshape where only axes of size 1 change place."""

    value: str
    """What is moved, by a name of the old model."""
    perm: Axes
    """As Transpose has it."""
    from_perm: Axes
    """The order of its axes before, against the value of the old model."""
    to_perm: Axes
    """The order of its axes after, against the value of the old model."""
    nbytes: int
    """Bytes that are moved; 0 for a Reshape."""
    between: str
    """What makes it: "node 'conv1' (Conv)"."""
    readers: tuple[str, ...]
    """What reads it so, in the same words."""
    reason: str
    """Why neither side can have the other's layout, or why that would cost more."""


@dataclass(frozen=True)
class Plan:
    """The layouts that were chosen, by what they cost."""

    before: Traffic
    """The old model."""
    after: Traffic
    """The new model."""
    optimum: int
    """No plan under the same rules moves fewer bytes than this."""
    method: str
    """How the plan was found: "minimum cut", "elimination", "expansion moves"."""
    moves: tuple[Move, ...] = ()
    """What is moved in the new model, the largest first."""

    @property
    def is_best(self) -> bool:
        """Whether it is proved that no plan moves fewer bytes."""
        return self.after.nbytes <= self.optimum


@dataclass(frozen=True, kw_only=True)
class LayoutReport(RewriteReport):
    """What `layout` moved where, what it left, and why."""

    plan: Plan
    """What is transposed before and after."""
    border: Mapping[str, Axes] = field(default_factory=dict)
    """Inputs and outputs whose axes are in another order now: name to the old axes in this order.
    """
    functions: tuple[str, ...] = ()
    """Channels-last functions that were added, with their domain: "pyonnxtool.nhwc::Conv"."""
    inputs_before: tuple[Port, ...]
    """Inputs of the model as it was."""
    inputs: tuple[Port, ...]
    """Inputs of the new model."""
    outputs_before: tuple[Port, ...]
    """Outputs of the model as it was."""
    outputs: tuple[Port, ...]
    """Outputs of the new model."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Open sizes for which bytes were counted, as they were given."""

    def to_json(self) -> str:
        """`pyonnxtool/layout/1`."""
        return strict_json("pyonnxtool/layout/1", self)


def layout(
    given: ModelLike,
    to: str | None = None,
    *,
    io: Io = None,
    only_cancel: bool = False,
    filters: str = "oihw",
    domain: str = DOMAIN,
    expand: bool = False,
    target_costs: Mapping[str, float] | None = None,
    dims: Mapping[str, int] | None = None,
    **proof: Unpack[Proof],
) -> Rewrite[LayoutReport]:
    """The model with its values stored so that the fewest bytes are transposed; not changed itself.

    `to` is "nchw": operators stay what ONNX says, and calls of channels-last functions become plain
    operators again; "nhwc": operators with a channel axis become calls of model-local functions in
    `domain` that take and give channels-last, with the weights of convolutions in the layout of
    `filters` ("oihw", "ohwi" or "hwio"); or None: only what `io` asks for. Inputs and outputs keep
    their layout but for those in `io`: names, which get the layout of `to`, or name to "nchw",
    "nhwc" or an order of axes such as (0, 2, 3, 1).

    With `only_cancel`, Transposes are merged and cancelled and no other node is touched. `expand`
    turns calls of functions of `domain` into plain operators first. `target_costs` weighs operators
    that a runtime runs slower in one layout: {"Softmax@nchw": 3} is as much as moving its output
    three times. `dims` are open sizes for which bytes are counted.

    `verify` is the number of samples on which old and new model are run and compared; `inputs` (as
    the old model takes them), `seed`, `atol`, `rtol`, `memory`, `custom_ops` and `progress` say
    how, see `proof.Proof`.

    Raises UsageError for what does not fit the model, Refused when the new model differs,
    BackendError when the old one cannot be run to compare, or ModelError.
    """
    _check_choice(to, only_cancel=only_cancel, filters=filters, expand=expand, domain=domain)
    model = as_model(given)
    asked = border_asked(model, io, to)
    sizes = _known_sizes(model, dims)
    check = check_of(**proof)
    if check.progress is not None:
        check.progress(_WHAT, 0, 0)
    made = _core.layout(
        model,
        to="channels_last" if to == "nhwc" else "fewest",
        io=asked,
        only_cancel=only_cancel,
        expand=expand or (to == "nchw" and not only_cancel),
        filters=filters,
        domain=domain,
        target_costs=_costs(target_costs),
        sizes=sizes,
        fallback=ask_onnx,
    )
    report = _report(model, made, sizes, domain)
    return verified(_WHAT, model, Rewrite(made.model, report), check, report.border, drifts=True)


def _check_choice(
    to: str | None, *, only_cancel: bool, filters: str, expand: bool, domain: str
) -> None:
    """Raises UsageError for what does not go together."""
    if to is not None and to not in TO:
        raise UsageError(f"to={to!r}: give {' or '.join(TO)}")
    if filters not in FILTERS:
        raise UsageError(f"filters={filters!r}: give {', '.join(FILTERS[:-1])} or {FILTERS[-1]}")
    if to != "nhwc" and filters != FILTERS[0]:
        raise UsageError(
            f"filters {filters} is how channels-last convolutions hold their weights; it wants the "
            "layout nhwc too: --to nhwc"
        )
    if to == "nhwc" and only_cancel:
        raise UsageError(
            "only Transposes are touched with --only-cancel, and --to nhwc changes operators: give "
            "one of them"
        )
    if to == "nhwc" and expand:
        raise UsageError("--to nhwc makes the calls that --expand takes away: give one of them")
    if not domain:
        raise UsageError("functions have a domain of their own; give a name such as vendor.nhwc")


def _known_sizes(model: Model, dims: Mapping[str, int] | None) -> dict[str, int]:
    """Raises UsageError for a name that no open size of an input has."""
    known = [name for name in open_sizes(model) if name not in ("?", "any shape")]
    for name, size in (dims or {}).items():
        if name not in known:
            listed = f"it has {', '.join(known)}" if known else "it has no named size"
            raise UsageError(f"--dim {name}={size}: no input has a size of that name; {listed}")
        if size < 1:
            raise UsageError(f"--dim {name}={size}: bytes are counted for sizes from 1 on")
    return dict(dims or {})


def _costs(given: Mapping[str, float] | None) -> list[tuple[str, str, float]]:
    """("Softmax", "nchw", 3.0) of "Softmax@nchw" to 3."""
    costs = []
    for text, factor in (given or {}).items():
        op_type, _, layout_name = text.rpartition("@")
        if not op_type or layout_name.lower() not in TO or not 0 <= factor < float("inf"):
            raise UsageError(
                f"target cost {text}={factor:g}: write an operator, a layout and a factor that is "
                "not negative, such as Softmax@nchw=3"
            )
        costs.append((op_type, layout_name.lower(), float(factor)))
    return costs


def _report(
    model: Model, made: _core.Relaid, sizes: Mapping[str, int], domain: str
) -> LayoutReport:
    border = {name: tuple(perm) for name, perm in made.border.items()}
    told = [
        StandsFor(value, old, _axes(perm), tuple(InnerOrder(*one) for one in _inner(inner)))
        for value, old, perm, inner in made.value_map
    ]
    at_border = (StandsFor(name, name, perm) for name, perm in border.items())
    told += [one for one in at_border if one not in told]
    moves = sorted((_move(one) for one in made.moves), key=lambda one: -one.nbytes)
    return LayoutReport(
        model=model.path or model.graph.name or "model",
        changes=tuple(Change(rule, count) for rule, count in made.changes if count),
        value_map=tuple(told),
        left=tuple(Left(place, reason) for place, reason in made.left),
        before=measured(model),
        after=measured(made.model),
        plan=Plan(
            Traffic(*made.before), Traffic(*made.after), made.optimum, made.method, tuple(moves)
        ),
        border=border,
        functions=tuple(f"{domain}::{name}" for name in made.functions),
        inputs_before=tuple(port(value) for value in real_inputs(model.graph)),
        inputs=tuple(port(value) for value in real_inputs(made.model.graph)),
        outputs_before=tuple(port(value) for value in model.graph.outputs),
        outputs=tuple(port(value) for value in made.model.graph.outputs),
        sizes=dict(sizes),
        notes=tuple(made.notes),
    )


def _axes(perm: Sequence[int] | None) -> Axes | None:
    return None if perm is None else tuple(perm)


def _inner(
    given: Sequence[tuple[int, Sequence[int], Sequence[int]]],
) -> list[tuple[int, Axes, Axes]]:
    return [(axis, tuple(sizes), tuple(order)) for axis, sizes, order in given]


def _move(one: _core.LayoutMove) -> Move:
    before, after = tuple(one.from_perm), tuple(one.to_perm)
    return Move(
        value=one.value,
        perm=tuple(before.index(axis) for axis in after),
        from_perm=before,
        to_perm=after,
        nbytes=one.bytes,
        between=one.between,
        readers=tuple(one.readers),
        reason=one.reason,
    )
