"""Functions of each element of one tensor, as torch has them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.rewriting.refusal import Refusal
from pyonnxtool.symbolics._aten import as_float, aten

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape
    from pyonnxtool.symbolics import Symbolic
    from pyonnxtool.symbolics._terms import Term

Formula: TypeAlias = "Callable[[Term], Term]"

_SMALL = 0.5
"""Below, a difference from one has lost digits."""
_BFLOAT16_MAX = (2 - 2**-7) * 2.0**127


def _register(name: str, told: str, formula: Formula) -> Symbolic:
    def symbolic(node: NodeView, tape: Tape, self: Operand) -> Decision:
        given = as_float(node, tape, self)
        return given if isinstance(given, Refusal) else formula(given).name

    symbolic.__doc__ = told
    return aten(name, "Tensor self")(symbolic)


def trunc(x: Term) -> Term:
    """Without what is behind the point."""
    return x.abs.of("Floor") * x.of("Sign")


def log1p(x: Term) -> Term:
    """log(1 + x): where 1 + x is rounded, what it lost is put back (W. Kahan)."""
    more = x + 1
    off = more - 1
    near = more.of("Log") * (x / (off == 0).choose(1.0, off))
    near = (off == 0).choose(x, near)
    return (x.abs < _SMALL).choose(near, more.of("Log"))


def _expm1(x: Term) -> Term:
    half = (x * 0.5).of("Tanh")
    return (x.abs < _SMALL).choose(half * 2.0 / (-half + 1), x.of("Exp") - 1)


def _sinc(x: Term) -> Term:
    angle = x * math.pi
    return (x == 0).choose(1.0, angle.of("Sin") / angle)


_ERFC = (
    *(-1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807),
    *(-1.13520398, 1.48851587, -0.82215223, 0.17087277),
)


def _erfc(x: Term) -> Term:
    """1 - erf; far out by a Chebyshev fit of relative error 1.2e-7 (Numerical Recipes, erfcc)."""
    t = x.number(1) / (x.abs * 0.5 + 1)
    far = t * (_polynomial(t, _ERFC) - x * x).of("Exp")
    return (x < _SMALL).choose(-(x.of("Erf")) + 1, far)


def _polynomial(x: Term, coefficients: tuple[float, ...]) -> Term:
    """`coefficients` begin with that of 1."""
    found = x * coefficients[-1]
    for each in coefficients[-2:0:-1]:
        found = (found + each) * x
    return found + coefficients[0]


_NEAR = (
    *(1.50140941, 0.246640727, -0.00417768164, -0.00125372503, 0.00021858087),
    *(-4.39150654e-06, -3.5233877e-06, 3.43273939e-07, 2.81022636e-08),
)
_FAR = (
    *(2.83297682, 1.00167406, 0.00943887047, -0.0076224613, 0.00573950773),
    *(-0.00367342844, 0.00134934322, 0.000100950558, -0.000200214257),
)


def _erfinv(x: Term) -> Term:
    """M. Giles, Approximating the erfinv function, GPU Computing Gems 2 (2011)."""
    wide = -(((-x + 1) * (x + 1)).of("Log"))
    near, far = _polynomial(wide - 2.5, _NEAR), _polynomial(wide.of("Sqrt") - 3, _FAR)
    found = (wide < 5).choose(near, far) * x
    return (x.abs == 1).choose(x * np.inf, found)


_LANCZOS = (
    *(676.5203681218851, -1259.1392167224028, 771.32342877765313),
    *(-176.61502916214059, 12.507343278686905, -0.13857109526572012),
    *(9.9843695780195716e-6, 1.5056327351493116e-7),
)
"""C. Lanczos, A precision approximation of the gamma function (1964), for g = 7."""


def _lgamma(given: Term) -> Term:
    x = given.cast("float64")
    mirrored = x < 0.5
    y = mirrored.choose(-x + 1, x) - 1
    series = y.number(0.99999999999980993)
    for place, each in enumerate(_LANCZOS, 1):
        series = series + y.number(each) / (y + place)
    t = y + (len(_LANCZOS) - 0.5)
    found = (y + 0.5) * t.of("Log") - t + series.of("Log") + 0.5 * math.log(2 * math.pi)
    # On the left, the sine of what is behind the point: that of a large angle has lost its digits.
    behind = x - x.of("Floor")
    other = -((behind * math.pi).of("Sin").abs.of("Log")) + math.log(math.pi) - found
    found = mirrored.choose(other, found)
    pole = (x <= 0) & (behind == 0) | x.infinite
    return pole.choose(np.inf, found).cast(given.dtype)


_FORMULAS: dict[str, tuple[str, Formula]] = {
    "expm1|special_expm1": ("Exp less one; Tanh where that would lose digits.", _expm1),
    "log1p|special_log1p": ("Log; with a correction where 1 + x is rounded.", log1p),
    "exp2|special_exp2": ("Pow of two.", lambda x: x.number(2).of("Pow", x)),
    "log2": ("Log, divided by that of two.", lambda x: x.of("Log") / math.log(2)),
    "log10": ("Log, divided by that of ten.", lambda x: x.of("Log") / math.log(10)),
    "erfc|special_erfc": ("One less Erf; a fit where that would lose digits.", _erfc),
    "erfinv|special_erfinv": ("Polynomials of a Log.", _erfinv),
    "trunc|fix": ("Floor of what it is without its sign.", trunc),
    "frac": ("What it is more than its whole part.", lambda x: x - trunc(x)),
    "deg2rad": ("Mul.", lambda x: x * (math.pi / 180)),
    "rad2deg": ("Mul.", lambda x: x * (180 / math.pi)),
    "sinc|special_sinc": ("Sin, divided by its angle.", _sinc),
    "acosh|arccosh": ("Acosh.", lambda x: x.of("Acosh")),
    "asinh|arcsinh": ("Asinh.", lambda x: x.of("Asinh")),
    "atanh|arctanh": ("Atanh.", lambda x: x.of("Atanh")),
    "cosh": ("Cosh.", lambda x: x.of("Cosh")),
    "sinh": ("Sinh.", lambda x: x.of("Sinh")),
    "sgn": ("Sign; 0 of NaN.", lambda x: x.nan.choose(0.0, x.of("Sign"))),
    "positive": ("Identity.", lambda x: x.of("Identity")),
    "square": ("Mul.", lambda x: x * x),
    "signbit": ("Less; zeros have the sign of their reciprocal.", lambda x: x.negative),
    "isfinite": ("Neither IsNaN nor IsInf.", lambda x: ~(x.nan | x.infinite)),
    "isposinf": ("Equal.", lambda x: x == np.inf),
    "isneginf": ("Equal.", lambda x: x == -np.inf),
    "special_expit": ("Sigmoid.", lambda x: x.of("Sigmoid")),
    "silu": ("x times Sigmoid.", lambda x: x * x.of("Sigmoid")),
    "mish": ("x times Tanh of Softplus.", lambda x: x.of("Mish")),
    "hardswish": ("HardSwish.", lambda x: x.of("HardSwish")),
    "log_sigmoid": ("Softplus of the negative.", lambda x: -((-x).of("Softplus"))),
}

for _names, (_told, _formula) in _FORMULAS.items():
    _register(_names, _told, _formula)

_ALIKE = (
    *("Abs", "Neg", "Exp", "Log", "Sqrt", "Floor", "Ceil", "Round", "Sign", "Reciprocal"),
    *("Relu", "Sigmoid", "Tanh", "Erf", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan"),
)
"""Operators that have the name that torch has, in small letters."""


def _alike(op_type: str) -> None:
    def symbolic(node: NodeView, tape: Tape, self: Operand) -> Decision:
        return tape.op(op_type, self)

    symbolic.__doc__ = f"{op_type}."
    aten(op_type.lower(), "Tensor self")(symbolic)


for _op_type in _ALIKE:
    _alike(_op_type)


@aten("lgamma|special_gammaln", "Tensor self")
def lgamma(node: NodeView, tape: Tape, self: Operand) -> Decision:
    """A series, summed in doubles."""
    given = as_float(node, tape, self)
    if isinstance(given, Refusal):
        return given
    return _lgamma(given).name


@aten("nan_to_num", "Tensor self, float? nan, float? posinf, float? neginf")
def nan_to_num(
    node: NodeView,
    tape: Tape,
    self: Operand,
    nan: float | None,
    posinf: float | None,
    neginf: float | None,
) -> Decision:
    """Where: of NaN and the infinities."""
    x = as_float(node, tape, self)
    if isinstance(x, Refusal):
        return x
    limit = _BFLOAT16_MAX if x.dtype == "bfloat16" else float(np.finfo(numpy_dtype(x.dtype)).max)
    largest = limit if posinf is None else posinf
    lowest = -limit if neginf is None else neginf
    finite = (x == np.inf).choose(largest, (x == -np.inf).choose(lowest, x))
    return x.nan.choose(nan or 0.0, finite).name


@aten("celu", "Tensor self, float alpha")
def celu(node: NodeView, tape: Tape, self: Operand, alpha: float = 1.0) -> Decision:
    """Celu."""
    x = as_float(node, tape, self)
    return x if isinstance(x, Refusal) else x.of("Celu", alpha=alpha).name


@aten("gelu", "Tensor self, str approximate")
def gelu(node: NodeView, tape: Tape, self: Operand, approximate: str = "none") -> Decision:
    """Gelu."""
    x = as_float(node, tape, self)
    return x if isinstance(x, Refusal) else x.of("Gelu", approximate=approximate).name


@aten("threshold", "Tensor self, float threshold, float value")
def threshold(
    node: NodeView, tape: Tape, self: Operand, threshold: float, value: float
) -> Decision:
    """Where: what is not above a threshold is a number."""
    x = as_float(node, tape, self)
    return x if isinstance(x, Refusal) else (x <= threshold).choose(value, x).name


@aten("logit|special_logit", "Tensor self, float? eps")
def logit(node: NodeView, tape: Tape, self: Operand, eps: float | None) -> Decision:
    """Log of the odds."""
    x = as_float(node, tape, self)
    if isinstance(x, Refusal):
        return x
    if eps is not None:
        x = x.of("Clip", eps, 1 - eps)
    return (x / (-x + 1)).of("Log").name
