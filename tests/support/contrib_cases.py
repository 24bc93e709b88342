"""Single nodes of onnxruntime's own operators and of ai.onnx.ml, with inputs that they run on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Array = NDArray[Any]
MS, NCHWC, ML = "com.microsoft", "com.microsoft.nchwc", "ai.onnx.ml"


@dataclass(frozen=True)
class Case:
    """One node: `fixed` inputs are constants of the model, the others are fed."""

    op_type: str
    inputs: Sequence[Array | None]
    attributes: dict[str, Any] = field(default_factory=dict)
    outputs: int = 1
    fixed: tuple[int, ...] = ()
    domain: str = MS
    version: int = 1
    open: bool = False
    """Some sizes are in the data, or differ from machine to machine."""

    @property
    def name(self) -> str:
        """For the test: `Attention[past]` would be two cases of one operator."""
        return f"{self.op_type}-{'x'.join(map(str, shape(self.inputs[0])))}"

    def model(self, *, symbolic: bool = False) -> onnx.ModelProto:
        """The node alone. `symbolic`: sizes above 1 of fed inputs are names."""
        names = [f"i{at}" if one is not None else "" for at, one in enumerate(self.inputs)]
        made = [f"o{at}" for at in range(self.outputs)]
        node = helper.make_node(
            self.op_type, names, made, name="node", domain=self.domain, **self.attributes
        )
        fed = [
            helper.make_tensor_value_info(
                f"i{at}",
                helper.np_dtype_to_tensor_dtype(one.dtype),
                [f"d{at}_{axis}" if symbolic and n > 1 else n for axis, n in enumerate(one.shape)],
            )
            for at, one in enumerate(self.inputs)
            if one is not None and at not in self.fixed
        ]
        kept = [numpy_helper.from_array(np.asarray(self.inputs[at]), f"i{at}") for at in self.fixed]
        outputs = [onnx.ValueInfoProto(name=name) for name in made]
        graph = helper.make_graph([node], "case", fed, outputs, kept)
        imports = [helper.make_opsetid("", 17 if self.domain else self.version)]
        if self.domain:
            imports.append(helper.make_opsetid(self.domain, self.version))
        return helper.make_model(graph, opset_imports=imports, ir_version=8)

    def feeds(self) -> dict[str, Array]:
        """What the model is fed."""
        return {
            f"i{at}": np.asarray(one)
            for at, one in enumerate(self.inputs)
            if one is not None and at not in self.fixed
        }


def shape(one: Array | None) -> tuple[int, ...]:
    """Of nothing: no axes."""
    return () if one is None else one.shape


def f32(*dims: int) -> Array:
    """Small numbers that are all different."""
    count = int(np.prod(dims))
    return (np.linspace(-1, 1, count) if count > 1 else np.ones(count)).astype("f4").reshape(dims)


def u8(*dims: int) -> Array:
    """Bytes."""
    return (np.arange(int(np.prod(dims))) % 200).astype(np.uint8).reshape(dims)


def i64(*numbers: int) -> Array:
    """A list."""
    return np.array(numbers, np.int64)


def i32(*numbers: int) -> Array:
    """A list."""
    return np.array(numbers, np.int32)


SCALE, ZERO = np.array(0.1, "f4"), np.zeros((), np.uint8)
ZERO8 = np.zeros((), np.int8)
TEXT = np.array(["a b", "c"], dtype=object)

KEEPS_SHAPE = [Case(op, [f32(2, 3, 4)]) for op in ("Gelu", "FastGelu", "QuickGelu", "SampleOp")] + [
    Case("BiasGelu", [f32(2, 3, 4), f32(4)]),
    Case("Inverse", [f32(2, 2, 2) + 2 * np.eye(2, dtype="f4")]),
    Case("Trilu", [f32(3, 4)]),
    Case("MurmurHash3", [i32(1, 2, 3)], {"positive": 1}),
    Case("MurmurHash3", [i32(1, 2)], {"positive": 0}),
    Case("NGramRepeatBlock", [i64(1, 2, 1).reshape(1, 3), f32(1, 5)], {"ngram_size": 2}),
    Case("RotaryEmbedding", [f32(2, 3, 8), i64(0), f32(5, 2), f32(5, 2)], {"num_heads": 2}),
    Case("QLinearSigmoid", [u8(2, 3), SCALE, ZERO, SCALE, ZERO], fixed=(1, 2, 3, 4)),
    Case("QLinearLeakyRelu", [u8(2, 3), SCALE, ZERO, SCALE, ZERO], fixed=(1, 2, 3, 4)),
    Case(
        *("QLinearSoftmax", [u8(2, 3), SCALE, ZERO, SCALE, ZERO], {"axis": -1, "opset": 13}),
        fixed=(1, 2, 3, 4),
    ),
    Case("SkipLayerNormalization", [f32(2, 3, 4), f32(2, 3, 4), f32(4), f32(4)], outputs=4),
    Case("SkipSimplifiedLayerNormalization", [f32(2, 3, 4), f32(2, 3, 4), f32(4)], outputs=4),
]
PRODUCTS = [
    Case("FusedMatMul", [f32(2, 3, 4), f32(2, 4, 5)]),
    Case("FusedMatMul", [f32(2, 4, 3), f32(2, 5, 4)], {"transA": 1, "transB": 1}),
    Case("FusedMatMul", [f32(3, 2, 4), f32(2, 4, 5)], {"transBatchA": 1}),
    Case("FusedMatMul", [f32(3, 6, 2, 4), f32(6, 2, 4, 5)], {"transBatchA": 1}),
    Case("FusedMatMul", [f32(2, 3, 4), f32(5, 2, 4)], {"transBatchB": 1, "transB": 1}),
    Case("FusedMatMul", [f32(4), f32(4, 5)], {"transA": 1}),
    Case("TransposeMatMul", [f32(4, 3), f32(4, 5)], {"transA": 1}),
    Case("FusedGemm", [f32(3, 4), f32(5, 4), f32(5)], {"transB": 1, "activation": "Relu"}),
    Case("MatMulNBits", [f32(2, 3, 32), u8(8, 1, 16), f32(8)], fixed=(1, 2),
         attributes={"K": 32, "N": 8, "bits": 4, "block_size": 32}),
    Case("MatMulBnb4", [f32(3, 32), u8(128), f32(4)], fixed=(1, 2),
         attributes={"K": 32, "N": 8, "block_size": 64, "quant_type": 1}),
    Case("DynamicQuantizeMatMul", [f32(2, 3, 4), u8(4, 5), f32(1)[0], ZERO], fixed=(1, 2, 3)),
    Case("MatMulIntegerToFloat", [u8(3, 4), u8(4, 5), SCALE, SCALE, ZERO, ZERO]),
    Case("QGemm", [u8(3, 4), SCALE, ZERO, u8(4, 5), SCALE, ZERO, None, SCALE, ZERO],
         {"transB": 0}, fixed=(1, 2, 3, 4, 5, 7, 8)),
    Case("QGemm", [u8(3, 4), SCALE, ZERO, u8(5, 4), SCALE, ZERO], {"transB": 1},
         fixed=(1, 2, 3, 4, 5)),
]  # fmt: skip
LAYOUTS = [
    Case("FusedConv", [f32(1, 3, 9, 8), f32(4, 3, 3, 3), f32(4)],
         {"strides": [2, 2], "pads": [1, 1, 1, 1], "activation": "Relu"}),
    Case("NhwcMaxPool", [u8(1, 9, 8, 3)], {"kernel_shape": [3, 3], "strides": [2, 2]}),
    Case("QLinearConv", [u8(1, 9, 8, 3), SCALE, ZERO, u8(4, 3, 3, 3), SCALE, ZERO, SCALE, ZERO],
         {"channels_last": 1, "strides": [2, 1]}, fixed=(1, 2, 3, 4, 5, 6, 7)),
    Case("QLinearAveragePool", [u8(1, 9, 8, 3), SCALE, ZERO, SCALE, ZERO],
         {"channels_last": 1, "kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1},
         fixed=(1, 2, 3, 4)),
    Case("QLinearAveragePool", [u8(1, 3, 9, 8), SCALE, ZERO, SCALE, ZERO], fixed=(1, 2, 3, 4),
         attributes={"kernel_shape": [3, 3]}),
    Case("QLinearGlobalAveragePool", [u8(1, 9, 8, 3), SCALE, ZERO, SCALE, ZERO],
         {"channels_last": 1}, fixed=(1, 2, 3, 4)),
    Case("QLinearGlobalAveragePool", [u8(1, 3, 9, 8), SCALE, ZERO, SCALE, ZERO],
         fixed=(1, 2, 3, 4)),
    Case("ConvTransposeWithDynamicPads", [f32(1, 3, 5, 4), f32(3, 2, 3, 3), i64(1, 1, 0, 1)],
         {"strides": [2, 2], "output_padding": [1, 0]}, fixed=(2,)),
    Case("MaxpoolWithMask", [f32(1, 1, 6, 6), np.ones((1, 1, 6, 6), np.int32)],
         {"kernel_shape": [3, 3]}),
    Case("ReorderInput", [f32(1, 16, 5, 4)], domain=NCHWC),
    Case("ReorderInput", [f32(1, 8, 5, 4)], domain=NCHWC, open=True),
    Case("ReorderInput", [f32(1, 5, 4, 16)], {"channels_last": 1}, domain=NCHWC),
    Case("ReorderOutput", [f32(1, 16, 5, 4)], {"channels": 13}, domain=NCHWC),
    Case("ReorderOutput", [f32(1, 16, 5, 4)], {"channels": 13, "channels_last": 1}, domain=NCHWC),
    Case("Conv", [f32(1, 16, 5, 4), f32(16, 16, 3, 3)], domain=NCHWC),
    Case("MaxPool", [f32(1, 16, 5, 4)], {"kernel_shape": [2, 2]}, domain=NCHWC),
    Case("GlobalAveragePool", [f32(1, 16, 5, 4)], domain=NCHWC),
    Case("Upsample", [f32(1, 16, 5, 4)], {"scales": [1, 1, 2, 3]}, domain=NCHWC),
]  # fmt: skip
QUANTIZED = [
    Case("QLinearAdd", [u8(2, 1, 3), SCALE, ZERO, u8(4, 1), SCALE, ZERO, SCALE, ZERO],
         fixed=(1, 2, 4, 5, 6, 7)),
    Case("QLinearMul", [u8(2, 3), SCALE, ZERO, u8(3), SCALE, ZERO, SCALE, ZERO],
         fixed=(1, 2, 4, 5, 6, 7)),
    Case("QLinearConcat", [SCALE, ZERO, u8(2, 3), SCALE, ZERO, u8(2, 4), SCALE, ZERO], {"axis": 1},
         fixed=(0, 1, 3, 4, 6, 7)),
    Case("QLinearWhere", [np.array([[True], [False]]), u8(2, 3), SCALE, ZERO, u8(3), SCALE, ZERO,
                          SCALE, ZERO], fixed=(2, 3, 5, 6, 7, 8)),
    Case("QuantizeLinear", [f32(2, 3), SCALE, ZERO8]),
    Case("DequantizeLinear", [u8(2, 3), SCALE, ZERO]),
    Case("GatherBlockQuantized", [u8(4, 32), i64(1, 0, 3).reshape(1, 3), f32(4, 4)],
         {"block_size": 16, "quantize_axis": 1}, fixed=(0, 2)),
    Case("DynamicQuantizeLSTM", [f32(5, 2, 3), u8(1, 3, 16), u8(1, 4, 16), None, None, None, None,
                                 None, f32(1), np.zeros(1, np.uint8), f32(1),
                                 np.zeros(1, np.uint8)],
         {"hidden_size": 4}, outputs=3, fixed=(1, 2, 8, 9, 10, 11)),
]  # fmt: skip
ATTENTION = [
    Case("Attention", [f32(2, 3, 8), f32(8, 24), f32(24)], {"num_heads": 2}),
    Case("Attention", [f32(2, 3, 8), f32(8, 24), f32(24)], {"num_heads": 2, "unidirectional": 1},
         outputs=2),
    Case("Attention", [f32(2, 3, 8), f32(8, 24), f32(24), None, f32(2, 2, 2, 5, 4)],
         {"num_heads": 2, "unidirectional": 1}, outputs=2),
    Case("Attention", [f32(2, 3, 8), f32(8, 20), f32(20)],
         {"num_heads": 2, "qkv_hidden_sizes": [8, 8, 4]}),
    Case("QAttention", [u8(2, 3, 8), u8(8, 24), f32(24), SCALE, SCALE, None, ZERO, ZERO],
         {"num_heads": 2}, fixed=(1, 2, 3, 4, 6, 7)),
    Case("MultiHeadAttention", [f32(2, 3, 8), f32(2, 5, 8), f32(2, 5, 12)], {"num_heads": 2}),
    Case("MultiHeadAttention", [f32(2, 3, 8), f32(2, 3, 8), f32(2, 3, 8), None, None, None,
                                f32(2, 2, 4, 4), f32(2, 2, 4, 4)], {"num_heads": 2}, outputs=3),
    Case("MultiHeadAttention", [f32(2, 3, 8), f32(2, 2, 5, 4), f32(2, 2, 5, 4)], {"num_heads": 2}),
    Case("GroupQueryAttention", [f32(2, 1, 16), f32(2, 1, 8), f32(2, 1, 8), f32(2, 1, 6, 8),
                                 f32(2, 1, 6, 8), i32(6, 6), i32(7)[0]],
         {"num_heads": 2, "kv_num_heads": 1}, outputs=3, fixed=(6,)),
    Case("GroupQueryAttention", [f32(1, 3, 32), None, None, None, None, i32(2), i32(3)[0]],
         {"num_heads": 2, "kv_num_heads": 1}, outputs=3, fixed=(6,)),
    Case("EmbedLayerNormalization",
         [i32(0, 1, 2).reshape(1, 3), i32(0, 1, 0).reshape(1, 3), f32(9, 4), f32(6, 4), f32(2, 4),
          f32(4), f32(4), i32(1, 1, 1).reshape(1, 3)], outputs=3),
]  # fmt: skip
TENSORS = [
    Case("ExpandDims", [f32(2, 3), i32(1)[0]], fixed=(1,)),
    Case("Pad", [f32(2, 3), i64(0, 1, 2, 0)], fixed=(1,)),
    Case("Unique", [f32(5)], outputs=3, open=True),
    Case("Range", [i64(1)[0], i64(8)[0], i64(2)[0]], fixed=(0, 1, 2)),
    Case("GatherND", [f32(2, 3, 4), i64(0, 1, 1, 2).reshape(2, 2)]),
    Case("GridSample", [f32(1, 2, 5, 6), f32(1, 3, 4, 2)]),
    Case("CropAndResize", [f32(1, 2, 5, 6), f32(3, 4), i32(0, 0, 0), i32(7, 8)], fixed=(3,)),
    Case("CDist", [f32(3, 4), f32(5, 4)], {"metric": "euclidean"}),
    Case("Tokenizer", [TEXT], open=True, attributes={
        "mark": 0, "mincharnum": 1, "pad_value": "#", "separators": [" "]}),
    Case("DynamicTimeWarping", [f32(4, 5)], open=True),
]  # fmt: skip
TREE = {
    "nodes_treeids": [0, 0, 0], "nodes_nodeids": [0, 1, 2], "nodes_featureids": [0, 0, 0],
    "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"], "nodes_values": [0.0, 0.0, 0.0],
    "nodes_truenodeids": [1, 0, 0], "nodes_falsenodeids": [2, 0, 0],
}  # fmt: skip
CLASSICAL = [
    Case("Binarizer", [f32(2, 3)]),
    Case("Imputer", [f32(2, 3)], {"imputed_value_floats": [0.0], "replaced_value_float": 1.0}),
    Case("Normalizer", [i64(1, 2, 3).reshape(1, 3)], {"norm": "L2"}),
    Case("Scaler", [i64(1, 2, 3).reshape(1, 3)], {"offset": [0.0], "scale": [2.0]}),
    Case("OneHotEncoder", [i64(1, 2)], {"cats_int64s": [1, 2, 3]}),
    Case("LabelEncoder", [i64(1, 2)], {"keys_int64s": [1, 2], "values_strings": ["a", "b"]},
         version=2),
    Case("LabelEncoder", [TEXT], {"keys_strings": ["a"], "values_floats": [1.0]}, version=2),
    Case("CategoryMapper", [TEXT], {"cats_int64s": [1], "cats_strings": ["a"]}),
    Case("ArrayFeatureExtractor", [f32(2, 5), i64(0, 3, 4)]),
    Case("ArrayFeatureExtractor", [f32(5), i64(0, 3)]),
    Case("FeatureVectorizer", [f32(2, 3), f32(2, 1)], {"inputdimensions": [3, 1]}),
    Case("LinearRegressor", [f32(2, 3)],
         {"coefficients": [0.1] * 6, "intercepts": [0.0, 1.0], "targets": 2}),
    Case("LinearClassifier", [f32(2, 3)],
         {"coefficients": [0.1] * 9, "intercepts": [0.0] * 3, "classlabels_ints": [1, 2, 3]},
         outputs=2),
    Case("LinearClassifier", [f32(2, 3)],
         {"coefficients": [0.1] * 3, "intercepts": [0.0], "classlabels_strings": ["a", "b"]},
         outputs=2),
    Case("SVMRegressor", [f32(2, 3)],
         {"coefficients": [1.0], "support_vectors": [0.1] * 3, "n_supports": 1, "rho": [0.0],
          "kernel_type": "LINEAR", "kernel_params": [0.0, 0.0, 0.0]}),
    Case("SVMClassifier", [f32(2, 2)],
         {"classlabels_ints": [0, 1], "vectors_per_class": [1, 1], "rho": [0.0], "kernel_params":
          [0.0, 0.0, 0.0], "coefficients": [1.0, -1.0], "support_vectors": [0.1, 0.2, 0.3, 0.4],
          "prob_a": [1.0], "prob_b": [0.0], "kernel_type": "LINEAR"}, outputs=2),
    Case("SVMClassifier", [f32(2, 2)],
         {"classlabels_ints": [0, 1], "vectors_per_class": [1, 1], "rho": [0.0], "kernel_params":
          [0.0, 0.0, 0.0], "coefficients": [1.0, -1.0], "support_vectors": [0.1, 0.2, 0.3, 0.4],
          "kernel_type": "LINEAR"}, outputs=2, open=True),
    Case("TreeEnsembleRegressor", [f32(2, 3)], {
        **TREE, "n_targets": 1, "target_ids": [0, 0], "target_nodeids": [1, 2],
        "target_treeids": [0, 0], "target_weights": [1.0, 2.0]}),
    Case("TreeEnsembleClassifier", [f32(2, 3)], {
        **TREE, "classlabels_int64s": [0, 1, 2], "class_ids": [0, 1], "class_nodeids": [1, 2],
        "class_treeids": [0, 0], "class_weights": [1.0, 1.0]}, outputs=2),
]  # fmt: skip
CLASSICAL = [
    Case(one.op_type, one.inputs, one.attributes, one.outputs, one.fixed, ML, one.version, one.open)
    for one in CLASSICAL
]
LEGACY = [
    Case("Affine", [f32(2, 3)], {"alpha": 1.0, "beta": 0.0}, domain="", version=9),
    Case("ParametricSoftplus", [f32(2, 3)], {"alpha": 1.0, "beta": 1.0}, domain="", version=9),
    Case("ScaledTanh", [f32(2, 3)], {"alpha": 1.0, "beta": 1.0}, domain="", version=9),
    Case(
        "ImageScaler", [f32(1, 2, 3, 4)], {"bias": [0.0, 0.0], "scale": 2.0}, domain="", version=9
    ),
    Case("Crop", [f32(1, 2, 8, 9)], {"border": [1, 2, 3, 0]}, domain="", version=9),
    Case(
        "Crop", [f32(1, 2, 8, 9)], {"border": [1, 2, 0, 0], "scale": [3, 4]}, domain="", version=9
    ),
]
"""Of the default domain, but onnxruntime's alone."""

CASES = [
    *(*KEEPS_SHAPE, *PRODUCTS, *LAYOUTS, *QUANTIZED, *ATTENTION, *TENSORS, *CLASSICAL),
    *LEGACY,
]
"""Every case."""
