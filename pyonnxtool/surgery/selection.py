"""Names that a user gives: exact ones, or globs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from pyonnxtool.errors import UsageError
from pyonnxtool.wording import plural

_MOST_NAMED = 5


def selected(patterns: Sequence[str], names: Iterable[str], what: str) -> list[str]:
    """The names that one of the patterns names, in the order of `names`.

    A name stands for itself even where it has brackets or stars. `what` is how messages call one:
    "output", "value". Raises UsageError for a pattern that names nothing, with the closest names.
    """
    there = list(dict.fromkeys(names))
    known = set(there)
    found: set[str] = set()
    for pattern in patterns:
        these = {pattern} & known or {name for name in there if fnmatchcase(name, pattern)}
        if not these:
            raise nothing_called(pattern, there, what)
        found |= these
    return [name for name in there if name in found]


def nothing_called(pattern: str, names: Sequence[str], what: str) -> UsageError:
    """The error of a pattern that names nothing, with the closest names."""
    return UsageError(f"there is no {what} called {pattern!r}; {_instead(pattern, names)}")


def _instead(pattern: str, names: Sequence[str]) -> str:
    if not names:
        return "there is none at all"
    close = get_close_matches(pattern, names, _MOST_NAMED, 0.5)
    if close:
        return f"did you mean: {', '.join(close)}"
    more = len(names) - _MOST_NAMED
    listed = ", ".join(names[:_MOST_NAMED])
    return f"there are: {listed}" + (f" and {plural(more, 'other')}" if more > 0 else "")
