"""Operators that users wrote become nodes, with constants of the types that the operators take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx.defs import OpSchema

from pyonnxtool.errors import UsageError
from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.op_schemas import schema_at, tensor_type
from pyonnxtool.rewriting.operand import home_of
from pyonnxtool.rewriting.tape import elem_type
from pyonnxtool.surgery.op_text import Call, Constant, Edge, Named
from pyonnxtool.surgery.selection import nothing_called

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool._core import Graph, Value
    from pyonnxtool.rewriting.operand import Facts
    from pyonnxtool.surgery.op_text import Operand

_FLOATS = ("float16", "bfloat16", "float32", "float64")
_NATURAL = ("float32", "int64", "bool", "int32", "float64", "uint8", "int8")
"""Dtypes of a constant that nothing else decides, the first that the operator takes."""


@dataclass
class OpBuilder:
    """Puts calls into a graph of a model whose facts these are."""

    facts: Facts
    version: int
    """Opset of ai.onnx."""
    name: str = ""
    """Of the node that a call becomes; "" names it after its operator."""

    def build(self, call: Call, value: Value) -> Value:
        """What the call makes of the value. Raises UsageError for an operand that does not fit."""
        made = self._put(call, value, self.name)
        self.facts.outdated()
        return made

    def _put(self, call: Call, value: Value, name: str = "") -> Value:
        graph = value.graph
        schema = schema_at(call.op_type, self.version, "") if not call.domain else None
        given = [self._value(one, value) for one in call.operands]
        for place, one in enumerate(call.operands):
            if isinstance(one, Constant):
                dtype = self._dtype(schema, place, given)
                given[place] = _constant(graph, one, dtype, f"{call.op_type}_constant")
        count = max(schema.min_output, 1) if schema is not None else 1
        named = _free_name(graph, name) if name else ""
        found = graph.op(call.op_type, *given, outputs=count, domain=call.domain, name=named)
        made: Value = found if count == 1 else found[0]
        assert made.producer is not None
        for key, setting in call.attributes.items():
            made.producer.set_attribute(key, _attribute(call, schema, key, setting))
        return made

    def _value(self, operand: Operand, value: Value) -> Value | None:
        if isinstance(operand, Edge):
            return value
        if isinstance(operand, Named):
            home = home_of(operand.name, value.graph)
            if home is None:
                there = [one.name for one in value.graph.values]
                raise nothing_called(operand.name, there, "value")
            return home.value(operand.name)
        if isinstance(operand, Call):
            made = self._put(operand, value)
            self.facts.outdated()
            return made
        return None

    def _dtype(
        self, schema: OpSchema | None, place: int, given: Sequence[Value | None]
    ) -> str | None:
        """What a constant at this place has to be; None where the operator does not say."""
        dtypes = [self._dtype_of(one) for one in given]
        if schema is None or not schema.inputs:
            return next((one for one in dtypes if one in _FLOATS), None)
        params = schema.inputs
        at = [params[min(i, len(params) - 1)] for i in range(len(given))]
        for param, dtype in zip(at, dtypes, strict=True):
            if dtype is not None and param.type_str == at[place].type_str:
                return dtype
        return next((one for one in _NATURAL if tensor_type(one) in at[place].types), None)

    def _dtype_of(self, value: Value | None) -> str | None:
        if value is None:
            return None
        fact = self.facts.of(value.name, value.graph)
        return value.dtype if fact is None or fact.dtype is None else fact.dtype


def _free_name(graph: Graph, base: str) -> str:
    """One that no value and no node has."""
    there = {node.name for node in graph.nodes}
    made = graph.fresh_name(base)
    while made in there:
        base += "_new"
        made = graph.fresh_name(base)
    return made


def _constant(graph: Graph, constant: Constant, dtype: str | None, name: str) -> Value:
    if constant.array is not None:
        return graph.constant(constant.array, name)
    try:
        array = np.asarray(constant.value)
    except ValueError as error:
        raise UsageError(f"{constant.value!r} is no tensor: its rows differ in length") from error
    if array.dtype.kind not in "biuf":
        raise UsageError(f"{constant.value!r} is no tensor of numbers; write npy('file.npy')")
    if dtype is None:
        return graph.constant(constant.value, name)
    if not _fits(array, dtype):
        raise UsageError(
            f"{constant.value!r} does not fit {dtype}, which the value beside it is; write one "
            "that does, or Cast the value first"
        )
    return graph.constant(constant.value, name, dtype)


def _fits(array: NDArray[Any], dtype: str) -> bool:
    """Whether numbers keep their meaning: integers all of it, floats their size."""
    with np.errstate(all="ignore"):
        there = array.astype(numpy_dtype(dtype))
        if dtype in _FLOATS:
            return bool(np.all(np.isfinite(there) == np.isfinite(array)))
        return bool(np.all(there == array))


def _attribute(call: Call, schema: OpSchema | None, key: str, given: Any) -> Any:
    """As the schema has it: whole floats, names of dtypes, lists of one."""
    known = schema.attributes.get(key) if schema is not None else None
    if isinstance(given, bool):
        given = int(given)
    if known is None:
        return given
    kinds = OpSchema.AttrType
    if known.type == kinds.INT and isinstance(given, str):
        try:
            return elem_type(given)
        except (KeyError, ValueError) as error:
            raise UsageError(
                f"{call.called} takes a number as {key}, or the name of a dtype, and not {given!r}"
            ) from error
    if known.type == kinds.FLOAT and isinstance(given, int):
        return float(given)
    several = isinstance(given, list | tuple)
    if known.type in (kinds.INTS, kinds.FLOATS) and not several:
        given = [given]
    if known.type == kinds.FLOATS:
        return [float(one) for one in given]
    return given
