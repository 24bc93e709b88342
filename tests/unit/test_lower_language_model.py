"""A language model as exporters for onnxruntime write it, lowered, continues a text the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

import pyonnxtool as pot
from support.ort_runs import session

WORDS, HIDDEN, HEADS, KV_HEADS, SIZE, INNER, LAYERS, BLOCK = 50, 64, 4, 2, 16, 128, 2, 32
DOMAIN = "com.microsoft"
EPS = 1.2e-7
RNG = np.random.default_rng(0)


class _Writer:
    """Nodes and weights, one after the other."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []

    def weight(self, name: str, array: NDArray[Any]) -> str:
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def vector(self, name: str) -> str:
        return self.weight(name, (1 + RNG.standard_normal(HIDDEN) / 10).astype(np.float32))

    def op(self, op_type: str, inputs: list[str], *outputs: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op_type, inputs, outputs, outputs[0], **attributes))
        return outputs[0]

    def linear(self, x: str, name: str, k: int, n: int) -> str:
        """A product with weights of 4 bits."""
        packed = RNG.integers(0, 256, (n, k // BLOCK, BLOCK // 2)).astype(np.uint8)
        scales = np.abs(RNG.standard_normal((n, k // BLOCK))).astype(np.float32) / 50
        operands = [x, self.weight(f"{name}_q", packed), self.weight(f"{name}_s", scales)]
        sizes = {"K": k, "N": n, "bits": 4, "block_size": BLOCK, "accuracy_level": 1}
        return self.op("MatMulNBits", operands, name, domain=DOMAIN, **sizes)

    def normal(self, x: str, skip: str, name: str) -> str:
        """The normalized sum; the sum itself is `NAME_sum`."""
        outputs = (name, "", "", f"{name}_sum")
        operands = [x, skip, self.vector(f"{name}_w")]
        return self.op("SkipSimplifiedLayerNormalization", operands, *outputs, domain=DOMAIN)


def _lengths(writer: _Writer) -> None:
    """Of the sequences less 1, and the longest, from the mask."""
    axes = writer.weight("axes", np.array([1], np.int64))
    counted = writer.op("ReduceSum", ["attention_mask", axes], "counted", keepdims=0)
    one = writer.weight("one", np.array(1, np.int64))
    less = writer.op("Sub", [counted, one], "less")
    writer.op("Cast", [less], "lengths", to=TensorProto.INT32)
    shape = writer.op("Shape", ["attention_mask"], "shape")
    longest = writer.op("Gather", [shape, one], "longest")
    writer.op("Cast", [longest], "total", to=TensorProto.INT32)


def _layer(writer: _Writer, layer: int, x: str, summed: str) -> tuple[str, str]:
    parts = {"q": HEADS, "k": KV_HEADS, "v": KV_HEADS}
    qkv = [writer.linear(x, f"{part}{layer}", HIDDEN, n * SIZE) for part, n in parts.items()]
    pasts, presents = ([f"{at}{layer}.{one}" for one in ("key", "value")] for at in ("past", "now"))
    heads = {"num_heads": HEADS, "kv_num_heads": KV_HEADS, "do_rotary": 1}
    operands = [*qkv, *pasts, "lengths", "total", "cos", "sin"]
    outputs = (f"seen{layer}", *presents)
    writer.op("GroupQueryAttention", operands, *outputs, domain=DOMAIN, **heads)
    made = writer.linear(f"seen{layer}", f"o{layer}", HIDDEN, HIDDEN)
    x = writer.normal(summed, made, f"after{layer}")
    gate, up = (writer.linear(x, f"{one}{layer}", HIDDEN, INNER) for one in ("gate", "up"))
    gate = writer.op("QuickGelu", [gate], f"open{layer}", domain=DOMAIN, alpha=1.0)
    down = writer.linear(writer.op("Mul", [gate, up], f"both{layer}"), f"d{layer}", INNER, HIDDEN)
    x = writer.normal(f"after{layer}_sum", down, f"end{layer}")
    return x, f"end{layer}_sum"


def language_model(opset: int) -> onnx.ModelProto:
    """Ids, a mask and a cache to logits and the cache for the next."""
    writer = _Writer()
    table = writer.weight("table", RNG.standard_normal((WORDS, HIDDEN)).astype(np.float32))
    angles = np.arange(32)[:, None] * 100.0 ** -(np.arange(SIZE // 2) * 2 / SIZE)
    for name, values in (("cos", np.cos(angles)), ("sin", np.sin(angles))):
        writer.weight(name, values.astype(np.float32))
    _lengths(writer)
    summed = writer.op("Gather", [table, "input_ids"], "embedded")
    first = [summed, writer.vector("first_w")]
    x = writer.op("SimplifiedLayerNormalization", first, "first", axis=-1, stash_type=1)
    for layer in range(LAYERS):
        x, summed = _layer(writer, layer, x, summed)
    writer.linear(x, "logits", HIDDEN, WORDS)
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["b", size])
        for name, size in (("input_ids", "s"), ("attention_mask", "t"))
    ]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", "s", WORDS])]
    for given, at, size in ((inputs, "past", "p"), (outputs, "now", "t")):
        for name in (f"{at}{n}.{one}" for n in range(LAYERS) for one in ("key", "value")):
            shape = ["b", KV_HEADS, size, SIZE]
            given.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    graph = helper.make_graph(writer.nodes, "g", inputs, outputs, writer.weights)
    imports = [helper.make_opsetid("", opset), helper.make_opsetid(DOMAIN, 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


@pytest.mark.parametrize(("opset", "to"), [(14, 11), (14, 14), (21, 21), (21, 17)])
def test_a_text_is_continued(opset: int, to: int) -> None:
    model = language_model(opset)
    plain = pot.to_proto(pot.lower(pot.from_proto(model), to=to).model)
    onnx.checker.check_model(plain)
    assert [(one.domain, one.version) for one in plain.opset_import] == [("", to)]
    both = session(model), session(plain)
    names = [one.name for one in both[0].get_inputs()][2:]
    for batch in (1, 3):
        caches = [dict.fromkeys(names, np.zeros((batch, KV_HEADS, 0, SIZE), np.float32))] * 2
        length = 0
        for new in (7, 1, 1):
            length += new
            fed = {
                "input_ids": RNG.integers(0, WORDS, (batch, new)),
                "attention_mask": np.ones((batch, length), np.int64),
            }
            made = [one.run(None, fed | cache) for one, cache in zip(both, caches, strict=True)]
            for ours, theirs in zip(*made, strict=True):
                assert ours.shape == theirs.shape
                assert np.abs(ours - theirs).max() <= 64 * EPS * np.abs(ours).max()
            caches = [dict(zip(names, one[1:], strict=True)) for one in made]
