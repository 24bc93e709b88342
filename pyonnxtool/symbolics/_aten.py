"""What symbolics of torch's own operators share: how they are registered, and dtypes of operands.

Exporters leave an operator that they do not know as `org.pytorch.aten::ATen`, which names it in an
attribute (`ONNX_ATEN_FALLBACK`), or as a node of its own name (`ONNX_FALLTHROUGH`); its arguments
are inputs, in the order of torch's schema.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._signature import signature
from pyonnxtool.symbolics._terms import Term

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape
    from pyonnxtool.symbolics import Symbolic

DOMAIN = "org.pytorch.aten"
_FLOATS = ("float16", "bfloat16", "float32", "float64")


def aten(names: str, parameters: str) -> Callable[[Callable[..., Decision]], Symbolic]:
    """Registers a function for operators of torch, "name" or "one|other", see `signature`."""

    def mark(function: Callable[..., Decision]) -> Symbolic:
        symbolic = signature(parameters)(function)
        for name in names.split("|"):
            SYMBOLICS.add(f"{DOMAIN}::{name}")(symbolic)
        return symbolic

    return mark


def as_float(node: NodeView, tape: Tape, operand: Operand) -> Term | Refusal:
    """The operand to compute with; integers become float32, as torch has them."""
    dtype = operand.dtype
    if dtype is None:
        return node.refuse_dynamic(f"the type of {str(operand)!r}")
    if dtype.startswith("complex"):
        return node.refuse("it takes complex numbers, which hardly any operator of ONNX does")
    given = Term(tape, operand, dtype)
    return given if dtype in _FLOATS else given.cast("float32")


def as_one_dtype(node: NodeView, tape: Tape, *operands: Operand) -> list[Term] | Refusal:
    """Operands in the dtype that torch computes with.

    Of different ones, a scalar takes that of the others unless it alone is a float.
    """
    dtypes = [one.dtype for one in operands]
    if None in dtypes:
        return node.refuse_dynamic("the type of its inputs")
    known = [str(one) for one in dtypes]
    ranked = [each for each, one in zip(known, operands, strict=True) if one.rank != 0]
    wanted = sorted(set(ranked or known))
    if len(wanted) > 1:
        return node.refuse(f"its operands are of {' and '.join(wanted)}; they have to be of one")
    weak = [each in _FLOATS for each, one in zip(known, operands, strict=True) if one.rank == 0]
    if any(weak) and wanted[0] not in _FLOATS:
        return node.refuse(f"it computes {wanted[0]} with a float")
    return [
        Term(tape, one, each).cast(wanted[0]) for one, each in zip(operands, known, strict=True)
    ]


def dims_of(node: NodeView, operand: Operand, *dims: int) -> list[int] | Refusal:
    """Axes counted from the front."""
    rank = operand.rank
    if rank is None:
        return node.refuse_dynamic(f"the rank of {str(operand)!r}")
    strange = [dim for dim in dims if not -max(rank, 1) <= dim < max(rank, 1)]
    if strange:
        return node.refuse(f"dim {strange[0]} is none of a tensor of rank {rank}")
    return [dim % max(rank, 1) for dim in dims]
