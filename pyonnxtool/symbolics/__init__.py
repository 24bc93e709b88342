"""Symbolics: what a custom operator is in standard ones.

A file of this package registers the operators that it knows, each by its domain and name:

    @SYMBOLICS.add("com.microsoft::FusedGemm")
    def fused_gemm(node: NodeView, tape: Tape) -> Decision: ...

It reads the node and puts standard operators of opset `tape.opset`, at least `WRITTEN_FOR`, on the
tape (other custom operators too, if they have a symbolic), and returns the names of what takes the
place of the outputs, or refuses. What an older opset lacks is taken down afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from pyonnxtool.registry import Registry

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

Symbolic: TypeAlias = "Callable[[NodeView, Tape], Decision]"

WRITTEN_FOR = 23
"""The lowest opset of the tape that a symbolic is given."""

SYMBOLICS: Registry[str, Symbolic] = Registry("symbolic", "pyonnxtool.symbolics")
