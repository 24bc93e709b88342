"""Sinh, Cosh, Asinh, Acosh and Atanh from 9 to 8: by Exp, Tanh and Log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_DOUBLE = "float64"


@ADAPTERS.add(("Sinh", 9))
@ADAPTERS.add(("Cosh", 9))
@ADAPTERS.add(("Asinh", 9))
@ADAPTERS.add(("Acosh", 9))
@ADAPTERS.add(("Atanh", 9))
def hyperbolic(node: NodeView, tape: Tape) -> Decision:
    """9 -> 8: computed in doubles by Exp, Tanh and Log; within one ULP of a float."""
    x = node["input"]
    if x.dtype is None:
        return node.refuse("the element type of `input` is not known")
    tape.opset = node.opset  # Where goes down by itself
    value: str = x if x.dtype == _DOUBLE else tape.cast(x, _DOUBLE)
    found = _FORMS[node.op_type](value, tape)
    return found if x.dtype == _DOUBLE else tape.cast(found, x.dtype)


def _number(value: float, tape: Tape) -> str:
    return tape.const(value, _DOUBLE)


def _cosh(x: str, tape: Tape) -> str:
    """By the root of the exponential, which does not overflow where the result does not."""
    half = _number(0.5, tape)
    root = tape.op("Exp", tape.op("Mul", tape.op("Abs", x), half))
    first = tape.op("Mul", tape.op("Mul", root, half), root)
    return tape.op("Add", first, tape.op("Div", _number(0.25, tape), first))


def _sinh(x: str, tape: Tape) -> str:
    """Without a difference of numbers that are close to each other."""
    return tape.op("Mul", tape.op("Tanh", x), _cosh(x, tape))


def _log_of_one_and(x: str, tape: Tape) -> str:
    """log(1 + x): what the sum loses of a small x is made up for by a quotient."""
    one = _number(1, tape)
    total = tape.op("Add", one, x)
    log = tape.op("Log", total)
    kept = tape.op("Sub", total, one)
    some = tape.op("Greater", tape.op("Abs", kept), _number(0, tape))
    exact = tape.op("Mul", log, tape.op("Div", x, kept))
    small = tape.op("Where", some, exact, x)
    return tape.op("Where", tape.op("Greater", x, one), log, small)


def _odd(x: str, of_positive: str, tape: Tape) -> str:
    mirrored = tape.op("Neg", of_positive)
    return tape.op("Where", tape.op("Less", x, _number(0, tape)), mirrored, of_positive)


def _asinh(x: str, tape: Tape) -> str:
    """The square of a large number is infinite: the logarithm of twice the number is as good."""
    size, one = tape.op("Abs", x), _number(1, tape)
    square = tape.op("Mul", size, size)
    root = tape.op("Sqrt", tape.op("Add", square, one))
    excess = tape.op("Add", size, tape.op("Div", square, tape.op("Add", root, one)))
    small = _log_of_one_and(excess, tape)
    return _odd(x, _or_of_large(size, small, tape), tape)


def _or_of_large(x: str, otherwise: str, tape: Tape) -> str:
    of_twice = tape.op("Add", tape.op("Log", x), _number(0.6931471805599453, tape))
    large = tape.op("Greater", x, _number(1e100, tape))
    return tape.op("Where", large, of_twice, otherwise)


def _acosh(x: str, tape: Tape) -> str:
    """The roots of negative numbers make a NaN of all that is below one."""
    one = _number(1, tape)
    above = tape.op("Sub", x, one)
    root = tape.op("Mul", tape.op("Sqrt", above), tape.op("Sqrt", tape.op("Add", x, one)))
    return _or_of_large(x, _log_of_one_and(tape.op("Add", above, root), tape), tape)


def _atanh(x: str, tape: Tape) -> str:
    size = tape.op("Abs", x)
    rest = tape.op("Sub", _number(1, tape), size)
    twice = tape.op("Mul", size, _number(2, tape))
    log = _log_of_one_and(tape.op("Div", twice, rest), tape)
    return _odd(x, tape.op("Mul", log, _number(0.5, tape)), tape)


_FORMS = {"Sinh": _sinh, "Cosh": _cosh, "Asinh": _asinh, "Acosh": _acosh, "Atanh": _atanh}
