"""An exported program, run node by node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from pyonnxtool.backends._torch_steps import steps_of
from pyonnxtool.backends._torch_tensors import as_array
from pyonnxtool.backends._traced import Traced, Visitor

_WRAPPERS = ("wrap_with_set_grad_enabled", "wrap_with_autocast")
"""Calls of a part of the graph under a setting; what is computed inside is of interest."""


def run_graph(graph_module: Any, inputs: Sequence[Any], visit: Visitor | None = None) -> Any:
    """What the graph returns. Values are forgotten when nothing reads them any more."""
    return _Run(graph_module, visit, _Described()).run(inputs)


def is_mutating(graph_module: Any) -> bool:
    """Whether some operation writes into a tensor that it was given."""
    for node in graph_module.graph.nodes:
        schema = getattr(node.target, "_schema", None)
        if node.op == "call_function" and schema is not None and schema.is_mutable:
            return True
    return any(is_mutating(child) for child in graph_module.children() if hasattr(child, "graph"))


class _Run:
    def __init__(self, graph_module: Any, visit: Visitor | None, described: _Described) -> None:
        self._module, self._visit, self._described = graph_module, visit, described
        self._values: dict[Any, Any] = {}
        self._last: dict[Any, list[Any]] = {}
        seen: set[Any] = set()
        for node in reversed(graph_module.graph.nodes):
            for read in node.all_input_nodes:
                if read not in seen:
                    seen.add(read)
                    self._last.setdefault(node, []).append(read)

    def run(self, inputs: Sequence[Any]) -> Any:
        given = iter(inputs)
        for node in self._module.graph.nodes:
            if node.op == "placeholder":
                self._values[node] = next(given)
                continue
            if node.op == "output":
                return self._filled(node.args[0])
            if self._visit is not None and node.op == "call_function":
                self._show_steps(node)
            value = self._call(node)
            self._values[node] = value
            if self._visit is not None and node.op != "get_attr":
                self._show(node, value)
            for read in self._last.get(node, ()):
                self._values.pop(read, None)
        raise AssertionError("a graph without an output node")

    def _call(self, node: Any) -> Any:
        args, kwargs = self._filled(node.args), self._filled(node.kwargs)
        if node.op == "get_attr":
            found = self._module
            for part in node.target.split("."):
                found = getattr(found, part)
            return found
        if node.op == "call_module":
            return self._module.get_submodule(node.target)(*args, **kwargs)
        if node.op == "call_method":
            return getattr(args[0], node.target)(*args[1:], **kwargs)
        if getattr(node.target, "__name__", "") in _WRAPPERS and self._visit is not None:
            return self._call_part(args)
        return node.target(*args, **kwargs)

    def _call_part(self, args: Sequence[Any]) -> Any:
        """Values are watched without gradients anyway, so the setting itself is left out."""
        at = next(i for i, arg in enumerate(args) if isinstance(arg, torch.nn.Module))
        if at > 1:  # autocast: it changes dtypes, so it has to run as it is
            device, dtype, enabled, cache = args[:at]
            with torch.autocast(device, dtype=dtype, enabled=enabled, cache_enabled=cache):
                return _Run(args[at], self._visit, self._described).run(args[at + 1 :])
        return _Run(args[at], self._visit, self._described).run(args[at + 1 :])

    def _filled(self, args: Any) -> Any:
        return torch.fx.node.map_arg(args, lambda node: self._values[node])

    def _show_steps(self, node: Any) -> None:
        assert self._visit is not None
        args, kwargs = self._filled(node.args), self._filled(node.kwargs)
        count: Counter[str] = Counter()
        for step, value in steps_of(op_name(node.target), args, kwargs):
            count[step] += 1
            again = f"#{count[step]}" if count[step] > 1 else ""
            whole = self._described.of(node, f"{node.name}/{step}{again}")
            described = replace(whole, op=step, step=True, leaves=())
            self._visit(described, lambda value=value: as_array(value))  # type: ignore[misc]

    def _show(self, node: Any, value: Any) -> None:
        assert self._visit is not None
        if isinstance(value, torch.Tensor):
            if not _is_getitem(node):  # shown when it was made
                self._visit(self._described.of(node, node.name), lambda: as_array(value))
        elif isinstance(value, list | tuple):
            for index, item in enumerate(value):
                if isinstance(item, torch.Tensor):
                    described = self._described.of(node, f"{node.name}__{index}", index)
                    self._visit(described, lambda item=item: as_array(item))  # type: ignore[misc]


class _Described:
    """What is said of nodes; modules that are called again are counted."""

    def __init__(self) -> None:
        self._calls: dict[str, str] = {}
        self._count: Counter[str] = Counter()

    def of(self, node: Any, name: str, index: int | None = None) -> Traced:
        stack = _stack(node)
        return Traced(
            name=name,
            op=op_name(node.target),
            module=list(stack.values())[-1] if stack else "",
            call=call_text(node),
            trace=node.meta.get("stack_trace") or "",
            leaves=tuple(self._path(key, stack[key]) for key in _left(node, stack, index)),
        )

    def _path(self, key: str, path: str) -> str:
        if key not in self._calls:
            self._count[path] += 1
            count = self._count[path]
            self._calls[key] = path if count == 1 else f"{path}#{count}"
        return self._calls[key]


def _stack(node: Any) -> dict[str, str]:
    """Key of each module call around the node to the module's path, outermost first."""
    found = node.meta.get("nn_module_stack") or {}
    return {key: path for key, (path, _) in found.items()}


def _left(node: Any, stack: Mapping[str, str], index: int | None) -> list[str]:
    """Keys of the module calls that somebody outside of them reads the value of."""
    readers = list(node.users)
    if index is not None:
        picked = [n for n in readers if _is_getitem(n) and n.args[1] == index]
        readers = [reader for item in picked for reader in item.users]
    outside = [set() if reader.op == "output" else set(_stack(reader)) for reader in readers]
    return [key for key in stack if any(key not in keys for keys in outside)]


def _is_getitem(node: Any) -> bool:
    return getattr(node.target, "__name__", "") == "getitem"


def op_name(target: Any) -> str:
    """`aten.add_.Tensor` and `torch.add` are both "add"."""
    name = getattr(target, "_opname", None) or getattr(target, "__name__", str(target))
    return str(name).strip("_")


def call_text(node: Any) -> str:
    """The call as people write it: literal arguments with their names, tensors by theirs."""
    schema = getattr(node.target, "_schema", None)
    names = [argument.name for argument in schema.arguments] if schema is not None else []
    shown = []
    for index, value in enumerate(node.args):
        literal = not isinstance(value, torch.fx.Node) and index < len(names)
        shown.append(f"{names[index]}={value}" if literal else str(value))
    shown += [f"{name}={value}" for name, value in node.kwargs.items()]
    return f"{op_name(node.target)}({', '.join(shown)})"
