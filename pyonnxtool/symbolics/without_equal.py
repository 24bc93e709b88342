"""Operators of onnxruntime that standard ones cannot replace, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape
    from pyonnxtool.symbolics import Symbolic

_PACKED = "its weights are packed for one processor; start from the model before that"
_ORDERED = "its tensors are in an order that only some GPUs have; start from the model before that"
_BLOCK_FLOATS = "block floating point has no type in ai.onnx"
_VENDOR = "it holds a program for one vendor's device; start from the model before that"

_NEAR = "nothing says how its near and its global keys are weighed together; export plain attention"
_SEARCH = "it generates a text with models of its own; lower these, and search outside of them"
_PAGES = "its cache is in pages that the runtime hands out; export the model with a plain cache"
_INDEXER = "which keys are seen is chosen by an indexer of its own"
_RAGGED = "its rows are sequences of several lengths; export the model with padding"

_WHY = {
    "com.microsoft::AttnLSTM": "ai.onnx has no recurrence with attention; export it as a Loop",
    "com.microsoft::BeamSearch": _SEARCH,
    "com.microsoft::DequantizeBFP": _BLOCK_FLOATS,
    "com.microsoft::DequantizeWithOrder": _ORDERED,
    "com.microsoft::DynamicSparseAttention": _INDEXER,
    "com.microsoft::EPContext": _VENDOR,
    "com.microsoft::GatedDeltaNet": _RAGGED,
    "com.microsoft::GreedySearch": _SEARCH,
    "com.microsoft::Inverse": "ai.onnx has no inverse of a matrix; compute it where it is constant",
    "com.microsoft::LongformerAttention": _NEAR,
    "com.microsoft::MatMulFpQ4": _PACKED,
    "com.microsoft::MurmurHash3": "ai.onnx has no hash of an element's bytes",
    "com.microsoft::PackedSparseAttentionIndexer": _INDEXER,
    "com.microsoft::PagedAttention": _PAGES,
    "com.microsoft::QOrderedAttention": _ORDERED,
    "com.microsoft::QOrderedGelu": _ORDERED,
    "com.microsoft::QOrderedLayerNormalization": _ORDERED,
    "com.microsoft::QOrderedLongformerAttention": _ORDERED,
    "com.microsoft::QOrderedMatMul": _ORDERED,
    "com.microsoft::QuantizeBFP": _BLOCK_FLOATS,
    "com.microsoft::QuantizeWithOrder": _ORDERED,
    "com.microsoft::Sampling": _SEARCH,
    "com.microsoft::Snpe": _VENDOR,
    "com.microsoft::SparseAttentionIndexer": _INDEXER,
    "com.microsoft::SparsePagedAttention": _PAGES,
    "com.microsoft::SparseToDenseMatMul": "ai.onnx has no products of sparse tensors",
    "com.microsoft::Tokenizer": "it cuts texts by expressions; feed the tokens",
    "com.microsoft::VarlenCausalConvWithState": _RAGGED,
    "com.microsoft::VarlenNGramHashMapping": _RAGGED,
    "com.microsoft::WhisperBeamSearch": _SEARCH,
    "com.microsoft::WordConvEmbedding": "it looks into words by their characters; feed the result",
}


def _refusing(why: str) -> Symbolic:
    def refuse(node: NodeView, tape: Tape) -> Decision:
        return node.refuse(why)

    refuse.__doc__ = f"Refused: {why.split(';', maxsplit=1)[0]}."
    return refuse


for _operator, _reason in _WHY.items():
    SYMBOLICS.add(_operator)(_refusing(_reason))
