"""Whether outputs agree is asked more finely than fingerprints can tell."""

from __future__ import annotations

import numpy as np
import pytest

from pyonnxtool import _core
from pyonnxtool.divergence.pairing.final_outputs import FinalOutputs

OUTPUT = np.linspace(-1.0, 1.0, 1000, dtype=np.float32)


def outputs(theirs: np.ndarray) -> FinalOutputs:
    kept = FinalOutputs([("y", "z")])
    kept.keep_ours("y", OUTPUT)
    kept.keep_ours("no output", OUTPUT)
    kept.keep_theirs("z", theirs)
    return kept


@pytest.mark.parametrize(("factor", "agree"), [(1.0, True), (1.0 + 1e-6, True), (1.0001, False)])
def test_outputs_agree_within_the_tolerance_of_the_verdict(factor: float, agree: bool) -> None:
    theirs = OUTPUT * np.float32(factor)
    assert outputs(theirs).agree("y", "z") is agree
    assert _core.alike([_core.fingerprint(OUTPUT)], [_core.fingerprint(theirs)])


def test_other_shapes_cannot_be_compared() -> None:
    assert outputs(OUTPUT).comparable("y", "z")
    assert not outputs(OUTPUT.reshape(10, 100)).comparable("y", "z")
    assert not FinalOutputs([("y", "z")]).comparable("y", "z")
