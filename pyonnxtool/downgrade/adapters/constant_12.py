"""Constant from 12 to 11: numbers and texts become a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.decision import KEEP

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_DTYPES = {"int": np.int64, "float": np.float32, "string": object}


@ADAPTERS.add(("Constant", 12))
def _as_tensor(node: NodeView, tape: Tape) -> Decision:
    """12 -> 11: numbers and texts become a tensor."""
    for kind, dtype in _DTYPES.items():
        for name in (f"value_{kind}", f"value_{kind}s"):
            if node.given(name):
                array = np.array(node.attributes[name], dtype=dtype)
                return tape.op("Constant", value=array)
    return KEEP
