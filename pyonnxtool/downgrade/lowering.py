"""A whole model at a lower opset: functions, graphs, IR version, and what is no longer read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.downgrade.descent import Descended, descend
from pyonnxtool.downgrade.leftovers import Unread
from pyonnxtool.op_schemas import plain_domain, same_meaning
from pyonnxtool.rewrite import Refusal

if TYPE_CHECKING:
    from pyonnxtool._core import Model

IR_WITH_FUNCTIONS = 8
"""Models can have functions of their own from this IR version on."""


def lowered(given: Model, target: int) -> tuple[Model, Descended]:
    """A copy of the model at the target opset, and what was done; of no use if that was refused.

    Pre: the target is below the opset that the model imports.
    """
    model, refusals = _opened(given.copy(), target)
    unread = Unread(model)
    done = descend(model, target)
    done.refusals[:0] = refusals
    unread.prune(model)
    ir_version = min(model.ir_version, ir_version_of(target))
    model.set_ir_version(ir_version)
    return model, done


def ir_version_of(opset: int) -> int:
    """The IR version that came with an opset of ai.onnx (onnx.helper.VERSION_TABLE)."""
    from onnx import helper  # noqa: PLC0415 - loaded when it is needed

    return max(row[1] for row in helper.VERSION_TABLE if row[2] <= opset)


def _opened(model: Model, target: int) -> tuple[Model, list[Refusal]]:
    """Functions stay where no operator in them changes, and IR version and opset allow them."""
    if not model.functions:
        return model, []
    imported = model.opset_imports.get("", 1)
    keeps = ir_version_of(target) >= IR_WITH_FUNCTIONS and all(
        same_meaning("", node.op_type, function.opset_imports.get("", imported), target)
        for function in model.functions
        for node in function.graph.nodes
        if not plain_domain(node.domain)
    )
    if keeps:
        for function in model.functions:
            if "" in function.opset_imports:
                function.set_opset_import("", target)
        return model, []
    opened, kept = _core.inline_functions(model, same_meaning)
    return opened, [Refusal("", "", f"{call} stays closed: {reason}") for call, reason in kept]
