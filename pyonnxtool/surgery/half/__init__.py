"""A float32 model that computes in float16, but where that would lose more than digits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.errors import UsageError
from pyonnxtool.op_schemas import same_meaning
from pyonnxtool.rewriting import Left, StandsFor
from pyonnxtool.surgery.half.constants import Constants, Rounding
from pyonnxtool.surgery.half.measured import Measured
from pyonnxtool.surgery.half.node_choice import chosen_nodes, names_op
from pyonnxtool.surgery.half.place import Placement, constants_read, declare_inputs
from pyonnxtool.surgery.half.plan import HALF, Choice, planned
from pyonnxtool.surgery.half.values import Values
from pyonnxtool.wording import plural

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Model
    from pyonnxtool.proof import Check
    from pyonnxtool.surgery.half.plan import Plan

_MOST_NAMED = 3
_OPSET_OF_CASTS = 13


@dataclass
class Halved:
    """The model in float16, and what to say of it."""

    model: Model
    changes: Counter[str] = field(default_factory=Counter)
    left: list[Left] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    value_map: list[StandsFor] = field(default_factory=list)


def halved(
    given: Model,
    check: Check,
    keep: Sequence[str] = (),
    convert: Sequence[str] = (),
    *,
    io: bool = False,
) -> Halved:
    """The model with its nodes and weights in float16, and Casts around what stays in float32.

    `keep` and `convert` name nodes, or operators as "op:Softmax", by globs. Functions that `keep`
    does not name are opened. With `io` inputs and outputs become float16 too. Nodes whose values
    pass float16 on the samples of the check stay as well: the new model may not show that, as
    runtimes compute in float32 where they have no kernel for float16.

    Raises UsageError for names that there are not, and when there is nothing in float32;
    BackendError when the model does not run on the samples.
    """
    model, changes = _opened(given, keep)
    if "" not in model.opset_imports:  # Casts are of it
        model.set_opset_import("", _OPSET_OF_CASTS)
    values = Values(model)
    constants = Constants(values)
    nodes = [node for graph in values.graphs for node in graph.nodes]
    kept, forced = chosen_nodes(keep, nodes, "--keep"), chosen_nodes(convert, nodes, "--convert")
    measured = Measured(model.copy(), check)
    try:
        choice = Choice(kept, forced, measured.large(), io)
        plan = planned(values, constants, choice)
        while not _converted(values, constants, plan):
            plan = planned(values, constants, choice)
        error = measured.rounded(_halves(plan, values.graphs[0]))
    finally:
        measured.close()
    placement = Placement(model, values, plan, constants)
    placement.run()
    declare_inputs(values, plan, values.graphs)
    changes.update(placement.changes)
    if not changes["nodes in float16"]:
        raise UsageError("nothing in this model can be float16: no node computes in float32")
    pairs = [StandsFor(new, old) for new, old in placement.stands_for]
    return Halved(model, changes, _left(plan), _told(values, constants, plan, error), pairs)


def _halves(plan: Plan, graph: Graph) -> set[str]:
    return {name for (home, name), dtype in plan.stored.items() if home == graph and dtype == HALF}


def _opened(given: Model, keep: Sequence[str]) -> tuple[Model, Counter[str]]:
    """A copy whose functions are opened, but those that are kept as operators."""
    if not given.functions:
        return given.copy(), Counter()
    going = [
        (one.domain, one.name, one.overload)
        for one in given.functions
        if not any(names_op(pattern, one.domain, one.name) for pattern in keep)
    ]
    every = len(going) == len(given.functions)
    made, _ = _core.inline_functions(given, same_meaning, None if every else sorted(going))
    return made, Counter({"functions opened": len(going)})


def _converted(values: Values, constants: Constants, plan: Plan) -> bool:
    """Whether all constants could be: False when one of them is beyond float16."""
    wanted = [key for key, types in constants_read(values, plan).items() if HALF in types]
    return all(constants.convert(key) for key in wanted)


def _left(plan: Plan) -> list[Left]:
    """Nodes that stay in float32, those of one reason together."""
    kept = [step for step in plan.steps if step.kept and (step.wants or step.makes)]
    reasons = list(dict.fromkeys(step.kept for step in kept))
    kept.sort(key=lambda step: reasons.index(step.kept))
    return [Left(step.node.label, step.kept) for step in kept]


def _told(values: Values, constants: Constants, plan: Plan, error: float | None) -> list[str]:
    """What float16 could not hold of the weights, and of which most; what rounding does."""
    lost = {
        key[1]: constants.rounding(key)
        for key, types in constants_read(values, plan).items()
        if HALF in types
    }
    total = sum(lost.values(), Rounding())
    notes = []
    if error is not None:
        notes.append(
            f"with every value rounded to float16, as on hardware that has it, outputs are off by "
            f"{error:.1e} of their scale, besides what rounding the weights does"
        )
    if total.overflowed:
        names = [name for name, one in lost.items() if one.overflowed]
        notes.append(
            f"{plural(total.overflowed, 'number')} beyond float16 became 65504 or -65504, in "
            + _named(names)
        )
    for count, text, worst in (
        (total.vanished, "became zero", "vanished"),
        (total.subnormal, "are below 0.000061 and keep fewer digits", "subnormal"),
    ):
        if count:
            name = max(lost, key=lambda one: getattr(lost[one], worst))
            notes.append(f"{count:,} of {total.count:,} weights {text}, most of them in {name!r}")
    return notes


def _named(names: list[str]) -> str:
    listed = ", ".join(map(repr, names[:_MOST_NAMED]))
    return listed + (f" and {plural(len(names) - _MOST_NAMED, 'other')}" if len(names) > 3 else "")
