"""Models of every kind, as onnxruntime optimizes them: lowered, they give the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyonnxtool as pot
from support.optimizers import OPTIMIZERS
from support.ort_runs import run
from support.zoo import ZOO

OLDEST = 11
NOISE = 1e-5
"""Of an output's largest number: some runs of float32 operations in another order."""
ROUNDED = 2e-2
"""Of models that are quantized while they run: a step of 8 bits may fall to the other side."""


def _off(ours: Any, theirs: Any) -> float:
    """Of the largest number; infinite where something else differs."""
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return float("inf")
    if ours.dtype.kind != "f":
        return 0.0 if np.array_equal(ours, theirs) else float("inf")
    return float(np.abs(ours - theirs).max(initial=0) / (np.abs(ours).max(initial=0) or 1))


@pytest.mark.parametrize("name", ZOO)
def test_optimized_models(name: str) -> None:
    case = ZOO[name]()
    expected = run(case.model, case.feeds)
    done = set()
    for optimize in OPTIMIZERS.values():
        fused = optimize(case.model)
        assert fused is not None
        key = tuple((node.domain, node.op_type) for node in fused.graph.node)
        if key in done:  # at this level nothing more was fused
            continue
        done.add(key)
        opset = next(one.version for one in fused.opset_import if not one.domain)
        for to in sorted({OLDEST, opset}):
            plain = pot.to_proto(pot.lower(pot.from_proto(fused), to=to).model)
            assert [one.domain for one in plain.opset_import] == [""]
            limit = ROUNDED if name.startswith("quantized") else NOISE
            for ours, theirs in zip(expected, run(plain, case.feeds), strict=True):
                assert max(map(_off, ours, theirs)) <= limit, (to, sorted(set(key)))
