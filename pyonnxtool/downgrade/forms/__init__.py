"""Other forms of an operator for dtypes that it does not take, where Casts would change a value.

A form is a function in a file of this folder, registered under its operator: `@FORMS.add("Max")`.
It is given the node at an opset whose schema does not take `dtype` for it, and a tape for nodes of
that opset, and returns what replaces the outputs, or None where it has no form for the dtype.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from pyonnxtool.registry import Registry

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

Form: TypeAlias = "Callable[[NodeView, Tape, str], Decision | None]"

FORMS: Registry[str, Form] = Registry("form", "pyonnxtool.downgrade.forms")
