"""A part of an exported program in float64: what it means, without its own rounding."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch

from pyonnxtool.backends import Array
from pyonnxtool.backends._torch_graph import op_name
from pyonnxtool.backends._torch_steps import steps_of
from pyonnxtool.backends._torch_tensors import as_array, as_tensor


class Region:
    """The nodes that compute one value from some others."""

    def __init__(self, graph_module: Any, name: str, given: Collection[str]) -> None:
        self._name = name
        nodes = {node.name: node for node in graph_module.graph.nodes}
        whole = name.partition("/")[0]
        # "split__1" is the second value of split, "add__1" the second node of an add in place.
        self._target = nodes[whole if whole in nodes else whole.rpartition("__")[0]]
        needed, pending = {self._target}, [self._target]
        self.frontier: set[str] = set()
        while pending:
            for read in pending.pop().all_input_nodes:
                if read.name in given:
                    self.frontier.add(read.name)
                elif read not in needed:
                    needed.add(read)
                    pending.append(read)
        self._nodes = [node for node in graph_module.graph.nodes if node in needed]
        self._known = {name: nodes[name] for name in self.frontier}

    def exact(self, held: Mapping[Any, Any], values: Mapping[str, Array]) -> Array | None:
        """`held` are the placeholders' tensors, `values` those of the frontier.

        None for nodes that do not compute with tensors only.
        """
        found = {node: _wide(as_tensor(values[name])) for name, node in self._known.items()}
        for node in self._nodes:
            if node.op == "placeholder":
                found[node] = _wide(held[node])
                continue
            if node.op != "call_function":
                return None
            args = torch.fx.node.map_arg((node.args, node.kwargs), found.__getitem__)
            args, kwargs = _in_float64(args)
            if node is self._target and "/" in self._name:
                return self._step(node, args, kwargs)
            found[node] = node.target(*args, **kwargs)
        made = found[self._target]
        if isinstance(made, tuple | list):
            made = made[int(self._name.rpartition("__")[2])]
        return as_array(made)

    def _step(self, node: Any, args: Any, kwargs: Any) -> Array | None:
        wanted, _, again = self._name.partition("/")[2].partition("#")
        made = [v for step, v in steps_of(op_name(node.target), args, kwargs) if step == wanted]
        return as_array(made[int(again or 1) - 1])


def _wide(value: Any) -> Any:
    floats = isinstance(value, torch.Tensor) and value.is_floating_point()
    return value.double() if floats else value


def _in_float64(args: Any) -> Any:
    """Casts to a float type are casts to float64."""
    if isinstance(args, torch.dtype):
        return torch.float64 if args.is_floating_point else args
    if isinstance(args, tuple | list):
        return type(args)(_in_float64(item) for item in args)
    if isinstance(args, dict):
        return {key: _in_float64(item) for key, item in args.items()}
    return args
