"""How a module or a program is called with the inputs of an ONNX model."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.utils import _pytree

from pyonnxtool.backends import Array
from pyonnxtool.backends._torch_tensors import as_tensor
from pyonnxtool.errors import BackendError, UsageError

_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclasses.dataclass(frozen=True)
class Slot:
    """One tensor that a call takes: its name where it has one, and an example of it."""

    name: str
    example: Any = None


class Signature:
    """Which input of the ONNX model goes where: by name, else by order."""

    def __init__(self, slots: Sequence[Slot], text: str) -> None:
        self._slots, self._text = slots, text

    def placed(self, names: Sequence[str]) -> dict[str, int]:
        """ONNX input to number of the slot. Raises UsageError when there are more of them."""
        known = {slot.name: index for index, slot in enumerate(self._slots) if slot.name}
        found = {name: known[name] for name in names if name in known}
        free = [index for index in range(len(self._slots)) if index not in found.values()]
        left = [name for name in names if name not in found]
        if len(left) > len(free):
            takes = ", ".join(slot.name or "a tensor" for slot in self._slots) or "nothing"
            raise UsageError(
                f"{self._text} takes {takes}, and the ONNX model has the inputs "
                f"{', '.join(names)}; return (module, example_args) from the function so that "
                "each input can be told"
            )
        return found | dict(zip(left, free, strict=False))


def example_call(args: Sequence[Any], kwargs: Mapping[str, Any], forward: Any) -> list[Slot]:
    """The tensors of an example call, in the order in which the exporters list them."""
    slots = []
    leaves, _ = _pytree.tree_flatten_with_path((tuple(args), dict(kwargs)))
    names = positional_names(forward)
    for path, leaf in leaves:
        if not isinstance(leaf, torch.Tensor):
            continue
        inside = path[0].idx == 0
        key = path[1]
        name = ""
        if len(path) == 2:
            name = (names[key.idx] if key.idx < len(names) else "") if inside else str(key.key)
        slots.append(Slot(name, leaf))
    return slots


def filled_call(
    args: Sequence[Any], kwargs: Mapping[str, Any], tensors: Mapping[int, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The example call with some of its tensors (by number) exchanged."""
    leaves, spec = _pytree.tree_flatten((tuple(args), dict(kwargs)))
    number, filled = 0, []
    for leaf in leaves:
        if isinstance(leaf, torch.Tensor):
            filled.append(tensors.get(number, leaf))
            number += 1
        else:
            filled.append(leaf)
    made_args, made_kwargs = _pytree.tree_unflatten(filled, spec)
    return tuple(made_args), dict(made_kwargs)


def plain_call(
    forward: Any, feeds: Mapping[str, Array], text: str
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call without an example: inputs by the names of forward's parameters, else by order."""
    parameters = inspect.signature(forward).parameters.values()
    names = [p.name for p in parameters if p.kind not in _VARIADIC]
    tensors = {name: as_tensor(array) for name, array in feeds.items()}
    if not any(name in names for name in tensors) and _is_variadic(parameters):
        return tuple(tensors.values()), {}
    required = [p.name for p in parameters if p.kind not in _VARIADIC and p.default is p.empty]
    # Required parameters come first in every signature, so by order they are served first.
    placed = Signature([Slot(name) for name in names], text).placed(list(feeds))
    call = {names[index]: tensors[name] for name, index in placed.items()}
    missing = [name for name in required if name not in call]
    if missing:
        raise UsageError(
            f"{text} needs {', '.join(missing)}, which is no input of the ONNX model "
            f"({', '.join(feeds)}); return (module, example_args) from the function, with a value "
            "for it"
        )
    positional = []
    for parameter in parameters:
        if parameter.name not in call or parameter.kind is parameter.KEYWORD_ONLY:
            break
        positional.append(call.pop(parameter.name))
    return tuple(positional), call


def positional_names(forward: Any) -> list[str]:
    """Names of the parameters that may be given by place."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = inspect.signature(forward).parameters.values()
    except (TypeError, ValueError):  # of what was traced nothing is known
        return []
    return [parameter.name for parameter in parameters if parameter.kind in kinds]


def flattened(made: Any) -> dict[str, Any]:
    """The tensors that a network returned, in the order of the exporters, named where keyed."""
    found: dict[str, Any] = {}
    keyed = isinstance(_open(made), Mapping)
    for path, tensor in _tensors(made, ()):
        name = "_".join(path)
        found[name if keyed and name not in found else str(len(found))] = tensor
    return found


def _tensors(made: Any, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for steps, leaf in _pytree.tree_flatten_with_path(_open(made))[0]:
        path = (*above, *map(part_of, steps))
        if isinstance(leaf, torch.Tensor):
            yield path, leaf
        elif is_container(leaf):
            yield from _tensors(leaf, path)
        elif not is_plain(leaf):
            raise BackendError(
                f"the module returns a {type(leaf).__name__}, which holds no tensors that can be "
                "listed; wrap it in a module that returns a tensor, tuple, list or dict"
            )


def is_plain(leaf: Any) -> bool:
    """Whether it is a number, text or nothing."""
    return isinstance(leaf, int | float | bool | str | None)


def is_container(leaf: Any) -> bool:
    """Whether it holds tensors in a way that torch does not know of."""
    return dataclasses.is_dataclass(leaf) or _is_cache(leaf)


def _is_cache(leaf: Any) -> bool:
    """Whether it is a cache of transformers: layers with keys and values."""
    layers = getattr(leaf, "layers", None)
    return isinstance(layers, list) and all(
        hasattr(one, "keys") and hasattr(one, "values") and not isinstance(one, Mapping)
        for one in layers
    )


def part_of(step: Any) -> str:
    """The key, number or name by which a step of a path goes on."""
    return str(getattr(step, "key", getattr(step, "idx", getattr(step, "name", ""))))


def _open(made: Any) -> Any:
    if dataclasses.is_dataclass(made) and not isinstance(made, Mapping):
        return {field.name: getattr(made, field.name) for field in dataclasses.fields(made)}
    if _is_cache(made):
        return {n: {"keys": one.keys, "values": one.values} for n, one in enumerate(made.layers)}
    if isinstance(made, Mapping):  # also a transformers ModelOutput
        return {str(key): value for key, value in made.items()}
    return made


def _is_variadic(parameters: Any) -> bool:
    return any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)
