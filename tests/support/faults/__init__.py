"""Plants one known defect in a model, so that a bisection can be judged on naming it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx

from support.faults import attributes, numerics, recurrent, weights, wiring
from support.faults.site import Site, initializers, walk
from support.graph_builder import Feed
from support.ort_runs import DEMANDED, Outputs, difference, run

Planter = Callable[[Site], str | None]
"""Damages the site's model and says how, or returns None and leaves it as it was."""

FAULTS: dict[str, Planter] = {
    name: planter
    for module in (weights, attributes, wiring, numerics, recurrent)
    for name, planter in module.PLANTERS.items()
}


@dataclass(frozen=True)
class Planted:
    """A damaged model. `culprits` holds one set per fault; naming any of a set is right."""

    kind: str
    model: onnx.ModelProto
    culprits: tuple[frozenset[str], ...]
    reference_culprits: frozenset[str]
    description: str
    effect: float
    """Largest difference of a final output, relative to its scale."""

    @property
    def demanded(self) -> bool:
        """Whether the final outputs differ enough that `fault` is the only right verdict."""
        return self.effect > DEMANDED


def plant(
    kind: str,
    model: onnx.ModelProto,
    feeds: Sequence[Feed],
    rng: np.random.Generator,
    expected: list[Outputs] | None = None,
    inside: bool = False,
    attempts: int = 12,
) -> Planted | None:
    """Plant `kind` somewhere in a copy of `model`; None where it does not apply or run.

    Of the sites that onnxruntime accepts, one that shows in the final outputs is preferred.
    `inside` takes only nodes in control-flow bodies.
    """
    expected = run(model, feeds) if expected is None else expected
    silent = None
    for planted in _attempts(kind, model, rng, inside, attempts):
        try:
            effect = difference(expected, run(planted.model, feeds))
        except Exception:
            continue
        if effect is None:
            continue
        silent = replace(planted, effect=effect)
        if silent.demanded:
            return silent
    return silent


def plant_two(
    model: onnx.ModelProto, feeds: Sequence[Feed], rng: np.random.Generator, tries: int = 40
) -> Planted | None:
    """Two faults of different kinds that touch different nodes; each shows without the other."""
    for _ in range(tries):
        one_kind, other_kind = rng.choice(sorted(FAULTS), 2, replace=False)
        one = plant(one_kind, model, feeds, rng, attempts=2)
        if one is None or not one.demanded or not np.isfinite(one.effect):
            continue
        seed = int(rng.integers(1 << 32))
        alone = plant(other_kind, model, feeds, np.random.default_rng(seed), attempts=1)
        both = plant(other_kind, one.model, feeds, np.random.default_rng(seed), attempts=1)
        if alone is None or both is None or alone.description != both.description:
            continue
        if not alone.demanded or _near(model, one.culprits[0] | both.culprits[0]):
            continue
        effect = difference(run(model, feeds), run(both.model, feeds))
        return replace(
            both,
            kind="two_faults",
            culprits=(*one.culprits, *both.culprits),
            reference_culprits=one.reference_culprits | both.reference_culprits,
            description=f"{one.description}; and {both.description}",
            effect=effect or 0.0,
        )
    return None


def _near(model: onnx.ModelProto, names: frozenset[str]) -> bool:
    """Whether one of these nodes feeds another: then the two faults may be one region."""
    producers = {output: node for _, node, _ in walk(model.graph) for output in node.output}
    blamed = [node for _, node, _ in walk(model.graph) if node.name in names]
    sources = {producers[i].name for node in blamed for i in node.input if i in producers}
    return len(blamed) < 2 or bool(sources & names)


def _attempts(
    kind: str, model: onnx.ModelProto, rng: np.random.Generator, inside: bool, attempts: int
) -> Iterator[Planted]:
    places = list(walk(model.graph))
    copy: Any = None
    for index in rng.permutation(len(places)):
        if inside and not places[index][2]:
            continue
        if copy is None:
            copy = onnx.ModelProto()
            copy.CopyFrom(model)
            fresh, tensors = list(walk(copy.graph)), initializers(copy.graph)
        site = Site(copy, fresh[index], rng, tensors)
        description = FAULTS[kind](site)
        if description is None:
            continue
        where = f"{kind} at {places[index][1].name}: {description}"
        yield Planted(kind, copy, (site.blamed(),), frozenset(site.reference_culprits), where, 0.0)
        copy, attempts = None, attempts - 1
        if attempts == 0:
            return
