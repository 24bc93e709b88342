"""Model-local functions of two models that become one: equal ones once, others apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.op_schemas import plain_domain
from pyonnxtool.surgery.shared_versions import all_nodes

if TYPE_CHECKING:
    from pyonnxtool._core import Function, Model, Node

_Key = tuple[str, str, str]
_EMPTY = b"\x08\x0a"
"""A ModelProto with nothing but its ir_version, 10."""


def functions_apart(first: Model, second: Model) -> tuple[Model, Model, int]:
    """Both models, in which a function of one is never what a node of the other means.

    Functions that are in both and differ, and those that the other model has an operator of the
    name for, get new names. Also how many.
    """
    ours = {_key(each): each for each in first.functions}
    theirs = {_key(each): each for each in second.functions}
    differing = _differing(ours, theirs)
    of_first = ours.keys() & _called(second) - theirs.keys()
    of_second = theirs.keys() & (differing | (_called(first) - ours.keys()))
    taken = {(key[0], key[1]) for key in [*ours, *theirs, *_called(first), *_called(second)]}
    return (
        _with_new_names(first, of_first, taken),
        _with_new_names(second, of_second, taken),
        len(of_first) + len(of_second),
    )


def adopt_functions(to: Model, source: Model) -> int:
    """Copy the functions that are not there yet; how many."""
    there = {_key(each) for each in to.functions}
    added = [each for each in source.functions if _key(each) not in there]
    for function in added:
        to.adopt_function(function)
    return len(added)


def _key(function: Function) -> _Key:
    return plain_domain(function.domain), function.name, function.overload


def _target(node: Node) -> _Key:
    return plain_domain(node.domain), node.op_type, node.overload


def _called(model: Model) -> set[_Key]:
    return {_target(node) for node in all_nodes(model)}


def _differing(ours: dict[_Key, Function], theirs: dict[_Key, Function]) -> set[_Key]:
    """Keys of functions of both that are not byte for byte the same, with all that they call."""
    both = ours.keys() & theirs.keys()
    found = {key for key in both if _bytes(ours[key]) != _bytes(theirs[key])}
    while True:
        more = {key for key in both - found if found & _targets(theirs[key])}
        if not more:
            return found
        found |= more


def _bytes(function: Function) -> bytes:
    alone = _core.from_bytes(_EMPTY)
    alone.adopt_function(function)
    return alone.to_bytes(weights="keep")


def _targets(function: Function) -> set[_Key]:
    waiting, found = [function.graph], set()
    while waiting:
        for node in waiting.pop().nodes:
            found.add(_target(node))
            waiting += node.subgraphs
    return found


def _with_new_names(model: Model, keys: set[_Key], taken: set[tuple[str, str]]) -> Model:
    if not keys:
        return model
    made = model.copy()
    names = {key: _fresh(key[0], key[1], taken) for key in sorted(keys)}
    for function in made.functions:
        if _key(function) in names:
            made.adopt_function(function, names[_key(function)])
            made.remove_function(function)
    for node in all_nodes(made):
        if _target(node) in names:
            node.set_op_type(names[_target(node)], node.domain)
    return made


def _fresh(domain: str, name: str, taken: set[tuple[str, str]]) -> str:
    number = 1
    while (domain, f"{name}_{number}") in taken:
        number += 1
    taken.add((domain, f"{name}_{number}"))
    return f"{name}_{number}"
