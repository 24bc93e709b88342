"""Rules of operators that no processor here runs, against what onnxruntime's documentation says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, TypeProto, helper

from pyonnxtool import _core, from_proto
from support.one_node import Constant, Given, Input, Shape, node_model, shapes

F16 = "float16"


def numbers(*elements: int, dtype: type = np.int64) -> Constant:
    return Constant(np.array(elements, dtype))


CACHE = ["b", 4, "past", 16]
DOCUMENTED: list[tuple[str, Sequence[Input], dict[str, Any], list[Shape]]] = [
    # Its weight has the channels last where onnxruntime's own tools write it.
    ("NhwcConv", [[1, 9, 8, 6], [4, 5, 3, 6]], {}, [([1, 5, 6, 4], "float32")]),
    ("NhwcConv", [[1, 9, 8, 6], [4, 6, 5, 3]], {}, [([1, 5, 6, 4], "float32")]),
    ("NhwcFusedConv", [["n", 9, 8, 6], [4, 6, 5, 3]], {}, [(["n", 5, 6, 4], "float32")]),
    ("GroupNorm", [Given(["n", 8, 8, 4], F16), [4], [4]], {}, [(["n", 8, 8, 4], F16)]),
    ("BiasSplitGelu", [["n", "s", 12], [12]], {}, [(["n", "s", 6], "float32")]),
    ("BiasDropout", [["n", 4], [4]], {}, [(["n", 4], "float32"), (["n", 4], "bool")]),
    ("BitmaskBiasDropout", [[3, 40], [40]], {}, [([3, 40], "float32"), ([4], "uint32")]),
    ("IsAllFinite", [["n", 4]], {}, [([], "bool")]),
    ("ComplexMul", [["n", 1, 2], ["n", 5, 2]], {}, [(["n", 5, 2], "float32")]),
    ("GemmFastGelu", [["n", 3, 4], [4, 5], [5]], {}, [(["n", 3, 5], "float32")]),
    ("GemmFloat8", [[3, 4], [5, 4]], {"transB": 1, "dtype": 10}, [([3, 5], F16)]),
    ("MatMulFpQ4", [["n", 64], Given([999], "uint8"), numbers(64, 7)], {}, [(["n", 7], "float32")]),
    (
        *("MatMulNBitsQkv", [["n", 8]], {"K": 8, "Nq": 8, "Nkv": 2}),
        [(["n", width], "float32") for width in (8, 2, 2, 8)],
    ),
    ("MatMulBlockQuantizedFp4Weight", [["n", 8], Given([5, 4], "uint8")], {},
     [(["n", 5], "float32")]),
    ("Rfft", [["n", 8]], {"signal_ndim": 1}, [(["n", 5, 2], "float32")]),
    ("Irfft", [["n", 5, 2]], {"signal_ndim": 1}, [(["n", 8], "float32")]),
    ("RestorePadding", [["t", 8], Given(["b", "s"], "int32")], {}, [(["b", "s", 8], "float32")]),
    (
        *("RemovePadding", [["b", "s", 8], Given(["b"], "int32")], {}),
        [([None, 8], "float32"), (["b", "s"], "int32"), (["b + 1"], "int32"), ([1], "int32")],
    ),
    ("RelativePositionBias", [[32, 4], numbers(5), numbers(7)], {}, [([1, 4, 5, 7], "float32")]),
    ("TorchEmbedding", [[9, 4], Given(["b", "s"], "int64")], {}, [(["b", "s", 4], "float32")]),
    ("UnfoldTensor", [["b", 10]], {"dim": -1, "size": 4, "step": 3}, [(["b", 3, 4], "float32")]),
    ("PackedAttention", [["t", 8], [8, 24], [24]], {"num_heads": 2}, [(["t", 8], "float32")]),
    ("PackedMultiHeadAttention", [["t", 4, 3, 16]], {"num_heads": 4}, [(["t", 64], "float32")]),
    ("LongformerAttention", [["b", "s", 8]], {"num_heads": 2}, [(["b", "s", 8], "float32")]),
    ("QOrderedAttention", [Given(["b", "s", 8], "int8"), *[[]] * 6, Given([8, 6], "int8")], {},
     [(["b", "s", 6], "int8")]),
    (
        *("GroupQueryAttention", [["b", 1, 64], ["b", 1, 64], ["b", 1, 64], CACHE, CACHE]),
        {"num_heads": 4, "kv_num_heads": 4},
        [(["b", 1, 64], "float32"), (["b", 4, None, 16], "float32")],
    ),
    ("MultiHeadAttention", [["b", "s", 4, 3, 16]], {"num_heads": 4}, [(["b", "s", 64], "float32")]),
    (
        *("DecoderMaskedMultiHeadAttention", [*[["b", 1, 64]] * 3, None, None, CACHE, CACHE]),
        {"num_heads": 4},
        [(["b", 1, 64], "float32"), (["b", 4, "past + 1", 16], "float32")],
    ),
    (
        *("LinearAttention", [["b", "s", 32], ["b", "s", 16], ["b", "s", 24]]),
        {"q_num_heads": 4, "kv_num_heads": 2},
        [(["b", "s", 48], "float32"), (["b", 2, 8, 12], "float32")],
    ),
    (
        *("BeamSearch", [Given(["b", "s"], "int32"), *map(numbers, (20, 1, 4, 2))]),
        {"vocab_size": 99},
        [(["b", 2, 20], "int32"), (["b", 2], "float32"), ([None, "b", 4, 99], "float32")],
    ),
    ("GreedySearch", [Given(["b", "s"], "int32"), numbers(20)], {}, [(["b", 20], "int32")]),
    ("ReduceSumInteger", [Given(["n", 4], "uint8")], {"axes": [1], "keepdims": 0},
     [(["n"], "uint32")]),
    (
        *("QuantizeBFP", [["n", 4]], {}),
        [([None], "uint8"), ([2], "int64"), ([2], "int64")],
    ),
    ("DequantizeBFP", [Given([99], "uint8"), numbers(3, 4)], {"dtype": 10}, [([3, 4], F16)]),
    (
        *("GatedRelativePositionBias", [["b", "s", 8], [8], [1, 2, "s", "s"]], {"num_heads": 2}),
        [(["b", 2, "s", "s"], "float32")],
    ),
    (
        *("NGramHashMapping", [Given(["b", "s"], "int64")]),
        {"max_ngram_size": 3, "n_head_per_ngram": 4},
        [(["b", "s", 8], "int64"), (["b", 2], "int64")],
    ),
    ("SparseToDenseMatMul", [[3, 4], [4, 5]], {}, [([3, 5], "float32")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("op_type", "inputs", "attributes", "expected"), DOCUMENTED, ids=[one[0] for one in DOCUMENTED]
)
def test_shapes_are_the_documented_ones(
    op_type: str, inputs: Sequence[Input], attributes: dict[str, Any], expected: list[Shape]
) -> None:
    count = len(expected)
    assert shapes(op_type, *inputs, outputs=count, domain="com.microsoft", **attributes) == expected


def test_every_operator_of_onnxruntimes_domain_has_a_rule() -> None:
    table = [op for op in _core.op_table() if op.domain == "com.microsoft"]
    assert len(table) > 120
    assert [op.op_type for op in table if not op.has_shape_rule] == []


def test_scores_become_maps() -> None:
    model = node_model(
        "ZipMap", [["n", 3]], domain="ai.onnx.ml", classlabels_strings=["a", "b", "c"]
    )
    fact = _core.infer_shapes(from_proto(model)).value("y0")
    assert fact.kind == "sequence"
    assert fact.inner is not None
    assert fact.inner.kind == "other"


@pytest.mark.parametrize(
    ("op_type", "attributes", "expected"),
    [
        ("DictVectorizer", {"int64_vocabulary": [4, 5, 6]}, ([1, 3], "float32")),
        ("CastMap", {"map_form": "SPARSE", "max_map": 7}, ([1, 7], "float32")),
        ("CastMap", {"cast_to": "TO_INT64"}, ([1, None], "int64")),
        ("CastMap", {"cast_to": "TO_STRING"}, ([1, None], "string")),
    ],
)
def test_maps_become_rows(op_type: str, attributes: dict[str, Any], expected: Shape) -> None:
    model = node_model(op_type, [[1]], domain="ai.onnx.ml", **attributes)
    map_type = helper.make_map_type_proto(TensorProto.INT64, float_type())
    model.graph.input[0].type.CopyFrom(map_type)
    fact = _core.infer_shapes(from_proto(model)).value("y0")
    assert (fact.dims, fact.dtype) == expected


def float_type() -> TypeProto:
    """Of one number."""
    return helper.make_tensor_type_proto(TensorProto.FLOAT, [])
