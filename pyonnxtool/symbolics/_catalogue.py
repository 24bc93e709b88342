"""The symbolics that a run knows: the user's own, those of installed packages, and ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from os import PathLike, fspath
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

from pyonnxtool.errors import UsageError
from pyonnxtool.symbolics import SYMBOLICS, WRITTEN_FOR, Symbolic
from pyonnxtool.user_file import module_of

if TYPE_CHECKING:
    from pyonnxtool.references import Reference
    from pyonnxtool.symbolics import Symbolic as SymbolicFunction

GROUP = "pyonnxtool.symbolics"
"""Entry points of this group name modules, or functions, with symbolics."""

_MARK = "symbolic_for"

Source: TypeAlias = "str | PathLike[str] | ModuleType | SymbolicFunction"


@dataclass(frozen=True)
class Known:
    """A symbolic, and the opset that it writes."""

    function: Symbolic
    opset: int | None = None
    """None: whatever its tape has, at least WRITTEN_FOR."""
    reference: Reference | None = None
    """What computes the operator in numpy, to check what was lowered where nothing else runs it."""

    def opset_for(self, target: int) -> int:
        """The opset of its tape in a model that is to be of the opset `target`."""
        return self.opset or max(target, WRITTEN_FOR)

    @property
    def told(self) -> str:
        """First line of its docstring."""
        return (self.function.__doc__ or "").strip().partition("\n")[0].rstrip(".")


def symbolic(
    *operators: str, opset: int | None = None, reference: Reference | None = None
) -> Callable[[Symbolic], Symbolic]:
    """Marks a function as the symbolic of the operators "DOMAIN::OP", for `lower(symbolics=...)`.

    It is given a NodeView and a Tape, and writes standard operators of the opset `tape.opset` (23
    or higher, or `opset` when that is given), whatever the opset of the model is.

    `reference` computes the operator in numpy. What was lowered is checked with it where no runtime
    knows the operator: it is given an array for each input, None for one that is omitted, and the
    attributes by their names, and returns the array of the output, or a sequence of arrays.

    Raises UsageError for what is no "DOMAIN::OP".
    """
    for operator in operators:
        if "::" not in operator.strip(":"):
            raise UsageError(f"{operator!r} is no DOMAIN::OP; write it as in my.domain::Op")
    if not operators:
        raise UsageError("a symbolic is of an operator: @symbolic('my.domain::Op')")

    def mark(function: Symbolic) -> Symbolic:
        setattr(function, _MARK, (operators, opset, reference))
        return function

    return mark


def catalogue(sources: Sequence[Source] = ()) -> dict[str, Known]:
    """Operator ("DOMAIN::OP") to what lowers it; of several, the user's own and the last.

    `sources` are paths of Python files, modules, or functions that `symbolic` has marked. Raises
    UsageError for a source that defines none.
    """
    found = {key: Known(SYMBOLICS[key]) for key in SYMBOLICS}
    for name, source in [*_installed(), *((_name_of(one), one) for one in sources)]:
        marked = dict(_marked(module_of(source) if isinstance(source, str | PathLike) else source))
        if not marked:
            raise UsageError(
                f"{name} defines no symbolic; mark its functions with "
                "@pyonnxtool.symbolic('my.domain::Op')"
            )
        found |= marked
    return found


def _name_of(source: Source) -> str:
    return fspath(source) if isinstance(source, str | PathLike) else source.__name__


@cache
def _installed() -> Sequence[tuple[str, Any]]:
    """What installed packages have registered."""
    return [(point.name, _loaded(point)) for point in entry_points(group=GROUP)]


def _loaded(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:  # whatever an installed package raises
        raise UsageError(
            f"the entry point {point.name!r} of the group {GROUP} ({point.value}) cannot be "
            f"loaded: {error}"
        ) from error


def _marked(source: Any) -> Iterator[tuple[str, Known]]:
    things: Iterable[Any] = vars(source).values() if isinstance(source, ModuleType) else [source]
    for thing in things:
        operators, opset, reference = getattr(thing, _MARK, ((), None, None))
        for operator in operators:
            yield operator, Known(thing, opset, reference)
