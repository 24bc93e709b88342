"""New names by patterns, as a user writes them: OLD=NEW, wildcards carried over, or a regex."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pyonnxtool.errors import UsageError
from pyonnxtool.surgery.selection import nothing_called

_WILDCARD = re.compile(r"\*|\?|\[!?\]?[^\]]*\]")
"""As `fnmatch` reads them: a star, a question mark, a set of characters."""


def renamed(
    asked: Mapping[str, str], names: Iterable[str], what: str, *, regex: bool
) -> dict[str, str]:
    r"""Old name to new name, of those that get another.

    A key of `asked` is a name, or a glob whose stars and question marks stand, in this order, for
    those in its new name; with `regex` it is searched for in a name, and what it matches is
    replaced, \1 being the first group. `what` is how messages call a name: "value", "node".

    Raises UsageError for a pattern that names nothing or is none, and for a name that two patterns
    give different new names.
    """
    there = list(dict.fromkeys(names))
    found: dict[str, str] = {}
    for old, new in asked.items():
        these = _by_regex(old, new, there, what) if regex else by_glob(old, new, there, what)
        for name, wanted in these.items():
            if not wanted:
                raise UsageError(f"{what} {name!r} would be left without a name by {old}={new}")
            if found.setdefault(name, wanted) != wanted:
                raise UsageError(
                    f"{what} {name!r} would be called both {found[name]!r} and {wanted!r}; make "
                    "the patterns narrower"
                )
    return {name: wanted for name, wanted in found.items() if name != wanted}


def by_glob(old: str, new: str, names: list[str], what: str) -> dict[str, str]:
    """Each name that the glob `old` stands for, and `new` with what its wildcards stand for.

    Raises UsageError as `renamed` does.
    """
    if old in names:
        return {old: new}
    form, template = _regex_of(old), _template(old, new)
    found = {name: match for name in names if (match := form.fullmatch(name))}
    if not found:
        raise nothing_called(old, names, what)
    return {
        name: "".join(part if isinstance(part, str) else match.group(part) for part in template)
        for name, match in found.items()
    }


def _regex_of(glob: str) -> re.Pattern[str]:
    parts, place, stars = [], 0, glob.count("*")
    for wildcard in _WILDCARD.finditer(glob):
        parts.append(re.escape(glob[place : wildcard.start()]))
        place = wildcard.end()
        sign = wildcard.group()
        if sign == "*":
            stars -= 1
            parts.append("(.*?)" if stars else "(.*)")
        else:
            parts.append("(.)" if sign == "?" else f"([{_set(sign[1:-1])}])")
    parts.append(re.escape(glob[place:]))
    return re.compile("".join(parts), re.DOTALL)


def _set(characters: str) -> str:
    inverse = characters.startswith("!")
    inside = characters[inverse:].replace("\\", "\\\\").replace("^", "\\^").replace("[", "\\[")
    return ("^" if inverse else "") + inside.replace("]", "\\]")


def _template(old: str, new: str) -> list[str | int]:
    """Texts, and the numbers of the groups between them."""
    signs = [one.group() for one in _WILDCARD.finditer(old)]
    kinds: dict[str, list[int]] = {"*": [], "?": []}
    for number, sign in enumerate(signs, 1):
        kinds["*" if sign == "*" else "?"].append(number)
    for sign, groups in kinds.items():
        if new.count(sign) not in (0, len(groups)):
            raise UsageError(
                f"{old}={new}: the new name has {new.count(sign)} {sign} and the old one "
                f"{len(groups)}; write as many, or none, or --regex with \\1, \\2"
            )
    parts = re.split(r"([*?])", new)
    return [kinds[part].pop(0) if part in kinds else part for part in parts]


def _by_regex(old: str, new: str, names: list[str], what: str) -> dict[str, str]:
    try:
        form = re.compile(old)
        found = {name: form.sub(new, name) for name in names if form.search(name)}
    except (re.error, IndexError) as error:
        raise UsageError(f"{old}={new} is no regex and its replacement: {error}") from error
    if not found:
        raise UsageError(f"no {what} matches the regex {old!r}")
    return found
