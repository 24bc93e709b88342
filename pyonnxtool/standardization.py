"""lower: custom operators as standard ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pyonnxtool.conversion import goal_of, imported, opset
from pyonnxtool.expansion import Wanted, custom_operators, standardize
from pyonnxtool.model import ModelLike, as_model
from pyonnxtool.proof import check_of, verified
from pyonnxtool.report import strict_json
from pyonnxtool.rewriting import Change, Rewrite, RewriteReport, StandsFor, refused
from pyonnxtool.rewriting.measure import measured
from pyonnxtool.symbolics._catalogue import Source, catalogue

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pyonnxtool.proof import Proof


@dataclass(frozen=True, kw_only=True)
class LowerReport(RewriteReport):
    """What `lower` did to which operators."""

    opset_before: int
    """Of ai.onnx, in the old model."""
    opset: int
    """Of ai.onnx, in the new model."""
    kept: tuple[str, ...]
    """Custom operators of the new model."""
    rules: Mapping[str, str] = field(default_factory=dict)
    """Value of the new model to what made it."""

    def to_json(self) -> str:
        """`pyonnxtool/lower/1`."""
        return strict_json("pyonnxtool/lower/1", self)


def lower(
    given: ModelLike,
    *,
    symbolics: Sequence[Source] = (),
    keep: Sequence[str] = (),
    expand: Sequence[str] = (),
    to: int | str | None = None,
    **proof: Unpack[Proof],
) -> Rewrite[LowerReport]:
    """The model with standard operators in place of custom ones; not changed itself.

    Each custom operator that has a symbolic is replaced by what that writes, brought to the model's
    opset; in the bodies of If, Loop and Scan too, and in functions, which are opened for it. So is
    an operator of ai.onnx that the model's opset does not have. `symbolics` are Python files,
    modules or functions with more of them (see `pyonnxtool.symbolic`), which go before ours. `keep`
    names custom operators, as "DOMAIN::OP" or globs, that stay. `expand` names operators of ai.onnx
    that are to be built of older ones although the opset has them: "GridSample". `to` is the
    opset, or the runtime, of the new model, as for `opset`.

    `verify` is the number of samples on which old and new model are run and compared; `inputs`,
    `seed`, `atol`, `rtol`, `memory`, `custom_ops` and `progress` say how, see `proof.Proof`.

    Raises UsageError for a name that fits nothing or a file without symbolics, Refused with every
    node that no symbolic can lower or when the new model differs, BackendError when the old one
    cannot be run to compare, or ModelError.
    """
    check = check_of(**proof)
    model = as_model(given)
    if to is not None:
        goal_of(model, to)  # before anything is done, as it may not exist
    if check.progress is not None:
        check.progress("lowering", 0, 0)
    named = frozenset(name.removeprefix("ai.onnx::") for name in expand)
    made, done = standardize(model, Wanted(catalogue(symbolics), tuple(keep), named))
    if done.refusals:
        raise refused("lowering", done.refusals)
    report = LowerReport(
        model=model.path or model.graph.name or "model",
        changes=tuple(Change(rule, count) for rule, count in done.changes.items()),
        before=measured(model),
        after=measured(made),
        opset_before=imported(model),
        opset=imported(made),
        value_map=tuple(StandsFor(new, old) for new, old in done.stands_for),
        kept=tuple(custom_operators(made)),
        rules=done.rules,
    )
    rewrite = Rewrite(made, report)
    if to is not None:
        rewrite = _converted(rewrite, to)
    return verified("lowering", model, rewrite, check, rules=rewrite.report.rules, drifts=True)


def _converted(rewrite: Rewrite[LowerReport], to: int | str) -> Rewrite[LowerReport]:
    """The same model at another opset, and both reports in one."""
    found = opset(rewrite.model, to)
    report = rewrite.report
    return Rewrite(
        found.model,
        replace(
            report,
            changes=(*report.changes, *found.report.changes),
            value_map=(*report.value_map, *found.report.value_map),
            after=found.report.after,
            opset=found.report.opset,
            rules={**report.rules, **found.report.rules},
        ),
    )
