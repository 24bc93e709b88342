"""Random branches and loops in each other that read what is around them, in other layouts."""

from __future__ import annotations

import pytest

from support.changed_layout import relaid
from support.transposed_bodies import transposed_bodies


@pytest.mark.parametrize("block", range(4))
def test_bodies_read_and_give_what_they_did(block: int) -> None:
    changed = 0
    for seed in range(block * 15, block * 15 + 15):
        model, io = transposed_bodies(seed)
        made, _ = relaid(model)
        assert made.after[1] <= made.before[1]
        asked, _ = relaid(model, io=io, only_cancel=seed % 4 == 0)
        changed += bool(made.changes) + bool(asked.changes)
    assert changed > 10
