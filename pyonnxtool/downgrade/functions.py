"""Functions of a model: those that stay closed at a lower opset, and those that are opened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.op_schemas import plain_domain, same_meaning
from pyonnxtool.rewriting import Refusal
from pyonnxtool.rewriting.graphs import graphs_under

if TYPE_CHECKING:
    from pyonnxtool._core import Function, Model, Node

_Key = tuple[str, str, str]

_IR_WITH_FUNCTIONS = 8
_IR_WITH_DEFAULTS = 9
"""Functions can give their attributes defaults from this IR version on."""
_IR_WITH_OVERLOADS = 10


def opened(model: Model, target: int, ir_version: int) -> tuple[Model, list[Refusal]]:
    """The model with its functions for the target, or open where they cannot stay.

    A function stays when none of its operators changes and the IR version allows it. One that
    imports another opset than the model, in which its operators mean something else, is refused.
    """
    if not model.functions:
        return model, []
    imported = model.opset_imports.get("", 1)
    going = _going(model, imported, target, ir_version)
    if not going:
        for function in model.functions:
            if "" in function.opset_imports:
                function.set_opset_import("", target)
        return model, []
    made, refusals = open_functions(model, going)
    for function in made.functions:
        if "" in function.opset_imports:
            function.set_opset_import("", target)
    return made, refusals


def open_functions(model: Model, going: set[_Key]) -> tuple[Model, list[Refusal]]:
    """The model with these functions' nodes in place of their calls, and without the functions."""
    everything = len(going) == len(model.functions)
    made, kept = _core.inline_functions(model, same_meaning, None if everything else sorted(going))
    refusals = [Refusal("", "", f"{call} stays closed: {reason}") for call, reason in kept]
    if not refusals:
        for function in made.functions:
            if _key(function) in going:
                made.remove_function(function)
    return made, refusals


def _going(model: Model, imported: int, target: int, ir_version: int) -> set[_Key]:
    """Functions that cannot stay, and those that call them."""
    going = {
        _key(function)
        for function in model.functions
        if ir_version < _IR_WITH_FUNCTIONS
        or (ir_version < _IR_WITH_DEFAULTS and function.attributes)
        or (ir_version < _IR_WITH_OVERLOADS and function.overload)
        or not _stays(function, function.opset_imports.get("", imported), target)
    }
    return with_callers(model, going)


def with_callers(model: Model, going: set[_Key]) -> set[_Key]:
    """These functions, and those that call them."""
    while True:
        more = {
            _key(function)
            for function in model.functions
            if any((node.domain, node.op_type, node.overload) in going for node in _nodes(function))
        }
        if more <= going:
            return going
        going = going | more


def _stays(function: Function, version: int, target: int) -> bool:
    return all(
        same_meaning("", node.op_type, version, target)
        for node in _nodes(function)
        if not plain_domain(node.domain)
    )


def _nodes(function: Function) -> Iterator[Node]:
    return (node for graph in graphs_under(function.graph) for node in graph.nodes)


def _key(function: Function) -> _Key:
    return function.domain, function.name, function.overload
