"""New nodes, in the order in which they are computed, before they are put into a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import (
    AttributeProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    helper,
    numpy_helper,
)

from pyonnxtool import _core
from pyonnxtool.errors import UsageError
from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.op_schemas import tensor_type

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from onnx import ValueInfoProto

ANY_CONSTANT = 9
"""The first opset whose Constant is of any type; before, of floats."""


_LARGEST_KEY = 1 << 20
"""Bytes of a constant that is compared with others."""


def elem_type(dtype: str) -> int:
    """TensorProto.DataType of the name that operands have."""
    return int(TensorProto.DataType.Value(tensor_type(dtype)[len("tensor(") : -1].upper()))


_ALL_OUTPUTS = frozenset({"Loop", "Scan", "If"})
"""onnxruntime 1.31 crashes where an output of these is omitted."""


class Names:
    """Names that a model uses, and new ones."""

    def __init__(self, used: Iterable[str]) -> None:
        self._used = set(used)
        self._next: dict[str, int] = {}

    def fresh(self, base: str) -> str:
        """`base`, or `base_1`, `base_2`, ... where that is taken; taken from now on."""
        name, number = base, self._next.get(base, 0)
        while name in self._used:
            number += 1
            name = f"{base}_{number}"
        self._next[base] = number
        self._used.add(name)
        return name


class Tape:
    """Collects nodes and constants. Every method that makes a value returns its name.

    `opset` is the one that the new nodes are written for, `base` begins their names.
    """

    def __init__(self, opset: int, base: str, names: Names) -> None:
        self.opset = opset
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self.retyped: set[str] = set()
        """Values of the graph that will not have the type that is declared for them."""
        self._base = base
        self._names = names
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def op(self, op_type: str, *inputs: str | None, domain: str = "", **attributes: Any) -> str:
        """A node with one output. None or "" is an omitted input; attributes of None are left out.

        An attribute is an int, a float, text, a sequence of them, an array or a Tensor, a
        GraphProto or a Graph that is the body of a node.
        """
        return self.many(op_type, *inputs, outputs=1, domain=domain, **attributes)[0]

    def many(
        self,
        op_type: str,
        *inputs: str | None,
        outputs: int | Sequence[bool],
        domain: str = "",
        **attributes: Any,
    ) -> tuple[str, ...]:
        """A node with several outputs: how many, or whether each is wanted ("" where not)."""
        wanted = [True] * outputs if isinstance(outputs, int) else outputs
        if op_type in _ALL_OUTPUTS:
            wanted = [True] * len(wanted)
        made = tuple(self.fresh(op_type) if one else "" for one in wanted)
        given = [_name(one, op_type) for one in inputs]
        while given and not given[-1]:
            given.pop()
        node = NodeProto(op_type=op_type, domain=domain, input=given, output=made)
        node.name = next(filter(None, made), self._base)
        node.attribute.extend(
            _attribute(name, value) for name, value in attributes.items() if value is not None
        )
        self.nodes.append(node)
        return made

    def put(self, node: NodeProto) -> None:
        """A node as it is; its names are the caller's matter."""
        self.nodes.append(node)

    def const(self, value: ArrayLike, dtype: str | None = None) -> str:
        """A constant tensor of this dtype (that of the array, unless given).

        Equal ones are one, unless they are large.
        """
        array: NDArray[Any] = np.asarray(value, None if dtype is None else numpy_dtype(dtype))
        key = _key(array)
        if key is None or key not in self._known:
            tensor = numpy_helper.from_array(np.array(array), self.fresh("const"))
            self.constants.append(tensor)
            if key is None:
                return str(tensor.name)
            self._known[key] = tensor.name
        return self._known[key]

    def ints(self, values: Iterable[int]) -> str:
        """A 1-D int64 constant."""
        return self.const(np.array(list(values), np.int64))

    def fresh(self, suffix: str) -> str:
        """A name that nothing has, which begins with that of the node that is replaced."""
        return self._names.fresh(f"{self._base}/{suffix}")

    def cast(self, value: str, dtype: str) -> str:
        """Cast to the dtype, by the name that operands have: "float32", "int64", "bool"."""
        return self.op("Cast", value, to=elem_type(dtype))

    def body(
        self,
        inputs: Sequence[tuple[str, str, int | None]],
        build: Callable[[Tape, tuple[str, ...]], Sequence[tuple[str, str, int | None]]],
    ) -> GraphProto:
        """The body of a Loop, Scan or If: `inputs` are (name, dtype, rank or None for any).

        `build` is given a tape of the body and the names of its inputs, and returns the outputs in
        the same form. It may read values of the graph around it.
        """
        inner = Tape(self.opset, self._base, self._names)
        names = tuple(self.fresh(name) for name, _, _ in inputs)
        outputs: list[ValueInfoProto] = []
        for name, dtype, rank in build(inner, names):
            made = name  # an output has to be made in the body, once
            if not any(name in node.output for node in inner.nodes) or name in [
                one.name for one in outputs
            ]:
                made = inner.op("Identity", name)
            outputs.append(_declared(made, dtype, rank))
        types = [(dtype, rank) for _, dtype, rank in inputs]
        declared = [_declared(name, *told) for name, told in zip(names, types, strict=True)]
        if self.opset < ANY_CONSTANT:
            self.constants += inner.constants
            inner.constants = []
        for tensor in inner.constants:  # as nodes: old IR versions take no initializers in bodies
            node = helper.make_node("Constant", [], [tensor.name], value=tensor)
            inner.nodes.insert(0, node)
        return GraphProto(name=self.fresh("body"), node=inner.nodes, input=declared, output=outputs)


def _key(array: NDArray[Any]) -> tuple[str, tuple[int, ...], bytes] | None:
    """What equal constants have in common; None for one that is too large to be kept twice."""
    if array.nbytes > _LARGEST_KEY:
        return None
    content = repr(array.tolist()).encode() if array.dtype == object else array.tobytes()
    return str(array.dtype), array.shape, content


def _name(given: Any, op_type: str) -> str:
    if given is None or isinstance(given, str):
        return given or ""
    raise UsageError(
        f"an input of {op_type} is a {type(given).__name__}, and the tape takes names of values; "
        "a constant is one: tape.const(array)"
    )


def _attribute(name: str, value: Any) -> AttributeProto:
    if isinstance(value, _core.Graph):
        value = _body_of(value)
    elif isinstance(value, np.ndarray | _core.Tensor):
        array = value if isinstance(value, np.ndarray) else value.numpy()
        value = numpy_helper.from_array(array)
    elif isinstance(value, bool | np.integer):
        value = int(value)
    elif isinstance(value, np.floating):
        value = float(value)
    elif isinstance(value, list | tuple) and not value:
        return helper.make_attribute(name, value, attr_type=AttributeProto.INTS)
    return helper.make_attribute(name, value)


def _body_of(graph: _core.Graph) -> GraphProto:
    """A body of a node of a model, to be that of another node."""
    around = graph.parent
    for node in around.nodes if around is not None else ():
        for name, value in node.attributes.items():
            if isinstance(value, _core.Graph) and value == graph:
                alone = ModelProto.FromString(node.alone().to_bytes()).graph.node[0]
                made = GraphProto()
                made.CopyFrom(next(one.g for one in alone.attribute if one.name == name))
                return made
    raise UsageError("a graph that is no body of a node cannot be an attribute")


def _declared(name: str, dtype: str, rank: int | None) -> ValueInfoProto:
    shape = None if rank is None else [None] * rank
    return helper.make_tensor_value_info(name, elem_type(dtype), shape)
