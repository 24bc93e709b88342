"""ddmin: the result still holds, loses it without any one item, and each subset is asked once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyonnxtool.divergence.ddmin import ddmin

Holds = Callable[[Sequence[int]], bool]


def _asked(holds: Holds) -> tuple[Holds, list[tuple[int, ...]]]:
    """The predicate, and the list that records what it was asked."""
    asked: list[tuple[int, ...]] = []

    def recording(items: Sequence[int]) -> bool:
        asked.append(tuple(items))
        return holds(items)

    return recording, asked


def _is_one_minimal(items: Sequence[int], holds: Holds) -> bool:
    """The definition, tried out."""
    return holds(items) and not any(
        holds([*items[:at], *items[at + 1 :]]) for at in range(len(items))
    )


def _one_by_one(items: Sequence[int], holds: Holds) -> list[int]:
    """The slow twin: drop one item at a time until none can go."""
    current = list(items)
    for at in range(len(items)):
        fewer = [*current[:at], *current[at + 1 :]]
        if at < len(current) and holds(fewer):
            return _one_by_one(fewer, holds)
    return current


@given(st.integers(0, 40), st.data())
def test_items_that_only_together_matter_are_what_is_left(count: int, data: st.DataObject) -> None:
    needed = data.draw(st.sets(st.integers(0, count - 1)) if count else st.just(set()))
    recording, asked = _asked(lambda items: needed <= set(items))
    left = ddmin(range(count), recording)
    assert left == sorted(needed)
    assert left == _one_by_one(range(count), lambda items: needed <= set(items))
    assert len(asked) == len(set(asked))
    assert len(asked) <= count * count + 3 * count


@given(st.integers(1, 7), st.data())
def test_a_predicate_that_is_not_monotone_still_gives_a_one_minimal_result(
    count: int, data: st.DataObject
) -> None:
    subsets = [tuple(kept) for size in range(count) for kept in combinations(range(count), size)]
    true = {*data.draw(st.sets(st.sampled_from(subsets))), tuple(range(count))}
    recording, asked = _asked(lambda items: tuple(items) in true)
    assert _is_one_minimal(ddmin(range(count), recording), lambda items: tuple(items) in true)
    assert len(asked) == len(set(asked))


def test_one_item_of_many_is_found_in_a_logarithm_of_runs() -> None:
    recording, asked = _asked(lambda items: 700 in items)
    assert ddmin(range(1024), recording) == [700]
    assert len(asked) <= 2 * 10 + 1


def test_what_needs_no_item_gives_the_empty_list() -> None:
    assert ddmin([1, 2, 3], lambda items: True) == []
    assert ddmin([], lambda items: True) == []


def test_equal_and_unhashable_items_are_told_apart_by_position() -> None:
    assert ddmin([[1], [1], [1]], lambda items: len(items) >= 2) == [[1], [1]]


def test_an_exception_of_the_predicate_ends_the_search() -> None:
    def gone(items: Sequence[int]) -> bool:
        raise RuntimeError("no more runs")

    with pytest.raises(RuntimeError, match="no more runs"):
        ddmin([1, 2], gone)
