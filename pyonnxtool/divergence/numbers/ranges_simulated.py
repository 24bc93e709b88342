"""A model whose nodes round what they read and make to a narrower float, each at will.

One session serves every choice of nodes: a boolean input for each node in question says whether
it stays in float32. Sums inside a node keep the width that the runtime gives them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.divergence.compare import Array
from pyonnxtool.errors import UsageError
from pyonnxtool.model import from_proto

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto
    from typing_extensions import Self

    from pyonnxtool._core import Model
    from pyonnxtool.divergence.probe import Feeds, Side

_FLOAT = 1
_CODES = {"float16": 10, "bfloat16": 16, "float8e4m3fn": 17, "float8e5m2": 19}
_SINCE = {"float16": 6, "bfloat16": 13, "float8e4m3fn": 19, "float8e5m2": 19}
_WHOLE = ("Shape", "Size", "Constant", "If", "Loop", "Scan", "SequenceMap")
"""Operators that read no numbers, and those whose bodies stay as they are."""
_WIDE_INPUTS = {"Resize": 1, "Upsample": 1}
"""Inputs from this slot on are float32 by the operator's definition."""


@dataclass(frozen=True)
class Tried:
    """A model, what it is fed, the narrower type, and the names of its float32 values."""

    side: Side
    samples: Sequence[Feeds]
    dtype: str
    floats: set[str]


class Rounded:
    """The model with rounding nodes, ready to run. A context manager.

    Raises UsageError where the opset lacks the type, BackendError where the runtime does.
    """

    def __init__(self, tried: Tried, nodes: Sequence[int]) -> None:
        side, dtype = tried.side, tried.dtype
        opset = side.model.opset_imports.get("", 1)
        if opset < _SINCE[dtype]:
            raise UsageError(f"opset {opset} has no {dtype}, it needs {_SINCE[dtype]}")
        self._flags = {id: f"pyonnxtool:keep:{id}" for id in nodes}
        self._samples = [dict(feeds) for feeds in tried.samples]
        self._expected = [side.run_whole(feeds) for feeds in self._samples]
        self._outputs = [value.name for value in side.model.graph.outputs]
        made = _Rounding(_CODES[dtype], tried.floats, self._flags).apply(side.model)
        plain = replace(side, options=replace(side.options, level="none"))
        self._session = plain.open(from_proto(made, side.model.folder))

    def error(self, keep: set[int]) -> float:
        """How far the outputs are off, relative to their scale; infinite for a new NaN or Inf."""
        flags = {name: np.asarray(id in keep) for id, name in self._flags.items()}
        worst = 0.0
        for feeds, expected in zip(self._samples, self._expected, strict=True):
            made = self._session.run({**feeds, **flags})
            for name in self._outputs:
                worst = max(worst, _relative(expected[name], made[name]))
            if math.isinf(worst):
                break
        return worst

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.close()


class _Rounding:
    def __init__(self, code: int, floats: set[str], flags: Mapping[int, str]) -> None:
        self._code, self._floats, self._flags = code, floats, flags
        self._nodes: list[NodeProto] = []
        self._narrow: dict[str, str] = {}

    def apply(self, model: Model) -> ModelProto:
        """The same graph with a rounding behind every float32 value that a node reads or makes."""
        from onnx import ModelProto, helper  # noqa: PLC0415 - loaded when it is needed

        self._make = helper.make_node
        proto = ModelProto()
        weights = "link" if model.folder else "inside"
        proto.ParseFromString(model.to_bytes(weights=weights, folder=model.folder))
        place = {node.id: index for index, node in enumerate(model.graph.nodes)}
        for node in model.graph.order():
            self._add(proto.graph.node[place[node.id]], self._flags.get(node.id))
        del proto.graph.node[:]
        proto.graph.node.extend(self._nodes)
        for name in self._flags.values():
            proto.graph.input.append(helper.make_tensor_value_info(name, 9, []))
        return proto

    def _add(self, node: NodeProto, flag: str | None) -> None:
        if node.op_type in _WHOLE:
            self._nodes.append(node)
            return
        wide_from = _WIDE_INPUTS.get(node.op_type, len(node.input))
        for slot, name in enumerate(node.input[:wide_from]):
            if name in self._floats:
                node.input[slot] = self._read(name, flag)
        made = [name for name in node.output if name in self._floats]
        for slot, name in enumerate(node.output):
            if name in self._floats:
                node.output[slot] = f"{name}:wide"
        self._nodes.append(node)
        for name in made:
            self._round(f"{name}:wide", name if flag is None else f"{name}:narrow")
            if flag is not None:
                self._op("Where", [flag, f"{name}:wide", f"{name}:narrow"], name)

    def _read(self, name: str, flag: str | None) -> str:
        if name not in self._narrow:
            self._narrow[name] = f"{name}:read"
            self._round(name, self._narrow[name])
        if flag is None:
            return self._narrow[name]
        chosen = f"{name}:read:{flag}"
        if chosen not in self._narrow:
            self._narrow[chosen] = chosen
            self._op("Where", [flag, name, self._narrow[name]], chosen)
        return chosen

    def _round(self, source: str, target: str) -> None:
        exact: dict[str, Any] = {"saturate": 0} if self._code >= 17 else {}
        self._op("Cast", [source], f"{target}:cast", to=self._code, **exact)
        self._op("Cast", [f"{target}:cast"], target, to=_FLOAT)

    def _op(self, op_type: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self._nodes.append(self._make(op_type, inputs, [output], **attributes))


def _relative(ours: object, theirs: object) -> float:
    """Largest |difference| over the scale; infinite for a NaN or Inf that was not there before."""
    if not isinstance(ours, np.ndarray) or not isinstance(theirs, np.ndarray):
        return 0.0
    if ours.dtype.kind != "f" or ours.shape != theirs.shape:
        return 0.0  # labels and indices may change where two scores are nearly equal
    wide, other = ours.astype(np.float64), theirs.astype(np.float64)
    return _off(wide, other)


def _off(wide: Array, other: Array) -> float:
    with np.errstate(all="ignore"):
        same = (wide == other) | (np.isnan(wide) & np.isnan(other))
        off = np.abs(wide - other)[~same]
    if off.size == 0:
        return 0.0
    scale = np.abs(wide[np.isfinite(wide)])
    if not np.isfinite(off).all() or scale.size == 0:
        return math.inf
    return float(off.max()) / (float(scale.max()) or 1.0)
