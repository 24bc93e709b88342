"""opset: the same model for a runtime that knows another version of the operators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyonnxtool.downgrade.lowering import lowered
from pyonnxtool.model import ModelLike, as_model
from pyonnxtool.report import strict_json
from pyonnxtool.rewrite import Change, Rewrite, RewriteReport, StandsFor, refused
from pyonnxtool.specialization import measured


@dataclass(frozen=True, kw_only=True)
class OpsetReport(RewriteReport):
    """What `opset` did to which operators."""

    opset_before: int
    opset: int
    rules: Mapping[str, str] = field(default_factory=dict)
    """Value of the new model to what made it."""

    def to_json(self) -> str:
        """`pyonnxtool/opset/1`."""
        return strict_json("pyonnxtool/opset/1", self)


def opset(given: ModelLike, to: int) -> Rewrite[OpsetReport]:
    """The model at opset `to` of ai.onnx; not changed itself.

    Raises Refused with every node that has no equal there.
    """
    model = as_model(given)
    made, done = lowered(model, to)
    if done.refusals:
        raise refused(f"opset {to}", done.refusals)
    report = OpsetReport(
        model=model.path or model.graph.name or "model",
        changes=tuple(Change(rule, count) for rule, count in done.changes.items()),
        value_map=tuple(StandsFor(new, old) for new, old in done.stands_for),
        before=measured(model),
        after=measured(made),
        opset_before=model.opset_imports.get("", 1),
        opset=to,
        rules=done.rules,
    )
    return Rewrite(made, report)
