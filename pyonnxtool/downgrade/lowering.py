"""A whole model at a lower opset: functions, graphs, IR version, and what is no longer read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.border_types import unknown_types
from pyonnxtool.downgrade.descent import Descended, descend
from pyonnxtool.downgrade.explicit_defaults import write_defaults
from pyonnxtool.downgrade.functions import opened
from pyonnxtool.downgrade.leftovers import Unread
from pyonnxtool.downgrade.old_ir import ir_version_of, restated
from pyonnxtool.op_schemas import newest_opset
from pyonnxtool.rewriting import Refusal
from pyonnxtool.rewriting.graphs import graphs_of

if TYPE_CHECKING:
    from pyonnxtool._core import Model


def lowered(given: Model, target: int) -> tuple[Model, Descended]:
    """A copy of the model at the target opset, and what was done; of no use if that was refused.

    Pre: the target is below the opset that the model imports.
    """
    model = given.copy()
    if "" not in model.opset_imports:  # all its operators are in functions
        of_functions = [each.opset_imports.get("", 1) for each in model.functions]
        model.set_opset_import("", max(of_functions, default=1))
    imported = model.opset_imports[""]
    if imported > newest_opset():
        known = f"the onnx package here knows opsets up to {newest_opset()}"
        reason = f"the model is of opset {imported}, and {known}; upgrade it: pip install -U onnx"
        return model, Descended(refusals=[Refusal("", "", reason)])
    ir_version = min(model.ir_version, ir_version_of(target))
    model, closed = opened(model, target, ir_version)
    unread = Unread(model)
    done = descend(model, target)
    for node in unread.prune(model):
        done.refused.pop(node, None)
    write_defaults(model, target)
    at_border = unknown_types(model, target)
    done.refusals = [*closed, *at_border, *restated(model, ir_version), *done.refused.values()]
    for graph in graphs_of(model):  # not every file lists producers first, and not all take that
        graph.sort()
    return model, done
