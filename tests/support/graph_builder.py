"""Writes small ONNX models as straight code: each op returns the name of its output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Feed = dict[str, NDArray[Any]]

IR_VERSIONS = {11: 6, 12: 7, 13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10}


@dataclass(frozen=True)
class Case:
    """A model and the samples that it is judged on."""

    name: str
    model: onnx.ModelProto
    feeds: tuple[Feed, ...]


class Builder:
    """A graph under construction. All randomness comes from its own seeded generator."""

    def __init__(self, name: str, opset: int = 17, seed: int = 0) -> None:
        self.name = name
        self.opset = opset
        self.rng = np.random.default_rng([seed, opset, *name.encode()])
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.functions: list[onnx.FunctionProto] = []
        self._samplers: dict[str, Any] = {}
        self._scopes: list[str] = []
        self._used: dict[str, int] = {}

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Names made inside start with `/name/`, as exporters write them."""
        self._scopes.append(name)
        yield
        self._scopes.pop()

    def fresh(self, hint: str) -> str:
        """A name that is not taken yet, within the current scope."""
        full = "/" + "/".join([*self._scopes, hint])
        number = self._used.get(full, 0)
        self._used[full] = number + 1
        return f"{full}_{number}" if number else full

    def op(self, op_type: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Append a node with one output; returns that output's name."""
        return self.ops(op_type, *inputs, count=1, domain=domain, **attributes)[0]

    def ops(
        self, op_type: str, *inputs: str, count: int, domain: str = "", **attributes: Any
    ) -> list[str]:
        """Append a node with `count` outputs; returns their names."""
        name = self.fresh(op_type)
        outputs = [f"{name}_output_{index}" for index in range(count)]
        self.nodes.append(
            helper.make_node(op_type, inputs, outputs, name=name, domain=domain, **attributes)
        )
        return outputs

    def const(self, data: Any, dtype: Any = np.float32, hint: str = "const") -> str:
        """An initializer that holds `data`; returns its name."""
        name = self.fresh(hint).removeprefix("/").replace("/", ".")
        self.weights.append(numpy_helper.from_array(np.asarray(data, dtype), name))
        return name

    def ints(self, *data: int) -> str:
        """An int64 vector."""
        return self.const(list(data), np.int64, "ints")

    def weight(self, *shape: int, fan_in: int | None = None, hint: str = "weight") -> str:
        """Normal numbers scaled so that a unit input stays at unit scale."""
        size = fan_in if fan_in is not None else int(np.prod(shape[1:])) or 1
        return self.const(self.rng.normal(size=shape) / np.sqrt(size), hint=hint)

    def spread(self, size: int, middle: float = 0.0, width: float = 0.2, hint: str = "bias") -> str:
        """A vector around `middle`: biases, norm scales, means."""
        return self.const(middle + width * self.rng.normal(size=size), hint=hint)

    def input(
        self, name: str, shape: Sequence[int | str], ids: int = 0, like: str = "normal"
    ) -> str:
        """A graph input: float32 unit normal, int64 below `ids`, or a `mask` that ends in zeros."""
        concrete = [size if isinstance(size, int) else 1 for size in shape]
        kind = TensorProto.INT64 if ids or like == "mask" else TensorProto.FLOAT

        def sample(rng: np.random.Generator) -> NDArray[Any]:
            if like == "mask":
                mask = np.ones(concrete, np.int64)
                mask[..., -2:] = 0
                return mask
            if ids:
                return rng.integers(0, ids, concrete)
            return rng.normal(size=concrete).astype(np.float32)

        self._samplers[name] = sample
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, value: str, name: str, rank: int, kind: int = TensorProto.FLOAT) -> None:
        """Make `value` the graph output `name`: its producer writes that name from now on."""
        for node in self.nodes:
            node.output[:] = [name if item == value else item for item in node.output]
            node.input[:] = [name if item == value else item for item in node.input]
        self.outputs.append(helper.make_tensor_value_info(name, kind, [None] * rank))

    def case(self, samples: int = 2) -> Case:
        """The checked model with its samples."""
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.weights)
        opsets = [helper.make_opsetid("", self.opset)]
        opsets += [helper.make_opsetid(f.domain, 1) for f in self.functions]
        model = helper.make_model(
            graph,
            opset_imports=opsets,
            functions=self.functions,
            ir_version=IR_VERSIONS[self.opset],
            producer_name="zoo",
        )
        onnx.checker.check_model(model, full_check=True)
        feeds = tuple(
            {name: sample(self.rng) for name, sample in self._samplers.items()}
            for _ in range(samples)
        )
        return Case(self.name, model, feeds)
