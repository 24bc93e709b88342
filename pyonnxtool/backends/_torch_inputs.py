"""What a module is called with, as the exporters list it: names, order, open sizes."""

from __future__ import annotations

import contextlib
import difflib
import functools
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils import _pytree

from pyonnxtool.backends import Array
from pyonnxtool.backends._torch_call import filled_call, flattened, is_container, part_of
from pyonnxtool.backends._torch_tensors import as_array
from pyonnxtool.backends.torch import Declared
from pyonnxtool.errors import UsageError
from pyonnxtool.wording import plural

Axes = Mapping[int, str]
_PLAIN = (dict, list, tuple)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True)
class Call:
    """The example call of a module."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    """In the order of forward's parameters, as the exporters list them."""
    names: tuple[str, ...]
    """Of the tensors among them, in order."""
    tensors: tuple[Any, ...]

    def feeds(self) -> dict[str, Array]:
        """The tensors as inputs of the ONNX model."""
        return {n: as_array(one) for n, one in zip(self.names, self.tensors, strict=True)}


def call_of(
    module: Any, args: Sequence[Any], kwargs: Mapping[str, Any], names: Sequence[str], text: str
) -> Call:
    """The call, its tensors named as the user says, or after forward's parameters.

    Raises UsageError for arguments that forward does not take, and names that do not fit.
    """
    parameters = _parameters(module)
    bound = _bound(module, args, kwargs, text)
    order = [one.name for one in parameters]
    keyed = sorted(kwargs, key=lambda n: order.index(n) if n in order else len(order))
    ordered = {name: kwargs[name] for name in keyed}
    positional = [one.name for one in parameters if one.kind not in _VARIADIC]
    own, ordered = _pytree.tree_map(_alone, (tuple(args), ordered))
    found: list[str] = []
    tensors: list[Any] = []
    for path, leaf in _pytree.tree_flatten_with_path((own, ordered))[0]:
        name = _name_of(path, positional)
        if is_container(leaf):
            raise UsageError(
                f"{text}: argument {name!r} is a {type(leaf).__name__}, whose tensors no exporter "
                "sees: torch.export.register_dataclass it where it is a dataclass, or wrap the "
                "module in one that takes the tensors"
            )
        if not isinstance(leaf, torch.Tensor):
            continue
        found.append(unique(name, found))
        tensors.append(leaf)
    if not tensors and bound is not None:
        raise UsageError(
            f"{text} is called without a tensor, so the model would have no input; give example "
            "arguments"
        )
    if names and len(names) != len(found):
        raise UsageError(
            f"{text} takes {plural(len(found), 'tensor')} ({', '.join(found)}), and "
            f"{plural(len(names), 'input name')} given: {', '.join(names)}"
        )
    return Call(own, ordered, tuple(names) or tuple(found), tuple(tensors))


def _alone(leaf: Any) -> Any:
    """A tensor of its own: one that is given twice would become one input."""
    return leaf.detach().clone() if isinstance(leaf, torch.Tensor) else leaf


def _parameters(module: Any) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(module.forward).parameters.values())
    except (TypeError, ValueError):  # scripted code tells none
        return []


def _bound(module: Any, args: Sequence[Any], kwargs: Mapping[str, Any], text: str) -> Any:
    try:
        signature = inspect.signature(module.forward)
    except (TypeError, ValueError):
        return None
    try:
        return signature.bind(*args, **kwargs)
    except TypeError as error:
        raise UsageError(f"{text}: forward{signature} cannot be called so: {error}") from error


def _name_of(path: Sequence[Any], positional: Sequence[str]) -> str:
    """`x`, `state_0`, `batch_mask`: the parameter, and the way to the tensor in what it is."""
    key = path[1]
    if path[0].idx == 0:
        first = positional[key.idx] if key.idx < len(positional) else f"input_{key.idx}"
    else:
        first = str(key.key)
    return "_".join([first, *map(part_of, path[2:])])


def unique(name: str, taken: Sequence[str]) -> str:
    """`name`, or `name_1`, ... where that is taken."""
    number, made = 1, name
    while made in taken:
        made, number = f"{name}_{number}", number + 1
    return made


