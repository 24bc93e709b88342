"""Arguments of an operator by a signature, however an exporter has written them.

TorchScript's exporter leaves arguments as constant inputs, in the order of the operator's schema;
symbolics that people write name them as attributes, some with the suffix of the kind that the
exporter should have taken off ("stride_h_i").
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool._core import Tensor
from pyonnxtool.rewriting.refusal import Refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape
    from pyonnxtool.symbolics import Symbolic

_SUFFIXES = ("", "_i", "_f", "_s")
_IGNORED = frozenset({"plugin_version", "plugin_namespace", "overload_name", "operator", "inplace"})
"""Attributes that say nothing of what is computed."""
_MISSING = object()
_ARGUMENTS = "arguments"


@dataclass(frozen=True)
class _Param:
    kind: str
    names: tuple[str, ...]
    """The first is what the symbolic's own parameter is called, the others are of attributes."""
    default: Any

    @property
    def attributes(self) -> list[str]:
        """What an attribute of it may be called."""
        if self.kind.startswith("Tensor"):
            return []
        return [name + suffix for name in self.names for suffix in _SUFFIXES]


def signature(text: str) -> Callable[[Callable[..., Decision]], Symbolic]:
    """Makes a symbolic of a function that takes the arguments of `text` by their names.

    `text` are parameters in their order, as "KIND NAME", or "KIND NAME|OTHER" for an attribute that
    goes by several names. Kinds are Tensor, an operand; Tensor..., a list of all that follow; int,
    float, bool, str, int[], float[]; and number, a float where it is known and else an operand.
    What has a "?" may be missing: it is None then, or an omitted operand. Else the default is that
    of the function's own parameter. An attribute goes before an input, and takes none. The node is
    refused when something is missing, of another kind, too much, or known only when the model runs.
    """
    written = [tuple(one.split()) for one in text.split(",")]

    def mark(function: Callable[..., Decision]) -> Symbolic:
        own = inspect.signature(function).parameters
        params = [_param(kind, names, own) for kind, names in written]

        @wraps(function)
        def symbolic(node: NodeView, tape: Tape) -> Decision:
            found = _arguments(node, params)
            return found if isinstance(found, Refusal) else function(node, tape, **found)

        setattr(symbolic, _ARGUMENTS, lambda node: _arguments(node, params))
        return symbolic

    return mark


def arguments_of(symbolic: Symbolic, node: NodeView) -> dict[str, Any] | None:
    """What a symbolic with a signature is given for the node, by name; None for one without.

    Operands are those of the node. None, too, where the node is refused.
    """
    arguments = getattr(symbolic, _ARGUMENTS, None)
    found = None if arguments is None else arguments(node)
    return None if isinstance(found, Refusal) else found


def _param(kind: str, names: str, own: Mapping[str, inspect.Parameter]) -> _Param:
    several = tuple(names.split("|"))
    default = own[several[0]].default
    if default is inspect.Parameter.empty:
        default = None if kind.endswith("?") else _MISSING
    return _Param(kind.rstrip("?"), several, default)


def _arguments(node: NodeView, params: list[_Param]) -> dict[str, Any] | Refusal:
    """What the node gives for each parameter, by its name."""
    found: dict[str, Any] = {}
    inputs = list(node.inputs)
    for param in params:
        if param.kind == "Tensor...":
            found[param.names[0]], inputs = inputs, []
            continue
        named = _attribute_of(node, param)
        if named is not None:
            value = _from_attribute(node, param, named)
        else:
            given = inputs.pop(0) if inputs else None
            value = _from_input(node, param, given) if given else param.default
        if isinstance(value, Refusal):
            return value
        if value is _MISSING:
            return node.refuse(f"it has no `{param.names[0]}`")
        if value is None and param.kind == "Tensor":
            value = node.arg(len(node.inputs))
        found[param.names[0]] = value
    unknown = [name for name in node.attributes if not _known(name, params)]
    if unknown:
        return node.refuse(f"its attribute `{unknown[0]}` is none that its operator has")
    if any(inputs):
        wanted = ", ".join(param.names[0] for param in params)
        return node.refuse(f"it has more inputs than its operator takes: {wanted}")
    return found


def _known(attribute: str, params: list[_Param]) -> bool:
    return attribute in _IGNORED or any(attribute in param.attributes for param in params)


def _attribute_of(node: NodeView, param: _Param) -> str | None:
    return next((name for name in param.attributes if node.given(name)), None)


def _from_attribute(node: NodeView, param: _Param, name: str) -> Any:
    given = node.attributes[name]
    array = given.numpy() if isinstance(given, Tensor) else np.asarray(given)
    return _converted(node, param, array, f"its attribute `{name}`")


def _from_input(node: NodeView, param: _Param, given: Operand) -> Any:
    if param.kind == "Tensor":
        return given
    known = given.const
    if known is None:
        return given if param.kind == "number" else node.refuse_dynamic(f"`{param.names[0]}`")
    return _converted(node, param, known, f"`{param.names[0]}`")


def _converted(node: NodeView, param: _Param, array: NDArray[Any], what: str) -> Any:
    try:
        return _KINDS[param.kind](array)
    except (TypeError, ValueError, OverflowError):
        return node.refuse(f"{what} is no {param.kind}")


def _whole(value: Any) -> int:
    if isinstance(value, str) or value != int(value):
        raise ValueError(value)
    return int(value)


def _real(value: Any) -> float:
    if isinstance(value, str):
        raise ValueError(value)
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(value)
    return value


_KINDS: Mapping[str, Callable[[NDArray[Any]], Any]] = {
    "int": lambda given: _whole(given.item()),
    "float": lambda given: _real(given.item()),
    "number": lambda given: _real(given.item()),
    "bool": lambda given: bool(_whole(given.item())),
    "str": lambda given: _text(given.item()),
    "int[]": lambda given: [_whole(one) for one in given.ravel().tolist()],
    "float[]": lambda given: [_real(one) for one in given.ravel().tolist()],
}
