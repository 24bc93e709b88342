"""Two models at one opset of every domain, and at one IR version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyonnxtool.conversion import opset
from pyonnxtool.errors import Refused
from pyonnxtool.op_schemas import plain_domain, same_meaning
from pyonnxtool.rewriting import Refusal, refused
from pyonnxtool.rewriting.graphs import graphs_under

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Node

_ORDINALS = ("first", "second")


@dataclass
class Levelled:
    """Both models at one level, and how they got there."""

    models: list[Model]
    moved: list[dict[str, str]] = field(default_factory=lambda: [{}, {}])
    """Of each model: old values to those that stand for them."""
    changes: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def levelled(what: str, first: Model, second: Model, to: int | None) -> Levelled:
    """Both models at opset `to`; without it the lower one is raised, or else the higher lowered.

    Raises Refused when neither can be brought to the other, or they have other domains in versions
    that differ.
    """
    made = Levelled([first, second])
    _level_standard(what, made, to)
    _level_others(what, made)
    _level_ir(made, (first.ir_version, second.ir_version))
    return made


def _standard(model: Model) -> int | None:
    return model.opset_imports.get("")


def _level_standard(what: str, made: Levelled, to: int | None) -> None:
    versions = [_standard(model) for model in made.models]
    if to is not None:
        for place, version in enumerate(versions):
            if version is not None and version != to:
                _bring(made, place, to)
        return
    known = [version for version in versions if version is not None]
    if len(set(known)) < 2:
        return
    low, high = versions.index(min(known)), versions.index(max(known))
    try:
        _bring(made, low, max(known))
    except Refused as upwards:
        try:
            _bring(made, high, min(known))
        except Refused as downwards:
            reasons = [*upwards.refusals, *downwards.refusals]
            told = f"{what}, at opset {max(known)} or {min(known)},"
            raise refused(told, [one for one in reasons if isinstance(one, Refusal)]) from None


def _bring(made: Levelled, place: int, to: int) -> None:
    before = _standard(made.models[place])
    result = opset(made.models[place], to)
    made.models[place] = result.model
    made.moved[place] = dict(result.report.pairs)
    which = _ORDINALS[place]
    made.notes.append(f"the {which} model was brought from opset {before} to {to}")
    for change in result.report.changes:
        made.changes[change.rule] = made.changes.get(change.rule, 0) + change.count


def _level_others(what: str, made: Levelled) -> None:
    """Domains that both import in versions that differ: one that means the same to both."""
    first, second = made.models
    refusals = []
    for domain, ours in first.opset_imports.items():
        theirs = second.opset_imports.get(domain, ours)
        if ours == theirs or not plain_domain(domain):
            continue
        agreed = _agreed(first, second, domain)
        if agreed is None:
            reason = (
                f"the first model imports {domain} {ours} and the second {domain} {theirs}, and "
                "nothing here knows whether their operators are the same in both"
            )
            refusals.append(Refusal("", "", reason))
            continue
        for place, model in enumerate(made.models):
            if model.opset_imports[domain] != agreed:
                made.models[place] = model.copy()
                made.models[place].set_opset_import(domain, agreed)
    if refusals:
        raise refused(what, refusals)


def _agreed(first: Model, second: Model, domain: str) -> int | None:
    ours, theirs = (model.opset_imports[domain] for model in (first, second))
    if all(same_meaning(domain, op, theirs, ours) for op in _operators(second, domain)):
        return ours
    if all(same_meaning(domain, op, ours, theirs) for op in _operators(first, domain)):
        return theirs
    return None


def _operators(model: Model, domain: str) -> set[str]:
    """Operators of the domain in use, but for the model's own functions."""
    own = {(each.domain, each.name) for each in model.functions}
    used = {node.op_type for node in all_nodes(model) if node.domain == domain}
    return {op for op in used if (domain, op) not in own}


def all_nodes(model: Model) -> Iterator[Node]:
    """Nodes of the main graph and of functions, those in bodies too."""
    for top in [model.graph, *(function.graph for function in model.functions)]:
        for graph in graphs_under(top):
            yield from graph.nodes


def _level_ir(made: Levelled, before: tuple[int, int]) -> None:
    """The higher IR version; from 4 on weights need not be inputs, and constants are not."""
    highest = max(model.ir_version for model in made.models)
    for place, model in enumerate(made.models):
        listed = before[place] < 4 <= highest
        if model.ir_version == highest and not listed:
            continue
        made.models[place] = raised = model.copy()
        raised.set_ir_version(highest)
        weights = {tensor.name for tensor in raised.graph.initializers}
        for value in raised.graph.inputs if listed else []:
            if value.name in weights:
                raised.graph.remove_input(value)
