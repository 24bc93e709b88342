"""Defects of quantized models: scales, zero points, ranges and axes that are not right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

Planter = Callable[["QuantizedSite"], str | None]


class QuantizedSite:
    """A copy of a QDQ or QOperator model under damage."""

    def __init__(self, model: onnx.ModelProto, rng: np.random.Generator) -> None:
        self.model = onnx.ModelProto()
        self.model.CopyFrom(model)
        self.graph, self.rng = self.model.graph, rng
        self.tensors = {tensor.name: tensor for tensor in self.graph.initializer}

    def nodes(self, *op_types: str) -> list[onnx.NodeProto]:
        """Nodes of these operators, in a random order."""
        found = [node for node in self.graph.node if node.op_type in op_types]
        return [found[index] for index in self.rng.permutation(len(found))]

    def get(self, name: str) -> NDArray[Any]:
        """A copy of an initializer."""
        return numpy_helper.to_array(self.tensors[name]).copy()

    def put(self, name: str, data: Any) -> None:
        """Replace an initializer, for all who read it."""
        self.tensors[name].CopyFrom(numpy_helper.from_array(np.asarray(data), name))

    def own(self, node: onnx.NodeProto, slot: int, data: Any) -> None:
        """Give one node a constant of its own."""
        name = f"{node.input[slot]}_damaged"
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(data), name))
        self.tensors[name] = self.graph.initializer[-1]
        node.input[slot] = name

    def weights(self) -> list[onnx.NodeProto]:
        """DequantizeLinear of weights of two dimensions and more."""
        return [
            node
            for node in self.nodes("DequantizeLinear")
            if node.input[0] in self.tensors and len(self.tensors[node.input[0]].dims) > 1
        ]

    def values(self) -> list[onnx.NodeProto]:
        """DequantizeLinear of values."""
        return [n for n in self.nodes("DequantizeLinear") if n.input[0] not in self.tensors]


def weight_scale(site: QuantizedSite) -> str | None:
    node = site.weights()[0]
    site.own(node, 1, site.get(node.input[1]) * np.float32(2))
    return node.name


def weight_zero_point(site: QuantizedSite) -> str | None:
    node = site.weights()[0]
    site.own(node, 2, (site.get(node.input[2]) + 24).astype(np.int8))
    return node.name


def weight_channel(site: QuantizedSite) -> str | None:
    node = site.weights()[0]
    scale = site.get(node.input[1])
    if scale.size < 2:
        return None
    scale.flat[0] *= 8
    site.own(node, 1, scale)
    return node.name


def weight_axis(site: QuantizedSite) -> str | None:
    for node in site.weights():
        dims = site.tensors[node.input[0]].dims
        if dims[0] == dims[1] and site.get(node.input[1]).size > 1:
            for attribute in node.attribute:
                attribute.i = 1 - attribute.i
            return node.name
    return None


def value_scale(site: QuantizedSite) -> str | None:
    node = site.values()[0]
    site.own(node, 1, site.get(node.input[1]) * np.float32(2))
    return node.name


def value_zero_point(site: QuantizedSite) -> str | None:
    node = site.values()[0]
    zero = site.get(node.input[2])
    site.own(node, 2, np.asarray(int(zero) ^ 16, zero.dtype))
    return node.name


def value_range(site: QuantizedSite) -> str | None:
    """The range of a quantizer, for it and its dequantizers, is a fifth of what it should be."""
    node = site.nodes("QuantizeLinear")[0]
    site.put(node.input[1], site.get(node.input[1]) * np.float32(0.2))
    return node.name


def bias_dropped(site: QuantizedSite) -> str | None:
    for node in site.nodes("Conv", "Gemm"):
        if len(node.input) > 2:
            del node.input[2]
            return node.name
    return None


def attribute_changed(site: QuantizedSite) -> str | None:
    for node in site.nodes("Conv", "QLinearConv"):
        for attribute in node.attribute:
            pads = list(attribute.ints)
            if attribute.name == "pads" and any(pads):
                attribute.ints[:] = [pads[0] + pads[2], pads[1] + pads[3], 0, 0]
                return node.name
    return None


def operator_scale(site: QuantizedSite) -> str | None:
    """QLinearConv reads its input in other steps than those it was made in."""
    for node in site.nodes("QLinearConv"):
        if any(node.input[0] in other.output for other in site.graph.node):
            site.own(node, 1, site.get(node.input[1]) * np.float32(2))
            return node.name
    return None


def operator_weight_scale(site: QuantizedSite) -> str | None:
    node = site.nodes("QLinearConv", "QLinearMatMul")[0]
    site.own(node, 4, site.get(node.input[4]) * np.float32(2))
    return node.name


QDQ_FAULTS: dict[str, tuple[Planter, str]] = {
    "weight_scale": (weight_scale, "is 2 times the reference's: its scale is wrong"),
    "weight_zero_point": (weight_zero_point, "weight "),
    "weight_channel": (weight_channel, "channels, the first is 0"),
    "weight_axis": (weight_axis, "its scales belong to axis 0, not to axis 1"),
    "value_scale": (value_scale, "the scale is "),
    "value_zero_point": (value_zero_point, "the zero point is "),
    "value_range": (value_range, "saturates "),
    "bias_dropped": (bias_dropped, "is missing"),
    "attribute_changed": (attribute_changed, "attribute pads differs"),
}
"""Planter, and words of the reason that is to be given."""

QOPERATOR_FAULTS: dict[str, tuple[Planter, str]] = {
    "operator_scale": (operator_scale, "the scale is "),
    "operator_weight_scale": (operator_weight_scale, "its scale is wrong"),
    "attribute_changed": (attribute_changed, "attribute pads differs"),
}
