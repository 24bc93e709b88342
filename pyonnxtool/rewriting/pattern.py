"""A small pattern of operators, as a user writes it: `lambda op, x: op.Mul(x, op.Sigmoid(x))`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import EllipsisType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from pyonnxtool.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Given: TypeAlias = "Term | float | bool | str | Sequence[Any] | NDArray[Any] | None"
"""What can be an input of an operator in a pattern."""

T = TypeVar("T", bound="Term")


@dataclass(eq=False)
class Condition:
    """What a value, or a node, has to be besides."""

    holds: Callable[[Any], object]
    told: str
    """How a near miss says it: "a constant"."""


@dataclass(eq=False)
class Term:
    """A value of the pattern. Its methods give it back, so that they can be strung together."""

    conditions: list[Condition] = field(default_factory=list, init=False)
    many_readers: bool = field(default=False, init=False)
    """Whether nodes outside of the match may read it, too."""

    def where(self: T, holds: Callable[[Any], object], told: str = "") -> T:
        """Matches only where this is true of the value's operand, or of the node that makes it.

        A parameter of the pattern is shown as an operand (dtype, shape, rank, const), the result of
        an operator as the node (inputs, attr). `told` is what near misses say was wanted.
        """
        if not callable(holds):
            raise UsageError(f"where takes a function that says whether it fits, not {holds!r}")
        name = getattr(holds, "__name__", "")
        wanted = told or ("as its condition wants it" if name in ("<lambda>", "") else name)
        self.conditions.append(Condition(holds, wanted))
        return self

    def shared(self: T) -> T:
        """Other nodes may read it as well, or it may be an output: then its node stays, for them.

        Without this, what the pattern computes on the way is read by the pattern alone.
        """
        self.many_readers = True
        return self


@dataclass(eq=False)
class Free(Term):
    """A parameter of the pattern: any value, the same one wherever it is written."""

    name: str

    def constant(self) -> Free:
        """Matches only values that do not depend on the model's inputs."""
        return self.where(lambda value: value.const is not None, "a constant")


@dataclass(eq=False)
class Known(Term):
    """A constant with these elements. A plain number is also one of one element of any rank."""

    array: NDArray[Any]
    number: bool


@dataclass(eq=False)
class Either(Term):
    """The first of several patterns that fits."""

    terms: tuple[Term | None, ...]
    """None stands for an omitted input."""


@dataclass(eq=False)
class Step:
    """A node of the pattern."""

    op_types: tuple[str, ...]
    """Names or globs."""
    domain: str
    inputs: tuple[Term | None, ...]
    open: bool
    """Whether the node may have more inputs than these."""
    attributes: dict[str, Any]
    outputs: int

    @property
    def told(self) -> str:
        """`Erf`, `Reshape or Flatten`, `com.microsoft::Gelu`."""
        domain = f"{self.domain}::" if self.domain else ""
        return " or ".join(domain + name for name in self.op_types)


@dataclass(eq=False)
class Made(Term):
    """What a node of the pattern makes at one of its places."""

    step: Step
    place: int
    name: str = field(default="", init=False)

    def named(self, name: str) -> Made:
        """The match finds the node under this name: `match.node("conv")`."""
        self.name = name
        return self


Result: TypeAlias = Made | tuple[Made, ...]


class Operators:
    """What a pattern is written with: `op.Conv(x, w, group=1)`.

    Inputs are values, numbers, lists (constants of one axis), arrays, None for an omitted one, and
    `...` at the end for any further ones. Keyword arguments are attributes: a value that the node's
    has to equal, a parameter of the pattern that is to hold it, a function that says whether it
    fits, or None for one that is not given. Attributes that are not named may be anything.
    `domain` is that of a custom operator, `outputs` the number of values that are wanted.
    """

    def __getattr__(self, op_type: str) -> Callable[..., Any]:
        """The operator of this name."""
        if op_type.startswith("__"):  # what the language itself asks for is no operator
            raise AttributeError(op_type)

        def made(*inputs: Given | EllipsisType, **rest: Any) -> Result:
            return self(op_type, *inputs, **rest)

        return made

    def __call__(
        self,
        op_types: str | Sequence[str],
        *inputs: Given | EllipsisType,
        domain: str = "",
        outputs: int = 1,
        **attributes: Any,
    ) -> Result:
        """An operator by its name, or one of several, which may be globs: `op("Reduce*", x)`."""
        names = (op_types,) if isinstance(op_types, str) else tuple(op_types)
        more = bool(inputs) and inputs[-1] is ...
        given = inputs[:-1] if more else inputs
        terms = tuple(None if one is None else term_of(one) for one in given)
        step = Step(names, domain, terms, more, attributes, outputs)
        made = tuple(Made(step, place) for place in range(outputs))
        return made[0] if outputs == 1 else made

    def maybe(self, made: Made) -> Either:
        """The result of this operator, or its first input where the operator is not there."""
        if not isinstance(made, Made) or not made.step.inputs:
            raise UsageError("op.maybe wants an operator with an input: op.maybe(op.Cast(x))")
        return Either((made, made.step.inputs[0]))

    def either(self, *terms: Given) -> Either:
        """The first of these that fits; None stands for an omitted input."""
        return Either(tuple(None if one is None else term_of(one) for one in terms))


