"""Faults of every kind, planted in the bodies of small models: the very node is named."""

from __future__ import annotations

import numpy as np
import pytest

from pyonnxtool import from_proto
from pyonnxtool.bisection import bisect
from support.body_models import TEXTS, body_case
from support.disguise import disguise
from support.faults import FAULTS, plant
from support.faults.site import walk


@pytest.mark.slow  # some thirty faults a model
@pytest.mark.parametrize("look", ["none", "all_renamed"])
@pytest.mark.parametrize("name", [name for name in TEXTS if name != "functions"])
def test_the_damaged_node_is_named(name, look):
    case, missed, seen = body_case(name), [], 0
    for kind in FAULTS:
        rng = np.random.default_rng(0)
        planted = plant(kind, case.model, case.feeds, rng, inside=True, attempts=2)
        if planted is None or not planted.demanded:
            continue
        seen += 1
        worn = disguise(planted.model, look, rng)
        owners = {owner.name for _, _, around in walk(planted.model.graph) for owner in around}
        wanted = {worn.node(one) for one in planted.culprits[0] - owners}
        report = bisect(from_proto(case.model), from_proto(worn.model), inputs=list(case.feeds))
        first = report.culprits[0] if report.culprits else None
        if first is None or first.node not in wanted or not first.graph.startswith("main/"):
            missed.append(f"{planted.description}: {first and (first.node, first.graph)}")
    assert seen >= 6
    assert missed == []
