"""What the model does with an input: looks up rows with it, counts with it, masks with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.op_schemas import plain_domain

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Model, Node, Value

_SAME_ELEMENTS = {
    "Cast",
    "Concat",
    "Expand",
    "Flatten",
    "Identity",
    "Reshape",
    "Slice",
    "Split",
    "Squeeze",
    "Tile",
    "Transpose",
    "Unsqueeze",
}
_INDEX_SLOT = {"Gather": 1, "GatherElements": 1, "ScatterElements": 1, "GatherND": 1}
_TABLE_SLOTS = {
    ("com.microsoft", "EmbedLayerNormalization", 0): 2,
    ("com.microsoft", "EmbedLayerNormalization", 1): 4,
    ("com.microsoft", "EmbedLayerNormalization", 8): 3,
    ("com.microsoft", "QEmbedLayerNormalization", 0): 2,
    ("com.microsoft", "QEmbedLayerNormalization", 1): 4,
    ("com.microsoft", "RotaryEmbedding", 1): 2,
    ("com.microsoft", "MRotaryEmbedding", 1): 2,
    ("", "RotaryEmbedding", 3): 1,
}
"""Domain, operator and slot of places in a table; the slot that the table is in."""
# What a slot needs to hold so that the node can run, whatever the sizes are.
_FILLED_SLOTS = {
    ("Loop", 0): "count",
    ("Loop", 1): "ones",
    ("If", 0): "ones",
    ("Reshape", 1): "keep_size",
    ("Expand", 1): "ones",
    ("Tile", 1): "ones",
    ("ConstantOfShape", 0): "count",
    ("TopK", 1): "ones",
    ("Range", 0): "zeros",
    ("Range", 1): "count",
    ("Range", 2): "ones",
    ("Slice", 1): "zeros",
    ("Slice", 2): "ones",
    ("Slice", 3): "axes",
    ("Slice", 4): "ones",
    ("Squeeze", 1): "zeros",
    ("Unsqueeze", 1): "axes",
    ("Pad", 1): "zeros",
    ("CumSum", 1): "zeros",
    ("OneHot", 1): "count",
    ("NonMaxSuppression", 2): "count",
    ("NonMaxSuppression", 3): "positive",
    ("NonMaxSuppression", 4): "positive",
    ("Resize", 2): "ones",
    ("Upsample", 1): "ones",
    ("Dropout", 1): "zeros",
    ("Dropout", 2): "zeros",
    ("BatchNormalization", 4): "positive",
    ("QuantizeLinear", 1): "positive",
    ("DequantizeLinear", 1): "positive",
    ("LSTM", 4): "ones",
    ("GRU", 4): "ones",
    ("RNN", 4): "ones",
}
_REDUCTIONS = ["Max", "Mean", "Min", "Prod", "Sum", "SumSquare", "L1", "L2", "LogSum", "LogSumExp"]
_FILLED_SLOTS |= {(f"Reduce{kind}", 1): "axes" for kind in _REDUCTIONS}


@dataclass(frozen=True)
class Role:
    """What one input is for."""

    bound: int | None = None
    """It is used as an index below this. 0 when the table's size is not known."""
    fill: str = ""
    """"ones", "zeros", "axes", "count", "keep_size" or "positive", "" for anything."""


