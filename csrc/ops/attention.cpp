// Attention: a product over the head, a softmax and a product over the keys.

#include "ops/op_table.h"

namespace pot {

void register_attention(OpTable& table) {
  const OpEntry attention{.traits = {.accumulation = Accumulation::attention}};
  table.add({"Attention", "LinearAttention"}, attention);
  table.add("FlexAttention", attention, "ai.onnx.preview");
  table.add({"Attention", "DecoderAttention", "DecoderMaskedMultiHeadAttention",
             "DecoderMaskedSelfAttention", "DynamicSparseAttention", "GroupQueryAttention",
             "LinearAttention", "LongformerAttention", "MultiHeadAttention", "PackedAttention",
             "PackedMultiHeadAttention", "PagedAttention", "QAttention", "QOrderedAttention",
             "QOrderedLongformerAttention", "SparseAttention", "SparsePagedAttention"},
            attention, ort_domain);
}

}  // namespace pot
