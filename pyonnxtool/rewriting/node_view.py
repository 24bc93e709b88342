"""A node as a rule reads it: operands by their schema names, attributes with their defaults."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import ModelProto, helper

from pyonnxtool.op_schemas import schema_at
from pyonnxtool.rewriting.operand import Operand
from pyonnxtool.rewriting.refusal import Refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import NodeProto
    from onnx.defs import OpSchema

    from pyonnxtool._core import Graph, Node
    from pyonnxtool.rewriting.operand import Facts

SPECIALIZE = "fix the shapes first: pyonnxtool specialize"
"""Advice where something is only known when the model runs."""


class NodeView:
    """A node at one opset, read only.

    `node["axes"]` is the operand of that schema name, `node.inputs[1]` the one at that place; both
    are names that a tape takes, and know their dtype, shape and elements. Attributes that the node
    does not have are the schema's default.
    """

    def __init__(self, node: Node, opset: int, facts: Facts) -> None:
        self.node = node
        self.opset = opset
        self.graph: Graph = node.graph
        self.op_type = node.op_type
        self.domain = node.domain
        self.label = node.name or next(filter(None, node.output_names), "")
        """How messages name it: its name, or what it makes."""
        self.inputs = tuple(Operand(name, self.graph, facts) for name in node.input_names)
        self.outputs = tuple(Operand(name, self.graph, facts) for name in node.output_names)

    @cached_property
    def schema(self) -> OpSchema:
        """That of the operator at the opset. Raises KeyError for an operator without one."""
        schema = schema_at(self.op_type, self.opset, self.domain)
        if schema is None:
            raise KeyError(f"{self.op_type} has no schema at opset {self.opset}")
        return schema

    def __getitem__(self, name: str) -> Operand:
        """An input, or an output, by its name in the schema; falsy when it is omitted.

        Of one name for both, the input. Raises KeyError when the schema has neither.
        """
        for params, operands in (
            (self.schema.inputs, self.inputs),
            (self.schema.outputs, self.outputs),
        ):
            for place, param in enumerate(params):
                if param.name == name:
                    return operands[place] if place < len(operands) else self._omitted()
        raise KeyError(f"{self.op_type} has no operand {name!r} at opset {self.opset}")

    def out(self, place: int = 0) -> Operand:
        """The output at this place; falsy when it is omitted."""
        return self.outputs[place] if place < len(self.outputs) else self._omitted()

    def arg(self, place: int) -> Operand:
        """The input at this place; falsy when it is omitted."""
        return self.inputs[place] if place < len(self.inputs) else self._omitted()

    def has(self, name: str) -> bool:
        """Whether the operand is there."""
        return bool(self[name])

    def _omitted(self) -> Operand:
        return Operand("", self.graph, self.inputs[0]._facts if self.inputs else _NOTHING)

    def inside(self, body: Graph, name: str) -> Operand:
        """A value as it is seen from a body of this node."""
        return Operand(name, body, (self.inputs or self.outputs)[0]._facts)

    @cached_property
    def attributes(self) -> dict[str, Any]:
        """Those that the node itself has, as the core reads them."""
        return self.node.attributes

    def given(self, name: str) -> bool:
        """Whether the node itself has the attribute."""
        return name in self.attributes

    def attr(self, name: str, default: Any = None) -> Any:
        """The attribute, the schema's default, or `default`. Custom operators have no schema."""
        if name in self.attributes:
            return self.attributes[name]
        schema = schema_at(self.op_type, self.opset, self.domain)
        known = schema.attributes.get(name) if schema is not None else None
        if known is None or not known.default_value.type:
            return default
        value = helper.get_attribute_value(known.default_value)
        return value.decode() if isinstance(value, bytes) else value

    def attr_int(self, name: str, default: int | None = None) -> int:
        """Raises KeyError when there is neither attribute nor default."""
        return int(self._sure(name, default))

    def attr_float(self, name: str, default: float | None = None) -> float:
        """Raises KeyError when there is neither attribute nor default."""
        return float(self._sure(name, default))

    def attr_str(self, name: str, default: str | None = None) -> str:
        """Raises KeyError when there is neither attribute nor default."""
        return str(self._sure(name, default))

    def attr_ints(self, name: str, default: Sequence[int] | None = None) -> list[int] | None:
        """`default` when the node has none."""
        found = self.attr(name, default)
        return None if found is None else [int(one) for one in found]

    def _sure(self, name: str, default: Any) -> Any:
        found = self.attr(name, default)
        if found is None:
            raise KeyError(f"{self.op_type} has no attribute {name!r} and it has no default")
        return found

    def const(self, name: str) -> NDArray[Any] | None:
        """The elements of an operand that do not depend on the model's inputs, else None."""
        return self[name].const

    def const_ints(self, name: str, default: Sequence[int] | None = None) -> list[int] | None:
        """Integers of a constant operand; `default` when it is omitted; None: not constant."""
        operand = self[name]
        if not operand:
            return None if default is None else list(default)
        found = operand.const
        return None if found is None else [int(one) for one in np.ravel(found)]

    def dtype(self, name: str) -> str | None:
        """Element type of an operand: "float32"; None when it is not known."""
        return self[name].dtype

    def shape(self, name: str) -> tuple[int | None, ...] | None:
        """Sizes of an operand; None for one that is no number."""
        return self[name].shape

    def rank(self, name: str) -> int | None:
        """Number of axes of an operand; None when it is not known."""
        return self[name].rank

    def refuse(self, reason: str, advice: str = "") -> Refusal:
        """A refusal of this node: why, and what would help."""
        return Refusal(self.label, self.op_type, f"{reason}; {advice}" if advice else reason)

    def refuse_dynamic(self, what: str) -> Refusal:
        """A refusal because `what` is only known when the model runs: "`axes`", "its rank"."""
        return self.refuse(f"{what} is only known when the model runs", SPECIALIZE)

    def to_proto(self) -> NodeProto:
        """The node as the onnx package has it, bodies included."""
        made: NodeProto = ModelProto.FromString(self.node.alone().to_bytes()).graph.node[0]
        return made


class _NoFacts:
    """What is known where there is no graph."""

    def of(self, name: str, graph: Graph) -> None:
        """Nothing."""


_NOTHING: Any = _NoFacts()