class Uses:
    """Who reads each value, bodies of control flow included. Built once per model."""

    def __init__(self, model: Model) -> None:
        self._readers: dict[str, list[tuple[Node, int]]] = defaultdict(list)
        self._makers: dict[str, Node] = {}
        self._values: dict[str, Value] = {}
        self._collect(model.graph)

    def role(self, name: str) -> Role:
        """The role of the input called `name`, followed through whatever only moves elements."""
        bounds: list[int] = []
        fills: list[str] = []
        seen: set[tuple[str, int]] = set()
        pending: list[tuple[str, int]] = [(name, 0)]
        while pending:
            current = pending.pop()
            if current in seen:
                continue
            seen.add(current)
            for node, slot in self._readers[current[0]]:
                offset = current[1]
                bound = self._bound(node, slot)
                if bound is not None:
                    bounds.append(max(bound - offset, 0))
                elif current[0] == name and (node.op_type, slot) in _FILLED_SLOTS:
                    fills.append(_FILLED_SLOTS[node.op_type, slot])
                pending += self._onward(node, slot, offset)
        return Role(min(bounds) if bounds else None, fills[0] if fills else "")

    def _collect(self, graph: Graph) -> None:
        """Names are unique over a graph and its bodies, so one table serves them all."""
        for value in graph.values:
            self._values.setdefault(value.name, value)
        for node in graph.nodes:
            for slot, name in enumerate(node.input_names):
                if name:
                    self._readers[name].append((node, slot))
            for name in node.output_names:
                if name:
                    self._makers[name] = node
            for body in node.subgraphs:
                self._collect(body)

    def _bound(self, node: Node, slot: int) -> int | None:
        """The size of the table that this slot indexes; 0 when it is not known."""
        op = node.op_type
        if op == "OneHot" and slot == 0:
            depth = self._constant(node.input_names[1])
            return int(depth.reshape(-1)[0]) if depth is not None and depth.size else 0
        table = _TABLE_SLOTS.get((plain_domain(node.domain), op, slot))
        if table is not None:
            given = table < len(node.input_names) and node.input_names[table]
            return self._rows(node, table, 0) if given else 0
        if _INDEX_SLOT.get(op) == slot:
            axis = node.attributes.get("axis", 0) if op != "GatherND" else 0
            return self._rows(node, 0, axis if isinstance(axis, int) else 0)
        if op == "ScatterND" and slot == 1:
            return self._rows(node, 0, 0)
        return None

    def _rows(self, node: Node, slot: int, axis: int) -> int:
        shape = self._shape(node.input_names[slot])
        if shape is None or not -len(shape) <= axis < len(shape):
            return 0
        size = shape[axis]
        return size if isinstance(size, int) else 0

    def _shape(self, name: str) -> tuple[int | str | None, ...] | None:
        """The value's shape, also through what keeps it when no shape is written down."""
        maker: Node | None = None
        for _ in range(len(self._makers) + 1):
            value = self._values.get(name)
            if value is not None and value.initializer is not None:
                return value.initializer.shape
            if value is not None and value.shape is not None:
                return value.shape
            maker = self._makers.get(name)
            if maker is None or maker.op_type not in ("Identity", "Cast", "DequantizeLinear"):
                break
            name = maker.input_names[0]
        if maker is not None and maker.op_type == "Transpose":
            return self._transposed(maker)
        constant = self._constant(name)
        return None if constant is None else constant.shape

    def _transposed(self, node: Node) -> tuple[int | str | None, ...] | None:
        shape = self._shape(node.input_names[0])
        if shape is None:
            return None
        order: Any = node.attributes.get("perm", range(len(shape))[::-1])
        return tuple(shape[axis] for axis in order)

    def _constant(self, name: str) -> np.ndarray[Any, Any] | None:
        value = self._values.get(name)
        if value is not None and value.initializer is not None:
            return value.initializer.numpy()
        maker = self._makers.get(name)
        if maker is None or maker.op_type != "Constant":
            return None
        for attribute in maker.attributes.values():
            if isinstance(attribute, int | float | list):
                return np.asarray(attribute)
            if hasattr(attribute, "numpy"):
                return np.asarray(attribute.numpy())
        return None

    def _onward(self, node: Node, slot: int, offset: int) -> Iterable[tuple[str, int]]:
        """Where the elements go next, and how much has been added to them."""
        op = node.op_type
        outputs = [name for name in node.output_names if name]
        if op in _SAME_ELEMENTS and (slot == 0 or op == "Concat"):
            return [(name, offset) for name in outputs]
        if op == "Where" and slot > 0:
            return [(name, offset) for name in outputs]
        if op in ("Gather", "GatherElements", "GatherND", "Clip", "Max", "Min") and slot == 0:
            return [(name, offset) for name in outputs]
        if op in ("Add", "Sub"):
            added = self._constant(node.input_names[1 - slot])
            if added is not None and added.size == 1 and (op == "Add" or slot == 0):
                step = int(added.reshape(-1)[0])
                return [(name, offset + (step if op == "Add" else 0)) for name in outputs]
        if op in ("Loop", "Scan") and node.subgraphs:
            inner = node.subgraphs[0].inputs
            return [(inner[slot].name, offset)] if slot < len(inner) else []
        return []
