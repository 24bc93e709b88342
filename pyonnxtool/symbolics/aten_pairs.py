"""Functions of two tensors, element by element, as torch has them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from pyonnxtool.rewriting.refusal import Refusal
from pyonnxtool.symbolics._aten import as_float, as_one_dtype, aten
from pyonnxtool.symbolics.aten_elementwise import log1p

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape
    from pyonnxtool.symbolics import Symbolic
    from pyonnxtool.symbolics._terms import Term

Formula: TypeAlias = "Callable[[Term, Term], Term]"


def _register(name: str, told: str, formula: Formula) -> Symbolic:
    def symbolic(node: NodeView, tape: Tape, self: Operand, other: Operand) -> Decision:
        both = as_one_dtype(node, tape, self, other)
        return both if isinstance(both, Refusal) else formula(*both).name

    symbolic.__doc__ = told
    return aten(name, "Tensor self, Tensor other")(symbolic)


def _xlogy(x: Term, y: Term) -> Term:
    return y.nan.choose(y, (x == 0).choose(0.0, x * y.of("Log")))


def _xlog1py(x: Term, y: Term) -> Term:
    return y.nan.choose(y, (x == 0).choose(0.0, x * log1p(y)))


def _logaddexp(x: Term, y: Term) -> Term:
    more = log1p((-((x - y).abs)).of("Exp"))
    return ((x == y) & x.infinite).choose(x, x.of("Max", y) + more)


def _logaddexp2(x: Term, y: Term) -> Term:
    two = (x - y).abs * -math.log(2)
    more = log1p(two.of("Exp")) / math.log(2)
    return ((x == y) & x.infinite).choose(x, x.of("Max", y) + more)


def _hypot(x: Term, y: Term) -> Term:
    """Of one side and the ratio of both, as squares may overflow."""
    long, short = x.abs.of("Max", y.abs), x.abs.of("Min", y.abs)
    ratio = short / (long == 0).choose(1.0, long)
    found = long * (ratio * ratio + 1).of("Sqrt")
    return (x.infinite | y.infinite).choose(np.inf, found)


def _copysign(x: Term, y: Term) -> Term:
    return y.negative.choose(-(x.abs), x.abs)


def _fmax(x: Term, y: Term) -> Term:
    return x.nan.choose(y, y.nan.choose(x, x.of("Max", y)))


def _fmin(x: Term, y: Term) -> Term:
    return x.nan.choose(y, y.nan.choose(x, x.of("Min", y)))


def _atan2(y: Term, x: Term) -> Term:
    """Atan of their ratio, and half a turn more on the left; zeros and infinities have signs."""
    sides = _copysign(y.number(1), y) * _copysign(x.number(1), x)
    angle = (y.infinite & x.infinite).choose(sides, y / x).of("Atan")
    angle = ((y == 0) & (x == 0)).choose(y, angle)
    return x.negative.choose(angle + _copysign(y.number(math.pi), y), angle)


_FORMULAS: dict[str, tuple[str, Formula]] = {
    "xlogy|special_xlogy": ("x times Log of y; 0 where x is.", _xlogy),
    "special_xlog1py": ("x times Log of 1 + y; 0 where x is.", _xlog1py),
    "logaddexp": ("Max, and Log of how much more both are.", _logaddexp),
    "logaddexp2": ("Max, and Log of how much more both are.", _logaddexp2),
    "hypot": ("Sqrt of squares, of one side at a time.", _hypot),
    "copysign": ("Where: of Abs and its negative.", _copysign),
    "fmax": ("Max; Where one is NaN, the other.", _fmax),
    "fmin": ("Min; Where one is NaN, the other.", _fmin),
    "ldexp": ("Mul by Pow of two.", lambda x, y: x * y.number(2).of("Pow", y)),
    "atan2|arctan2": ("Atan of the ratio, moved to its quarter.", _atan2),
    "heaviside": (
        "Where it is zero, the other; else whether it is above.",
        lambda x, y: (x == 0).choose(y, (x > 0).cast(x.dtype)),
    ),
}

for _names, (_told, _formula) in _FORMULAS.items():
    _register(_names, _told, _formula)


@aten("float_power", "Tensor self, Tensor exponent")
def float_power(node: NodeView, tape: Tape, self: Operand, exponent: Operand) -> Decision:
    """Pow of doubles."""
    both = [as_float(node, tape, one) for one in (self, exponent)]
    for each in both:
        if isinstance(each, Refusal):
            return each
    base, power = (each.cast("float64") for each in both if not isinstance(each, Refusal))
    return base.of("Pow", power).name


def _register_scaled(name: str, op_type: str, *, turned: bool = False) -> None:
    def symbolic(
        node: NodeView, tape: Tape, self: Operand, other: Operand, alpha: float = 1.0
    ) -> Decision:
        both = as_one_dtype(node, tape, self, other)
        if isinstance(both, Refusal):
            return both
        first, second = reversed(both) if turned else both
        return first.of(op_type, second if alpha == 1 else second * alpha).name

    symbolic.__doc__ = f"{op_type}."
    aten(name, "Tensor self, Tensor other, float alpha")(symbolic)


for _name, _op_type in (
    ("add", "Add"),
    ("sub", "Sub"),
    ("mul", "Mul"),
    ("matmul|mm|bmm", "MatMul"),
):
    _register_scaled(_name, _op_type)
_register_scaled("rsub", "Sub", turned=True)


@aten("div|true_divide", "Tensor self, Tensor other, str? rounding_mode")
def div(
    node: NodeView, tape: Tape, self: Operand, other: Operand, rounding_mode: str | None
) -> Decision:
    """Div of floats."""
    both = as_one_dtype(node, tape, self, other)
    if isinstance(both, Refusal):
        return both
    if rounding_mode is not None:
        return node.refuse("it rounds the quotient")
    x, y = both
    if x.dtype.startswith(("int", "uint", "bool")):
        x, y = x.cast("float32"), y.cast("float32")
    return (x / y).name


@aten("fmod", "Tensor self, Tensor other")
def fmod(node: NodeView, tape: Tape, self: Operand, other: Operand) -> Decision:
    """Mod, with the sign of what is divided."""
    both = as_one_dtype(node, tape, self, other)
    if isinstance(both, Refusal):
        return both
    return both[0].of("Mod", both[1], fmod=1).name


@aten("isclose", "Tensor self, Tensor other, float rtol, float atol, bool equal_nan")
def isclose(
    node: NodeView,
    tape: Tape,
    self: Operand,
    other: Operand,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    equal_nan: bool = False,
) -> Decision:
    """LessOrEqual: of the difference, and a tolerance that grows with the other."""
    both = as_one_dtype(node, tape, self, other)
    if isinstance(both, Refusal):
        return both
    x, y = both
    apart = (x - y).abs
    close = (x == y) | (~apart.infinite & (apart <= (y * rtol).abs + atol))
    return (close | x.nan & y.nan if equal_nan else close).name


@aten("addcdiv", "Tensor self, Tensor tensor1, Tensor tensor2, float value")
def addcdiv(
    node: NodeView,
    tape: Tape,
    self: Operand,
    tensor1: Operand,
    tensor2: Operand,
    value: float = 1.0,
) -> Decision:
    """Add of a quotient."""
    all_three = as_one_dtype(node, tape, self, tensor1, tensor2)
    if isinstance(all_three, Refusal):
        return all_three
    x, y, z = all_three
    return (x + y / z * value).name


@aten("addcmul", "Tensor self, Tensor tensor1, Tensor tensor2, float value")
def addcmul(
    node: NodeView,
    tape: Tape,
    self: Operand,
    tensor1: Operand,
    tensor2: Operand,
    value: float = 1.0,
) -> Decision:
    """Add of a product."""
    all_three = as_one_dtype(node, tape, self, tensor1, tensor2)
    if isinstance(all_three, Refusal):
        return all_three
    x, y, z = all_three
    return (x + y * z * value).name


_BITS = {"bitwise_and": "And", "bitwise_or": "Or", "bitwise_xor": "Xor"}


def _register_bits(name: str, logical: str) -> None:
    def symbolic(node: NodeView, tape: Tape, self: Operand, other: Operand) -> Decision:
        both = as_one_dtype(node, tape, self, other)
        if isinstance(both, Refusal):
            return both
        x, y = both
        return x.of(logical if x.dtype == "bool" else f"Bitwise{logical}", y).name

    symbolic.__doc__ = f"Bitwise{logical}; {logical} of bools."
    aten(f"{name}|__{logical.lower()}_", "Tensor self, Tensor other")(symbolic)


for _name, _logical in _BITS.items():
    _register_bits(_name, _logical)


@aten("bitwise_not", "Tensor self")
def bitwise_not(node: NodeView, tape: Tape, self: Operand) -> Decision:
    """BitwiseNot; Not of bools."""
    if self.dtype is None:
        return node.refuse_dynamic("the type of its input")
    return tape.op("Not" if self.dtype == "bool" else "BitwiseNot", self)


@aten("l1_loss", "Tensor self, Tensor target, int reduction")
def l1_loss(
    node: NodeView, tape: Tape, self: Operand, target: Operand, reduction: int = 1
) -> Decision:
    """Abs of the difference."""
    both = as_one_dtype(node, tape, self, target)
    if isinstance(both, Refusal):
        return both
    return _reduced((both[0] - both[1]).abs, reduction).name


@aten("smooth_l1_loss", "Tensor self, Tensor target, int reduction, float beta")
def smooth_l1_loss(
    node: NodeView,
    tape: Tape,
    self: Operand,
    target: Operand,
    reduction: int = 1,
    beta: float = 1.0,
) -> Decision:
    """Where: half of a square, and a line that goes on from it."""
    both = as_one_dtype(node, tape, self, target)
    if isinstance(both, Refusal):
        return both
    apart = (both[0] - both[1]).abs
    if beta == 0:
        return _reduced(apart, reduction).name
    curved = (apart < beta).choose(apart * apart * 0.5 / beta, apart - 0.5 * beta)
    return _reduced(curved, reduction).name


@aten("huber_loss", "Tensor self, Tensor target, int reduction, float delta")
def huber_loss(
    node: NodeView,
    tape: Tape,
    self: Operand,
    target: Operand,
    reduction: int = 1,
    delta: float = 1.0,
) -> Decision:
    """Where: half of a square, and a line that goes on from it."""
    both = as_one_dtype(node, tape, self, target)
    if isinstance(both, Refusal):
        return both
    apart = (both[0] - both[1]).abs
    curved = (apart <= delta).choose(apart * apart * 0.5, (apart - 0.5 * delta) * delta)
    return _reduced(curved, reduction).name


def _reduced(loss: Term, reduction: int) -> Term:
    """All, their mean or their sum, as torch counts them."""
    return (
        loss if reduction == 0 else loss.over("ReduceMean" if reduction == 1 else "ReduceSum", None)
    )


@aten("special_remainder|remainder", "Tensor self, Tensor other")
def remainder(node: NodeView, tape: Tape, self: Operand, other: Operand) -> Decision:
    """Mod; of floats, what is left of the quotient's Floor, with the divisor's sign."""
    both = as_one_dtype(node, tape, self, other)
    if isinstance(both, Refusal):
        return both
    x, y = both
    if not x.dtype.startswith(("float", "bfloat")):
        return x.of("Mod", y).name
    left = x.of("Mod", y, fmod=1)
    turned = ~(left == 0) & ((left < 0).test("Xor", y < 0))
    return turned.choose(left + y, left).name


@aten("floor_divide", "Tensor self, Tensor other")
def floor_divide(node: NodeView, tape: Tape, self: Operand, other: Operand) -> Decision:
    """Floor of the quotient."""
    both = as_one_dtype(node, tape, self, other)
    if isinstance(both, Refusal):
        return both
    x, y = both
    if x.dtype.startswith(("float", "bfloat")):
        return (x / y).of("Floor").name
    left = x - (x / y) * y
    turned = ~(left == 0) & ((left < 0).test("Xor", y < 0))
    return ((x / y) - turned.cast(x.dtype)).name
