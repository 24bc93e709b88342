"""What an operator does with values: that says in which other dtypes it can be computed."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyonnxtool.rewriting.node_view import NodeView


class Kind(Enum):
    """How the outputs of an operator depend on the values of its inputs."""

    MOVES = auto()
    """Every value of an output is one of an input, whatever the values are."""
    CHOOSES = auto()
    """Likewise, and which one depends on how values compare."""
    WRAPS = auto()
    """Sums and products: of integers, the low bits of the result only need those of the inputs."""
    DIVIDES = auto()
    """Of integers, the result is the same in a wider type."""
    MAKES = auto()
    """The output's type says nothing of its values but how they are rounded."""
    ROUNDS = auto()
    """Floats are rounded as the operator likes; integers are another matter for each."""
    SATURATES = auto()
    """The output's type bounds the values."""
    HOLDS_BODIES = auto()
    """Values pass through graphs that have types of their own."""


_OPS = {
    Kind.MOVES: """
        Identity Reshape Transpose Concat Split Slice Gather GatherElements GatherND Scatter
        ScatterElements ScatterND TensorScatter Expand Tile Squeeze Unsqueeze Flatten Pad Where
        Compress DepthToSpace SpaceToDepth ReverseSequence Trilu OneHot MaxUnpool CenterCropPad
        Dropout
        """,
    Kind.CHOOSES: """
        Max Min Clip Relu ReduceMax ReduceMin MaxPool GlobalMaxPool MaxRoiPool TopK Unique Hardmax
        Sign
        """,
    Kind.WRAPS: """
        Add Sub Mul Neg Sum MatMul ReduceSum ReduceSumSquare ReduceProd CumSum CumProd Einsum
        Col2Im Range BitwiseAnd BitwiseOr BitwiseXor BitwiseNot
        """,
    Kind.DIVIDES: "Div Mod Abs",
    Kind.MAKES: """
        EyeLike ConstantOfShape RandomNormal RandomUniform RandomNormalLike RandomUniformLike
        Bernoulli Multinomial BlackmanWindow HannWindow HammingWindow MelWeightMatrix
        """,
    Kind.SATURATES: """
        Cast CastLike BitCast QuantizeLinear QLinearMatMul QLinearConv DynamicQuantizeLinear
        """,
    Kind.HOLDS_BODIES: "If Loop Scan SequenceMap",
}
_KINDS = {op: kind for kind, ops in _OPS.items() for op in ops.split()}


def kind_of(view: NodeView) -> Kind:
    """That of a node; what is in no list only rounds."""
    reduction = view.attributes.get("reduction", "none")
    if view.op_type in ("ScatterElements", "ScatterND") and reduction != "none":
        return Kind.CHOOSES if reduction in ("max", "min") else Kind.WRAPS
    if view.op_type == "Dropout" and any(view.inputs[2:]):
        return Kind.ROUNDS
    return _KINDS.get(view.op_type, Kind.ROUNDS)
