"""Rules of a user's own: a pattern, and what takes its place."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pyonnxtool.errors import UsageError
from pyonnxtool.rewriting.constant_match import TOLERANCE
from pyonnxtool.rewriting.pattern import Pattern, read_pattern

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.match import Match
    from pyonnxtool.rewriting.tape import Tape

Build: TypeAlias = "Callable[[Match, Tape], Decision]"


@dataclass(frozen=True, eq=False)
class Rule:
    """A pattern of operators and the function that writes what takes its place."""

    name: str
    about: str
    """First line of the function's docstring; "" when it has none."""
    pattern: Pattern
    build: Build
    tolerance: float
    """Relative difference of a constant from the number in the pattern."""
    shared: bool
    """Whether nodes outside of a match may read what is computed on the way."""
    file: str
    """Where the function is written."""

    @property
    def told(self) -> str:
        """For reports: "erf_gelu: Gelu written out"."""
        return f"{self.name}: {self.about.rstrip('.')}" if self.about else self.name


def rewrite(
    pattern: Callable[..., Any],
    *,
    name: str = "",
    tolerance: float = TOLERANCE,
    shared: bool = False,
) -> Callable[[Build], Rule]:
    """Decorator that makes a rule of a function: `@pot.rewrite(lambda op, x: op.Relu(op.Relu(x)))`.

    The pattern is written with `op`, whose methods are operators; its other parameters are values,
    or attributes where they stand for one (`pyonnxtool.rewriting.pattern` says what there is). A
    number is a constant of one element: `tolerance` is by how much, relatively, a float of the
    model may differ from it, at least one step of its dtype. Operators for which ONNX says so take
    their inputs in any order. What the pattern computes on the way is read by nothing else, unless
    `shared`, or unless that value is `.shared()`.

    The function is given the match and a tape, and returns the value that takes the place of what
    the pattern gives back, or several, or `match.refuse(why)`.

    Raises UsageError for what is no pattern.
    """
    if isinstance(pattern, Rule) or not callable(pattern):
        raise UsageError("@rewrite takes the pattern: @pot.rewrite(lambda op, x: op.Relu(x))")
    read = read_pattern(pattern)

    def rule_of(build: Build) -> Rule:
        taken = [p for p in inspect.signature(build).parameters.values() if p.default is p.empty]
        if len(taken) != 2:
            raise UsageError(
                f"{build.__name__} takes {len(taken)} arguments; the function of a rule takes the "
                "match and the tape"
            )
        about = (inspect.getdoc(build) or "").partition("\n")[0]
        file = str(Path(inspect.getsourcefile(build) or ""))
        return Rule(name or build.__name__, about, read, build, tolerance, shared, file)

    return rule_of