def term_of(given: Any) -> Term:
    """A value of the pattern as it is, anything else as a constant. Raises UsageError."""
    if isinstance(given, Term):
        return given
    if isinstance(given, tuple) and any(isinstance(one, Term) for one in given):
        raise UsageError("an operator with several outputs was given as one input; take one of it")
    if given is ...:
        raise UsageError("... stands for any further inputs and comes last")
    if callable(given) or isinstance(given, Operators):
        raise UsageError(f"{given!r} is no input of an operator; did you forget to call it?")
    array = np.asarray(given)
    if array.dtype == object:
        raise UsageError(f"{given!r} is no input of an operator: give a value, a number or a list")
    return Known(array, number=isinstance(given, bool | int | float | np.generic | str))


@dataclass(frozen=True, eq=False)
class Pattern:
    """A pattern, read once: its parameters, and what it computes of them."""

    names: tuple[str, ...]
    """Of the parameters, values and attributes alike."""
    outputs: tuple[Made | Either, ...]
    made: tuple[Made, ...]
    """The values that its nodes make, each once."""

    @property
    def first(self) -> Sequence[Made]:
        """What may make the first output: a match begins there."""
        return options_of(self.outputs[0])


def fewest(terms: Sequence[Term | None]) -> frozenset[Step]:
    """Nodes of these terms where every choice is taken for the smallest."""
    found: frozenset[Step] = frozenset()
    for term in terms:
        if isinstance(term, Made):
            found |= {term.step} | fewest(term.step.inputs)
        elif isinstance(term, Either):
            found |= min((fewest([one]) for one in term.terms), key=len)
    return found


def terms_in(terms: Sequence[Term | None]) -> list[Term]:
    """These terms and all that they are made of, each once."""
    seen: dict[Term, None] = {}
    waiting = list(reversed(terms))
    while waiting:
        term = waiting.pop()
        if term is None or term in seen:
            continue
        seen[term] = None
        if isinstance(term, Made):
            waiting += (one for one in term.step.attributes.values() if isinstance(one, Free))
            waiting += reversed(term.step.inputs)
        elif isinstance(term, Either):
            waiting += reversed(term.terms)
    return list(seen)


def read_pattern(written: Callable[..., Any]) -> Pattern:
    """The pattern that a function writes down. Raises UsageError for what is no pattern."""
    first, *names = list(inspect.signature(written).parameters) or [""]
    if not first or not names:
        raise UsageError("a pattern is a function of `op` and its values: lambda op, x: op.Relu(x)")
    free = {name: Free(name) for name in names}
    result = written(Operators(), *free.values())
    outputs = tuple(result) if isinstance(result, tuple | list) else (result,)
    options = [option for one in outputs for option in options_of(one)]
    if not outputs or not all(isinstance(one, Made) for one in options):
        raise UsageError(
            "a pattern returns what its operators make, such as op.Relu(x), or one of several: "
            f"op.either(op.Relu(x), op.Elu(x)); this one returns {_told(options)}"
        )
    terms = terms_in(outputs)
    unused = [name for name, one in free.items() if one not in terms]
    if unused:
        raise UsageError(f"the pattern has the parameter {unused[0]!r} and does not use it")
    return Pattern(tuple(names), outputs, tuple(one for one in terms if isinstance(one, Made)))


def options_of(output: Any) -> list[Any]:
    """What may stand for an output of a pattern: nodes' results, unless it is no pattern."""
    if not isinstance(output, Either):
        return [output]
    return [option for one in output.terms for option in options_of(one)]


def _told(options: Sequence[Any]) -> str:
    strange = next((one for one in options if not isinstance(one, Made)), None)
    if isinstance(strange, Free):
        return f"its parameter {strange.name!r}"
    return f"a {type(strange).__name__}" if strange is not None else "nothing"
