"""Operators of torch that have no exact form in ONNX, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._aten import DOMAIN

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_COMPLEX = "it has complex numbers, which ONNX has as an axis of two that all nodes have to know"
_ITERATION = "it iterates until the numbers are close enough"
_RANDOM = "it is random, and draws other numbers than any operator of ONNX"

_WHY = {
    _COMPLEX: (
        *("fft_fft", "fft_ifft", "fft_rfft", "fft_irfft", "fft_fft2", "fft_ifft2", "fft_rfft2"),
        *("fft_irfft2", "fft_fftn", "fft_ifftn", "fft_rfftn", "fft_irfftn", "fft_hfft", "istft"),
        *("view_as_complex", "view_as_real", "complex", "polar", "real", "imag", "angle", "conj"),
    ),
    _ITERATION: (
        *("linalg_svd", "linalg_eigh", "linalg_eig", "linalg_eigvals", "linalg_pinv", "linalg_qr"),
        *("linalg_lstsq", "linalg_matrix_exp", "svd", "symeig", "qr", "pinverse"),
    ),
    _RANDOM: ("multinomial", "bernoulli", "normal", "rrelu", "poisson", "randperm"),
}


def _refused(operator: str, why: str) -> None:
    def symbolic(node: NodeView, tape: Tape) -> Decision:
        return node.refuse(why, f"keep it: --keep {operator}")

    symbolic.__doc__ = f"Refused: {why}."
    SYMBOLICS.add(operator)(symbolic)


for _reason, _names in _WHY.items():
    for _name in _names:
        _refused(f"{DOMAIN}::{_name}", _reason)
