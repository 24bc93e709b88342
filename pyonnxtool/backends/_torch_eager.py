"""A module that cannot be exported, run as it is: every call of torch is watched."""

from __future__ import annotations

import contextlib
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from pyonnxtool.backends._torch_graph import op_name
from pyonnxtool.backends._torch_tensors import as_array
from pyonnxtool.backends._traced import Traced, Visitor

_QUIET = frozenset({"get", "size", "dim", "stride", "numel", "item", "tolist", "detach", "numpy"})
_FRAMES = 6


def run_watched(module: Any, args: Sequence[Any], kwargs: Mapping[str, Any], visit: Visitor) -> Any:
    """What the module returns. Values of calls are shown as they come, then those of modules."""
    watch = _Watch(visit)
    with watch.hooked(module), watch:
        return module(*args, **kwargs)


class _Watch(TorchFunctionMode):  # type: ignore[misc, unused-ignore]  # Any without torch
    def __init__(self, visit: Visitor) -> None:
        super().__init__()
        self._visit = visit
        self._stack: list[str] = []
        self._count: Counter[str] = Counter()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        name = op_name(func)
        if name not in _QUIET and isinstance(made, torch.Tensor | tuple | list):
            self._show(name, made, f"{name}({', '.join(map(_text, args))})", ())
        return made

    @contextlib.contextmanager
    def hooked(self, module: Any) -> Iterator[None]:
        """Modules tell when they are entered and what they return."""
        hooks = []
        for path, child in module.named_modules():
            hooks.append(child.register_forward_pre_hook(self._enter(path)))
            hooks.append(child.register_forward_hook(self._leave(path)))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _enter(self, path: str) -> Callable[..., None]:
        return lambda *_: self._stack.append(path)

    def _leave(self, path: str) -> Callable[..., None]:
        def leave(module: Any, _args: Any, made: Any) -> None:
            self._count[f"module {path}"] += 1
            count = self._count[f"module {path}"]
            left = path if count == 1 else f"{path}#{count}"
            name = type(module).__name__.lower()
            self._show(name, made, f"{type(module).__name__}(...)", (left,))
            self._stack.pop()

        return leave

    def _show(self, op: str, made: Any, call: str, leaves: tuple[str, ...]) -> None:
        tensors = [leaf for leaf in tree_leaves(made) if isinstance(leaf, torch.Tensor)]
        if not tensors:
            return
        self._count[op] += 1
        name = f"{op}_{self._count[op] - 1}" if self._count[op] > 1 else op
        module = self._stack[-1] if self._stack else ""
        frames = [f for f in traceback.extract_stack() if f.filename != __file__][-_FRAMES:]
        trace = "".join(traceback.format_list(frames))
        for index, tensor in enumerate(tensors):
            whole = name if len(tensors) == 1 else f"{name}__{index}"
            described = Traced(whole, op, module, call, trace, leaves=leaves)
            with torch._C.DisableTorchFunction():
                self._visit(described, lambda tensor=tensor: as_array(tensor))  # type: ignore[misc]


def _text(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"tensor{list(value.shape)}"
    return str(value) if isinstance(value, int | float | bool | str | None) else "..."
