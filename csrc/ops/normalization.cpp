// Normalizations over a group of elements.

#include "ops/op_table.h"

namespace pot {

void register_normalization(OpTable& table) {
  const OpEntry norm{.traits = {.accumulation = Accumulation::norm}};
  // BatchNormalization is missing on purpose: at inference its mean and variance are inputs, so it
  // sums nothing. LRN sums the squares of `size` channels.
  table.add({"GroupNormalization", "InstanceNormalization", "LRN", "LayerNormalization",
             "LpNormalization", "MeanVarianceNormalization", "RMSNormalization"},
            norm);
  // onnxruntime's, in the default domain since before the standard had them.
  table.add("SimplifiedLayerNormalization", norm);
  table.add({"BranchwiseRMSNorm", "EmbedLayerNormalization", "GatedRMSNorm", "GroupNorm",
             "QEmbedLayerNormalization", "QOrderedLayerNormalization", "SkipGroupNorm",
             "SkipLayerNormalization", "SkipSimplifiedLayerNormalization"},
            norm, ort_domain);
  table.add("Normalizer", norm, "ai.onnx.ml");
}

}  // namespace pot
