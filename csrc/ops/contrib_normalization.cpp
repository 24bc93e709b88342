// Normalizations as onnxruntime fuses them: with embeddings, residuals and gates.

#include "ops/shared/agreement.h"
#include "ops/shared/norm_layout.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

Inferred like_input(const NodeFacts& at) { return std::vector{shaped_like(at.in(0))}; }

/// Mean and inverse deviation are over the last axis; the last output is what was normalized.
Inferred skip_norm(const NodeFacts& at) {
  const Fact& x = at.in(0);
  Fact moment = shaped_like(x, DType::float32);
  if (moment.has_rank() && moment.rank() > 0) moment.dims->back() = Expr(1);
  return std::vector{shaped_like(x), moment, moment, shaped_like(x)};
}

Inferred skip_group_norm(const NodeFacts& at) {
  return std::vector{shaped_like(at.in(0)), shaped_like(at.in(0))};
}

/// Word ids of (batch, sequence), each a row of the table of words.
Inferred embedded(const NodeFacts& at, DType dtype) {
  for (const std::size_t slot : {std::size_t{0}, std::size_t{2}}) {
    const auto checked = require_rank(at, slot, 2);
    if (!checked) return checked.error();
  }
  const Fact out =
      tensor_fact(dtype, Dims{size_of(at, 0, 0), size_of(at, 0, 1), size_of(at, 2, 1)});
  return std::vector{out, tensor_fact(DType::int32, Dims{size_of(at, 0, 0)}), out};
}

Inferred embed_norm(const NodeFacts& at) { return embedded(at, at.in(2).dtype); }

Inferred quantized_embed_norm(const NodeFacts& at) { return embedded(at, at.in(8).dtype); }

}  // namespace

void register_contrib_normalization(OpTable& table) {
  const OpTraits sums{.accumulation = Accumulation::norm};
  const auto add = [&](std::initializer_list<std::string_view> op_types, ShapeRule shape,
                       LayoutRule layout = nullptr) {
    table.add(op_types, {.traits = sums, .shape = shape, .layout = layout}, ort_domain);
  };
  add({"BranchwiseRMSNorm", "GatedRMSNorm", "GroupNorm"}, like_input);
  add({"SkipLayerNormalization", "SkipSimplifiedLayerNormalization"}, skip_norm, skip_norm_layout);
  add({"SkipGroupNorm"}, skip_group_norm);
  add({"EmbedLayerNormalization"}, embed_norm);
  add({"QEmbedLayerNormalization"}, quantized_embed_norm);
}

}  // namespace pot
