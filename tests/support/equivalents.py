"""Writes parts of a model differently: equal in algebra, not in rounding. Never a fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from support.faults.site import initializers

Rewrite = Callable[["Rewriting", onnx.NodeProto], list[onnx.NodeProto] | None]
"""The nodes that stand for a node, or None where the rewrite does not apply."""


class Rewriting:
    """A model's main graph being rewritten node by node."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.graph = model.graph
        self.opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
        self._tensors = initializers(model.graph)
        self._count = 0

    def const(self, name: str) -> NDArray[Any] | None:
        """The constant called `name`, or None."""
        tensor = self._tensors.get(name)
        return None if tensor is None else numpy_helper.to_array(tensor)

    def add(self, data: Any, dtype: Any = np.float32) -> str:
        """A new initializer."""
        name = self.fresh("rewritten_const")
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(data, dtype), name))
        return name

    def fresh(self, hint: str) -> str:
        """A new name."""
        self._count += 1
        return f"{hint}__{self._count}"

    def step(self, op_type: str, *inputs: str, **attributes: Any) -> onnx.NodeProto:
        """A new node with one new output."""
        name = self.fresh(f"rewritten_{op_type}")
        return helper.make_node(op_type, inputs, [f"{name}_out"], name=name, **attributes)

    def readers(self, value: str) -> list[onnx.NodeProto]:
        """Nodes of the main graph that read `value`."""
        return [node for node in self.graph.node if value in node.input]

    def sole_reader(self, value: str) -> onnx.NodeProto | None:
        """The only reader of a value that is no graph output."""
        readers = self.readers(value)
        public = any(item.name == value for item in self.graph.output)
        return readers[0] if len(readers) == 1 and not public else None


