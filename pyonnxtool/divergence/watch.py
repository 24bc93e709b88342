"""Every value of one side, in groups that fit the byte budget; each group is one more run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pyonnxtool import _core
from pyonnxtool.divergence.plan import value_sizes
from pyonnxtool.divergence.probe import Feeds, Part, Side, Values, described, open_part
from pyonnxtool.errors import BackendError

_SHARE_OF_BUDGET = 0.5
"""Of the budget, for the values of one group: the runtime holds others beside them."""


def watch(side: Side, feeds: Feeds, names: Sequence[str], memory: int) -> Iterator[Values]:
    """The named values on `feeds`, a group at a time, in the order of `names`.

    A value that the backend cannot hand out is left out. Recorded sides give what was recorded.
    """
    if side.recorded is not None:
        known = side.recorded.names(feeds)
        names = [name for name in names if name in known]
    for group in _groups(side, feeds, list(names), int(memory * _SHARE_OF_BUDGET)):
        yield from _run(side, feeds, group)


def produced(side: Side) -> list[str]:
    """Names of the values that nodes of the main graph make, producers first."""
    return _core.produced_values(side.model)


def _groups(side: Side, feeds: Feeds, names: list[str], limit: int) -> list[list[str]]:
    given: Values = dict(feeds)
    try:
        with open_part(side, described(given), names).session as session:
            types = dict(session.output_types)
    except BackendError:
        return [names]  # `_run` finds out which of them are refused
    sizes = value_sizes(side, types, given, limit)
    groups: list[list[str]] = [[]]
    room = limit
    for name in names:
        size = sizes.get(name, 0)
        if size > room and groups[-1]:
            groups.append([])
            room = limit
        groups[-1].append(name)
        room -= size
    return groups


def _run(side: Side, feeds: Feeds, names: list[str]) -> Iterator[Values]:
    """One run where the backend takes all the names; smaller ones where it refuses them."""
    if not names:
        return
    try:
        made = _values(open_part(side, described(dict(feeds)), names), feeds)
    except BackendError:
        if len(names) > 1:
            half = len(names) // 2
            yield from _run(side, feeds, names[:half])
            yield from _run(side, feeds, names[half:])
        return
    side.runs += 1
    yield made


def _values(part: Part, feeds: Feeds) -> Values:
    with part.session:
        return part.run(feeds)
