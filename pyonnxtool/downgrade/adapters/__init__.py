"""Adapters: one for each operator and opset that changed its signature or its meaning.

An adapter is a function in a file of this folder, `<op>_<from>.py`, registered under its operator
and the opset that it comes from: `@ADAPTERS.add(("ReduceMean", 18))` goes from 18 to 17. It is
given the node as it stands at 18 and a tape for nodes of opset 17, and decides. Steps that keep
signature and meaning need none, see `steps`; nor do operators whose schema has a function body that
is good enough, see `function_body`; nor does a dtype that is not taken below, see `carry`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from pyonnxtool.registry import Registry

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

Adapter: TypeAlias = "Callable[[NodeView, Tape], Decision]"

ADAPTERS: Registry[tuple[str, int], Adapter] = Registry("adapter", "pyonnxtool.downgrade.adapters")
