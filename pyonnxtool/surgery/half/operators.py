"""What is known of operators in float16: which stay in float32, and which care about neither."""

from __future__ import annotations

_SUMS = "its values pass 65504, or lose all digits, where its inputs do not"
_PLACES = "coordinates need more than the 11 bits of float16"
_RANDOM = "runtimes draw random numbers in float32"
_QUANTIZED = "scales of quantization are float32, and runtimes look for such pairs"
_SPECTRA = "runtimes have it in float32 and float64 only"
_LOSSES = "losses are summed over everything"
_ITEMS = "sequences and optionals keep the type of their items"

KEPT: dict[str, str] = {
    **dict.fromkeys(
        [
            *("Pow", "Exp", "Reciprocal", "Sinh", "Cosh", "Tan", "Log", "Det"),
            *("ReduceSum", "ReduceProd", "ReduceSumSquare", "ReduceL1", "ReduceL2"),
            *("ReduceLogSum", "ReduceLogSumExp", "CumSum", "CumProd"),
            *("LRN", "LpNormalization", "MeanVarianceNormalization", "LpPool", "GlobalLpPool"),
        ],
        _SUMS,
    ),
    **dict.fromkeys(
        ["GridSample", "AffineGrid", "RoiAlign", "MaxRoiPool", "NonMaxSuppression", "Range"],
        _PLACES,
    ),
    "TopK": "scores that float16 makes equal come in another order",
    **dict.fromkeys(
        [
            *("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"),
            *("Multinomial", "Bernoulli"),
        ],
        _RANDOM,
    ),
    **dict.fromkeys(
        [
            *("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"),
            *("QLinearConv", "QLinearMatMul"),
        ],
        _QUANTIZED,
    ),
    **dict.fromkeys(
        ["DFT", "STFT", "MelWeightMatrix", "HannWindow", "HammingWindow", "BlackmanWindow"],
        _SPECTRA,
    ),
    **dict.fromkeys(["NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"], _LOSSES),
    **dict.fromkeys(
        [
            *("SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase"),
            *("SequenceInsert", "SequenceMap", "SplitToSequence", "ConcatFromSequence"),
            *("Optional", "OptionalGetElement", "OptionalHasElement"),
        ],
        _ITEMS,
    ),
    "BitCast": "it is the bits that it reads",
    "EyeLike": "its type is an attribute of its own",
}
"""Operators of ai.onnx that stay in float32 unless they are asked for, and why."""

NEVER = frozenset(["BitCast", "MeanVarianceNormalization"])
"""Operators whose definition does not hold for float16, whatever their schema says."""

REDUCES = "it adds numbers up, and runtimes do that here in float32 only"
"""Why a Scatter stays that does not only move."""

MOVES = frozenset(
    [
        *("Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Expand", "Tile", "Identity"),
        *("Slice", "Split", "Gather", "GatherElements", "GatherND", "Concat", "Pad", "Compress"),
        *("DepthToSpace", "SpaceToDepth", "ReverseSequence", "Trilu", "CenterCropPad", "Unique"),
        *("Scatter", "ScatterElements", "ScatterND", "TensorScatter", "Upsample"),
    ]
)
"""Operators that only hand elements on: in the type in which they come."""

CHEAP = frozenset(
    [
        *("Add", "Sub", "Mul", "Div", "Sum", "Mean", "Max", "Min", "Where", "Clip", "Neg", "Abs"),
        *("Sqrt", "Mod", "PRelu", "Relu", "LeakyRelu", "Sign", "Floor", "Ceil", "Round"),
        *("Sigmoid", "HardSigmoid", "Tanh", "Erf", "Softmax", "LogSoftmax", "Softplus", "Gelu"),
        *("Sin", "Cos", "Atan", "Asin", "Acos", "Swish", "HardSwish", "Mish", "Elu", "Selu"),
        *("ReduceMean", "ReduceMax", "ReduceMin", "Dropout", "CastLike"),
        *("LayerNormalization", "RMSNormalization"),
    ]
)
"""Operators that are computed in float32 when an input is one that float16 may not hold."""

STAYS_WIDE = frozenset(
    ["Add", "Sub", "Mul", "Div", "Neg", "Abs", "Sqrt", "Max", "Min", "Where", "Clip", "Sum"]
) | {"ReduceMean", "ReduceMax", "ReduceMin", "Floor", "Ceil", "Round"}
"""Those of them that make such values again, when all their other inputs are constants."""

WIDE = frozenset(
    [
        *("Pow", "Exp", "Reciprocal", "Sinh", "Cosh", "Tan", "Det"),
        *("ReduceSum", "ReduceProd", "ReduceSumSquare", "ReduceL1", "ReduceL2"),
        *("ReduceLogSum", "ReduceLogSumExp", "CumSum", "CumProd", "Range"),
    ]
)
"""Operators that make values which float16 may not hold."""

COUNTS = MOVES | CHEAP | {"MatMul", "Einsum", "Log", "Pow", "Exp", "Reciprocal", "ReduceSum"}
"""What positions and sizes go through until they are whole numbers, or angles."""

ANGLES = frozenset(["Sin", "Cos", "Tan"])

CLAMPED = MOVES | {
    *("Add", "Sub", "Mul", "Where", "Clip", "Max", "Min", "Sum"),
    *("Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"),
}
"""Operators for which the largest half may stand for a number that only has to be large."""

SMALL_MATTERS = frozenset(["Add", "Sub", "Mul", "Div", "Max", "Clip", "Where", "Pow"])
"""Operators in which a number that vanishes in float16 decides: an epsilon, a scale."""

CONTRIB = frozenset(
    [
        *("Gelu", "FastGelu", "BiasGelu", "QuickGelu", "BiasAdd", "BiasSplitGelu"),
        *("SkipLayerNormalization", "SkipSimplifiedLayerNormalization"),
        *("EmbedLayerNormalization", "Attention", "MultiHeadAttention", "GroupQueryAttention"),
        *("DecoderMaskedMultiHeadAttention", "RotaryEmbedding", "FusedMatMul", "FusedGemm"),
        *("FusedConv", "FusedMatMulActivation", "GemmFastGelu", "MatMulNBits"),
    ]
)
"""Of com.microsoft: all floats of a node are of one type, float32 or float16."""