def rewritten(model: onnx.ModelProto, kind: str) -> onnx.ModelProto | None:
    """A copy with `kind` applied wherever it can be; None when it nowhere can."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    rewriting, rule, changed = Rewriting(copy), EQUIVALENTS[kind], False
    nodes: list[onnx.NodeProto] = []
    for node in copy.graph.node:
        new = rule(rewriting, node)
        changed |= new is not None
        nodes += [node] if new is None else new
    if not changed:
        return None
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del copy.graph.node[:]
    copy.graph.node.extend(nodes)
    return copy


def _attr(node: onnx.NodeProto, name: str, default: Any) -> Any:
    found = [helper.get_attribute_value(a) for a in node.attribute if a.name == name]
    return found[0] if found else default


def _end(nodes: list[onnx.NodeProto], original: onnx.NodeProto) -> list[onnx.NodeProto]:
    """The last step takes over the name and the output of what it stands for."""
    nodes[-1].name = original.name
    nodes[-1].output[0] = original.output[0]
    return nodes


def gemm_split(r: Rewriting, node: onnx.NodeProto) -> list[onnx.NodeProto] | None:
    if node.op_type != "Gemm" or len(node.input) < 3:
        return None
    weight = r.const(node.input[1])
    plain = _attr(node, "alpha", 1.0) == _attr(node, "beta", 1.0) == 1.0
    if weight is None or not plain or _attr(node, "transA", 0):
        return None
    turned = weight.T if _attr(node, "transB", 0) else weight
    product = r.step("MatMul", node.input[0], r.add(np.ascontiguousarray(turned)))
    return _end([product, r.step("Add", product.output[0], node.input[2])], node)


def pow_as_mul(r: Rewriting, node: onnx.NodeProto) -> list[onnx.NodeProto] | None:
    power = r.const(node.input[1]) if node.op_type == "Pow" else None
    if power is None or power.size != 1 or power.item() not in (2.0, 3.0):
        return None
    square = r.step("Mul", node.input[0], node.input[0])
    if power.item() == 2.0:
        return _end([square], node)
    return _end([square, r.step("Mul", square.output[0], node.input[0])], node)


def div_as_mul(r: Rewriting, node: onnx.NodeProto) -> list[onnx.NodeProto] | None:
    divisor = r.const(node.input[1]) if node.op_type == "Div" else None
    if divisor is None or divisor.dtype != np.float32:
        return None
    return _end([r.step("Mul", node.input[0], r.add(np.float32(1) / divisor))], node)


def sums_reordered(r: Rewriting, node: onnx.NodeProto) -> list[onnx.NodeProto] | None:
    """(a + b) + c becomes a + (b + c); the inner sum moves behind where c is made."""
    if node.op_type != "Add":
        return None
    outer = r.sole_reader(node.output[0])
    if outer is not None and outer.op_type == "Add" and not _moved(r, outer, node):
        return []
    inner = next(
        (
            n
            for n in r.graph.node
            if n.output[0] in node.input
            and n.op_type == "Add"
            and r.sole_reader(n.output[0]) is not None
        ),
        None,
    )
    if inner is None or _moved(r, node, inner):
        return None
    other = next(name for name in node.input if name != inner.output[0])
    late = r.step("Add", inner.input[1], other)
    return _end([late, r.step("Add", inner.input[0], late.output[0])], node)


def _moved(r: Rewriting, outer: onnx.NodeProto, inner: onnx.NodeProto) -> bool:
    """Whether `inner` already takes part in another pair, or reads the same value twice."""
    producers = {name: n for n in r.graph.node for name in n.output}
    feeds_inner = [producers[name] for name in inner.input if name in producers]
    nested = any(n.op_type == "Add" and r.sole_reader(n.output[0]) for n in feeds_inner)
    follower = r.sole_reader(outer.output[0])
    chained = follower is not None and follower.op_type == "Add"
    first = [
        n
        for n in r.graph.node
        if n.output[0] in outer.input
        and n.op_type == "Add"
        and r.sole_reader(n.output[0]) is not None
    ]
    return nested or chained or first[:1] != [inner] or outer.input[0] == outer.input[1]


def commuted(r: Rewriting, node: onnx.NodeProto) -> list[onnx.NodeProto] | None:
    """No rounding at all: a + b is b + a."""
    if node.op_type not in ("Add", "Mul") or node.input[0] == node.input[1]:
        return None
    return _end([r.step(node.op_type, node.input[1], node.input[0])], node)


def norm_folded(r: Rewriting, node: onnx.NodeProto) -> list[onnx.NodeProto] | None:
    """Conv and BatchNormalization become one Conv, as optimizers do before deployment."""
    if node.op_type == "Conv":
        norm = r.sole_reader(node.output[0])
        return [] if norm is not None and norm.op_type == "BatchNormalization" else None
    conv = next((n for n in r.graph.node if n.output[0] == node.input[0]), None)
    if node.op_type != "BatchNormalization" or conv is None or conv.op_type != "Conv":
        return None
    if r.sole_reader(conv.output[0]) is None:
        return None
    scale, bias, mean, variance = (r.const(name).astype(np.float64) for name in node.input[1:])
    factor = scale / np.sqrt(variance + _attr(node, "epsilon", 1e-5))
    weight = r.const(conv.input[1]) * factor[:, None, None, None]
    old = r.const(conv.input[2]) if len(conv.input) > 2 else 0.0
    folded = onnx.NodeProto()
    folded.CopyFrom(conv)
    folded.input[:] = [conv.input[0], r.add(weight), r.add((old - mean) * factor + bias)]
    return _end([folded], node)


def layer_norm_decomposed(r: Rewriting, node: onnx.NodeProto) -> list[onnx.NodeProto] | None:
    if node.op_type != "LayerNormalization" or _attr(node, "axis", -1) != -1:
        return None

    def mean(value: str) -> onnx.NodeProto:
        if r.opset >= 18:
            return r.step("ReduceMean", value, r.add([-1], np.int64), keepdims=1)
        return r.step("ReduceMean", value, axes=[-1], keepdims=1)

    steps = [mean(node.input[0])]
    steps.append(r.step("Sub", node.input[0], steps[-1].output[0]))
    centred = steps[-1].output[0]
    steps.append(r.step("Pow", centred, r.add(2.0)))
    steps.append(mean(steps[-1].output[0]))
    steps.append(r.step("Add", steps[-1].output[0], r.add(_attr(node, "epsilon", 1e-5))))
    steps.append(r.step("Sqrt", steps[-1].output[0]))
    steps.append(r.step("Div", centred, steps[-1].output[0]))
    steps.append(r.step("Mul", steps[-1].output[0], node.input[1]))
    steps.append(r.step("Add", steps[-1].output[0], node.input[2]))
    return _end(steps, node)


def gelu_decomposed(r: Rewriting, node: onnx.NodeProto) -> list[onnx.NodeProto] | None:
    if node.op_type != "Gelu" or _attr(node, "approximate", b"none") != b"none":
        return None
    scaled = r.step("Mul", node.input[0], r.add(np.sqrt(0.5)))
    erf = r.step("Erf", scaled.output[0])
    shifted = r.step("Add", erf.output[0], r.add(1.0))
    product = r.step("Mul", node.input[0], shifted.output[0])
    half = r.step("Mul", product.output[0], r.add(0.5))
    return _end([scaled, erf, shifted, product, half], node)


def softmax_decomposed(r: Rewriting, node: onnx.NodeProto) -> list[onnx.NodeProto] | None:
    if node.op_type != "Softmax" or r.opset < 13:
        return None
    axis = _attr(node, "axis", -1)
    if r.opset >= 18:
        top = r.step("ReduceMax", node.input[0], r.add([axis], np.int64), keepdims=1)
    else:
        top = r.step("ReduceMax", node.input[0], axes=[axis], keepdims=1)
    shifted = r.step("Sub", node.input[0], top.output[0])
    powers = r.step("Exp", shifted.output[0])
    total = r.step("ReduceSum", powers.output[0], r.add([axis], np.int64), keepdims=1)
    return _end(
        [top, shifted, powers, total, r.step("Div", powers.output[0], total.output[0])], node
    )


def reduction_permuted(r: Rewriting, node: onnx.NodeProto) -> list[onnx.NodeProto] | None:
    """MatMul sums in another order: both sides permuted along it."""
    weight = r.const(node.input[1]) if node.op_type == "MatMul" else None
    if weight is None or weight.ndim != 2:
        return None
    order = np.random.default_rng(weight.shape[0]).permutation(weight.shape[0])
    picked = r.step("Gather", node.input[0], r.add(order, np.int64), axis=-1)
    return _end([picked, r.step("MatMul", picked.output[0], r.add(weight[order]))], node)


def mean_pool(r: Rewriting, node: onnx.NodeProto) -> list[onnx.NodeProto] | None:
    if node.op_type != "GlobalAveragePool" or r.opset >= 18:
        return None
    return _end([r.step("ReduceMean", node.input[0], axes=[2, 3], keepdims=1)], node)


def clip_as_min_max(r: Rewriting, node: onnx.NodeProto) -> list[onnx.NodeProto] | None:
    if node.op_type != "Clip" or len(node.input) != 3 or not all(node.input):
        return None
    low = r.step("Max", node.input[0], node.input[1])
    return _end([low, r.step("Min", low.output[0], node.input[2])], node)


EQUIVALENTS: dict[str, Rewrite] = {
    "gemm_split": gemm_split,
    "pow_as_mul": pow_as_mul,
    "div_as_mul": div_as_mul,
    "sums_reordered": sums_reordered,
    "commuted": commuted,
    "norm_folded": norm_folded,
    "layer_norm_decomposed": layer_norm_decomposed,
    "gelu_decomposed": gelu_decomposed,
    "softmax_decomposed": softmax_decomposed,
    "reduction_permuted": reduction_permuted,
    "mean_pool": mean_pool,
    "clip_as_min_max": clip_as_min_max,
}
