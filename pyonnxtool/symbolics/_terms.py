"""Formulas on a tape: values that Python's operators work on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from pyonnxtool.rewriting.tape import Tape

Number: TypeAlias = "Term | float"


@dataclass(frozen=True)
class Term:
    """A value of a tape. Numbers beside it become constants of its dtype."""

    tape: Tape
    name: str
    dtype: str

    def of(self, op_type: str, *others: Number, **attributes: Any) -> Term:
        """An operator of this value, and of others of the same dtype, which makes one more."""
        names = [self.beside(one) for one in others]
        return Term(self.tape, self.tape.op(op_type, self.name, *names, **attributes), self.dtype)

    def test(self, op_type: str, *others: Number, **attributes: Any) -> Term:
        """The same of an operator that makes bools."""
        return Term(self.tape, self.of(op_type, *others, **attributes).name, "bool")

    def beside(self, other: Number) -> str:
        """The name of the other value."""
        return other.name if isinstance(other, Term) else self.tape.const(other, self.dtype)

    def number(self, value: float) -> Term:
        """A constant of its dtype."""
        return Term(self.tape, self.tape.const(value, self.dtype), self.dtype)

    def over(self, op_type: str, axes: list[int] | None, *, keep: bool = False) -> Term:
        """Reduced over the axes; None is all of them."""
        named = None if axes is None else self.tape.ints(axes)
        made = self.tape.op(op_type, self.name, named, keepdims=int(keep))
        return Term(self.tape, made, self.dtype)

    def cast(self, dtype: str) -> Term:
        """The value as another dtype."""
        if dtype == self.dtype:
            return self
        return Term(self.tape, self.tape.cast(self.name, dtype), dtype)

    def choose(self, true: Number, false: Number) -> Term:
        """Of two values, the first where this one, of bools, holds; one of them is a Term."""
        known = true if isinstance(true, Term) else false
        assert isinstance(known, Term)
        made = self.tape.op("Where", self.name, known.beside(true), known.beside(false))
        return Term(self.tape, made, known.dtype)

    @property
    def abs(self) -> Term:
        """Without its sign."""
        return self.of("Abs")

    @property
    def nan(self) -> Term:
        """Whether it is NaN."""
        return self.test("IsNaN")

    @property
    def infinite(self) -> Term:
        """Whether it is an infinity."""
        return self.abs.test("Equal", np.inf)

    @property
    def negative(self) -> Term:
        """Whether it has a sign, zeros included."""
        reciprocal = self.number(1) / self
        return (self == 0).choose(reciprocal, self) < 0

    def __add__(self, other: Number) -> Term:
        return self.of("Add", other)

    def __sub__(self, other: Number) -> Term:
        return self.of("Sub", other)

    def __mul__(self, other: Number) -> Term:
        return self.of("Mul", other)

    def __truediv__(self, other: Number) -> Term:
        return self.of("Div", other)

    def __neg__(self) -> Term:
        return self.of("Neg")

    def __lt__(self, other: Number) -> Term:
        return self.test("Less", other)

    def __gt__(self, other: Number) -> Term:
        return self.test("Greater", other)

    def __le__(self, other: Number) -> Term:
        return self.test("LessOrEqual", other)

    def __ge__(self, other: Number) -> Term:
        return self.test("GreaterOrEqual", other)

    def __eq__(self, other: object) -> Term:  # type: ignore[override]
        assert isinstance(other, Term | int | float)
        return self.test("Equal", other)

    def __and__(self, other: Term) -> Term:
        return self.test("And", other)

    def __or__(self, other: Term) -> Term:
        return self.test("Or", other)

    def __invert__(self) -> Term:
        return self.test("Not")

    __hash__ = None  # type: ignore[assignment]
