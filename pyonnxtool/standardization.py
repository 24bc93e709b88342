"""lower: custom operators as standard ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pyonnxtool.conversion import goal_of, imported, opset
from pyonnxtool.errors import BackendError
from pyonnxtool.expansion import Expanded, Wanted, custom_operators, standardize
from pyonnxtool.model import ModelLike, as_model
from pyonnxtool.proof import check_of, verified
from pyonnxtool.report import strict_json
from pyonnxtool.rewriting import Change, Rewrite, RewriteReport, StandsFor, refused
from pyonnxtool.rewriting.measure import measured
from pyonnxtool.symbolics._catalogue import Known, Source, catalogue

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pyonnxtool.proof import Check, Proof


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
    known = catalogue(symbolics)
    made, done = standardize(model, Wanted(known, tuple(keep), named))
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
    final = rewrite if to is None else _converted(rewrite, to)
    try:
        return verified("lowering", model, final, check, rules=final.report.rules, drifts=True)
    except BackendError as error:
        try:
            found = _verified_by_node(rewrite, done, known, check)
        except BackendError as reason:
            real = "" if check.inputs is not None else "give real inputs with --inputs, or "
            whole = str(error).removesuffix(f"; {check.without_it}")
            raise BackendError(
                f"{whole}. Nor can its nodes be compared one by one: {reason}; {real}"
                f"{check.without_it}"
            ) from error
    return found if to is None else _converted(found, to, proof)


def _verified_by_node(
    rewrite: Rewrite[LowerReport], done: Expanded, known: Mapping[str, Known], check: Check
) -> Rewrite[LowerReport]:
    """Where nothing runs the old model. Raises as `verify_by_node` does."""
    from pyonnxtool.node_proof import Lowered, verify_by_node  # noqa: PLC0415 - runs models

    assert done.opened is not None
    lowered = Lowered(done.opened, done.nodes, rewrite.model, rewrite.report.value_map)
    found = verify_by_node("lowering", lowered, known, check)
    return replace(rewrite, report=replace(rewrite.report, verification=found))


def _converted(
    rewrite: Rewrite[LowerReport], to: int | str, proof: Proof | None = None
) -> Rewrite[LowerReport]:
    """The same model at another opset, and both reports in one; with a proof, that is checked."""
    found = opset(rewrite.model, to, **(proof or {}))
    report, verification = rewrite.report, rewrite.report.verification
    if verification is not None and found.report.verification is not None:
        also = f"brought to opset {found.report.opset}, the new model gives the same outputs"
        verification = replace(verification, notes=(*verification.notes, also))
    return Rewrite(
        found.model,
        replace(
            report,
            changes=(*report.changes, *found.report.changes),
            value_map=(*report.value_map, *found.report.value_map),
            after=found.report.after,
            opset=found.report.opset,
            verification=verification,
            rules={**report.rules, **found.report.rules},
        ),
    )
