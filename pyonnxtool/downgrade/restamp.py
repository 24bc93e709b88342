"""Steps that keep signature and meaning: what is new has to be unused, or at its default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyonnxtool.downgrade.steps import default_of
from pyonnxtool.rewriting.decision import KEEP, Edit

if TYPE_CHECKING:
    from pyonnxtool.downgrade.steps import Step
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView


def restamped(view: NodeView, step: Step) -> Decision:
    """The node without what `step` added at its default. Types are not looked at.

    Pre: the step is free.
    """
    assert step.older is not None
    added = [name for name in view.attributes if name not in step.older.attributes]
    for name in added:
        if name not in step.newer.attributes:
            return view.refuse(f"attribute {name} is none of {view.op_type}")
        if not is_default(view, step, name):
            value = view.attributes[name]
            return view.refuse(f"attribute {name}={value!r} is new in opset {step.version}")
    for params, operands in ((step.older.inputs, view.inputs), (step.older.outputs, view.outputs)):
        variadic = params and params[-1].option == type(params[-1].option).Variadic
        beyond = [] if variadic else [one for one in operands[len(params) :] if one]
        if beyond:
            return view.refuse(f"operand {str(beyond[0])!r} is new in opset {step.version}")
    if len(view.inputs) > step.older.max_input:  # those beyond are omitted
        return Edit(drop=added, inputs=view.inputs[: step.older.max_input])
    return Edit(drop=added) if added else KEEP


def is_default(view: NodeView, step: Step, name: str) -> bool:
    """Whether the node has the default of the newer schema for this attribute."""
    return bool(_plain(view.attributes[name]) == _plain(default_of(step.newer, name)))


def _plain(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
