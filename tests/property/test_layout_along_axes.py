"""Random graphs of operators that name axes: in other layouts every value is the same, and no more
bytes are moved."""

from __future__ import annotations

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from support.axis_graphs import axis_graph
from support.changed_layout import relaid
from support.transposes import moved


@settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(seed=st.integers(0, 10**6))
def test_other_layouts_compute_the_same(seed: int) -> None:
    model = axis_graph(seed)
    assume(model is not None)
    assert model is not None
    _, new = relaid(model)
    assert moved(new).bytes <= moved(model).bytes