def example_of(
    module: Any, declared: Mapping[str, Declared], dims: Mapping[str, int], seed: int, text: str
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call of the module with random numbers: normal ones, 0 and 1 as integers, True.

    A size that has a name is what `dims` says, else 2. Raises UsageError for inputs that forward
    does not have, and for what is no dtype.
    """
    parameters = _parameters(module)
    names = [one.name for one in parameters if one.kind not in _VARIADIC]
    free = {one.kind for one in parameters}.intersection(_VARIADIC)
    needed = [
        one.name for one in parameters if one.default is one.empty and one.kind not in _VARIADIC
    ]
    if needed and not declared:
        raise UsageError(
            f"{text} comes without an example call, and forward needs {', '.join(needed)}: declare "
            f"each tensor, as in --input {needed[0]}=1,3,224,224 or --input "
            f"{needed[0]}=batch,16:int64 where batch stays open; or return "
            f"(module, ({', '.join(needed)},)) from the function"
        )
    unknown = [name for name in declared if name not in names]
    if unknown and parameters and not free:
        raise UsageError(
            f"forward of {text} has no parameter {unknown[0]!r}; it takes {', '.join(names)}"
        )
    generator = torch.Generator().manual_seed(seed)
    made = {name: _random(name, one, dims, generator) for name, one in declared.items()}
    if inspect.Parameter.VAR_KEYWORD in free:
        return (), made
    return tuple(made.pop(name) for name in unknown), made


def _random(name: str, one: Declared, dims: Mapping[str, int], generator: Any) -> Any:
    dtype = getattr(torch, one.dtype, None)
    if not isinstance(dtype, torch.dtype) or dtype.is_complex:
        raise UsageError(
            f"input {name!r}: {one.dtype!r} is no type of tensors; take float32, float16, "
            "bfloat16, float64, int64, int32, uint8 or bool"
        )
    sizes = [dims.get(size, 2) if isinstance(size, str) else size for size in one.sizes]
    if dtype == torch.bool:
        return torch.ones(sizes, dtype=dtype)
    if dtype.is_floating_point:
        return torch.randn(sizes, generator=generator).to(dtype)
    return torch.randint(0, 2, sizes, generator=generator).to(dtype)


def open_axes(call: Call, dynamic: Mapping[str, Any], text: str) -> dict[str, dict[int, str]]:
    """Input to axis to the name of its size, for every form in which users say so.

    {"x": {0: "batch"}}, or a name or number for each axis: {"x": ("batch", 3, "height", "width")}.
    Raises UsageError for an input or an axis that there is not.
    """
    found: dict[str, dict[int, str]] = {}
    for name, given in dynamic.items():
        if name not in call.names:
            close = difflib.get_close_matches(name, call.names, n=3) or call.names
            raise UsageError(f"{text} has no input {name!r}; did you mean {', '.join(close)}?")
        shape = tuple(call.tensors[call.names.index(name)].shape)
        rank = len(shape)
        axes = _axes_of(name, given, shape)
        for axis, size in axes.items():
            if not isinstance(axis, int) or not -rank <= axis < rank:
                raise UsageError(
                    f"input {name!r} has {rank} axes, so there is no axis {axis!r} to be left open"
                )
            if not isinstance(size, str) or not size.isidentifier():
                raise UsageError(f"axis {axis} of {name!r}: {size!r} is no name for a size")
        found[name] = {axis % rank: size for axis, size in axes.items()}
    return {name: axes for name, axes in found.items() if axes}


def _axes_of(name: str, given: Any, shape: Sequence[int]) -> dict[Any, Any]:
    if isinstance(given, Mapping):
        return dict(given)
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise UsageError(f"input {name!r}: give its open axes as {{0: 'batch'}}, not {given!r}")
    told = f"input {name!r} is {list(shape)} in the example"
    if len(given) != len(shape):
        raise UsageError(f"{told}, and {len(given)} sizes are given")
    for axis, size in enumerate(given):
        if isinstance(size, int) and size != shape[axis]:
            raise UsageError(f"{told}, so axis {axis} is not {size}; name a size to leave it open")
    return {axis: one for axis, one in enumerate(given) if isinstance(one, str)}


def dynamic_shapes(module: Any, call: Call, axes: Mapping[str, Axes]) -> Any:
    """The open axes in the shape of forward's arguments, as `torch.export` wants them.

    For containers that are no dict, list or tuple it wants lists of what they hold.
    """
    waiting = iter(call.names)

    def spec(given: Any) -> Any:
        if isinstance(given, torch.Tensor):
            return dict(axes.get(next(waiting), {})) or None
        held, form = _pytree.tree_flatten(given, is_leaf=lambda one: one is not given)
        if form.is_leaf():
            return None
        found = [spec(one) for one in held]
        return _pytree.tree_unflatten(found, form) if type(given) in _PLAIN else found

    args, kwargs = spec((call.args, call.kwargs))
    bound = inspect.signature(module.forward).bind(*args, **kwargs)
    return dict(bound.arguments)


@contextlib.contextmanager
def flat_call(module: Any, call: Call, *, inputs: bool) -> Iterator[tuple[Any, ...]]:
    """While it lasts, forward returns a tuple of tensors; and takes one tensor each (`inputs`).

    Yields the arguments for it. The names of parameters and scopes stay what they are, which they
    would not in another module around this one.
    """
    forward = module.forward

    @functools.wraps(forward)
    def natural(*args: Any, **kwargs: Any) -> Any:
        return tuple(flattened(forward(*args, **kwargs)).values())

    def flat(*tensors: Any) -> Any:
        args, kwargs = filled_call(call.args, call.kwargs, dict(enumerate(tensors)))
        return natural(*args, **kwargs)

    own = vars(module).get("forward")
    module.forward = flat if inputs else natural
    try:
        yield call.tensors
    finally:
        if own is None:
            del module.forward
        else:
            module.forward = own
