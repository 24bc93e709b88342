// Operators of onnxruntime that keep the shape of their input, or nearly.

#include "ops/shared/agreement.h"
#include "ops/shared/broadcast_layout.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

Inferred like_input(const NodeFacts& at) { return std::vector{shaped_like(at.in(0))}; }

/// A mask of one bit for each element, in words.
Fact bit_mask(const NodeFacts& at) {
  constexpr std::int64_t kWord = 32;
  const Fact& x = at.in(0);
  const Expr words = x.has_rank() ? ceil_div(x.count(), Expr(kWord))
                                  : at.unknown_size("the shape of its input is not known");
  return tensor_fact(DType::uint32, Dims{words});
}

Inferred bias_dropout(const NodeFacts& at) {
  return std::vector{shaped_like(at.in(0)), shaped_like(at.in(0), DType::boolean)};
}

Inferred bitmask_bias_dropout(const NodeFacts& at) {
  return std::vector{shaped_like(at.in(0)), bit_mask(at)};
}

Inferred broadcast(const NodeFacts& at) {
  const DType dtype = at.in(0).dtype;
  if (!at.in(0).has_rank() || !at.in(1).has_rank()) return std::vector{tensor_fact(dtype)};
  const Dims shapes[] = {*at.in(0).dims, *at.in(1).dims};
  auto dims = broadcast_dims(shapes);
  if (!dims) return dims.error();
  return std::vector{tensor_fact(dtype, std::move(dims).value())};
}

/// The last axis is cut into two halves, one of which gates the other.
Inferred split_gelu(const NodeFacts& at) {
  Fact out = shaped_like(at.in(0));
  if (out.has_rank() && out.rank() > 0) out.dims->back() = floor_div(out.dims->back(), Expr(2));
  return std::vector{std::move(out)};
}

Inferred like_scores(const NodeFacts& at) { return std::vector{shaped_like(at.in(1))}; }

Inferred hashed(const NodeFacts& at) {
  const bool positive = at.attr_int("positive", 1) != 0;
  return std::vector{shaped_like(at.in(0), positive ? DType::uint32 : DType::int32)};
}

Inferred all_finite(const NodeFacts&) { return std::vector{tensor_fact(DType::boolean, Dims{})}; }

/// Branches of (..., C, H), or of (..., C * H) when their number is given, become one.
Inferred branches_merged(const NodeFacts& at) {
  Fact out = shaped_like(at.in(0));
  const std::int64_t branches = at.attr_int("num_branches", 0);
  if (!out.has_rank() || out.rank() < 2) return std::vector{tensor_fact(out.dtype)};
  if (branches > 0) {
    out.dims->back() = floor_div(out.dims->back(), Expr(branches));
  } else {
    out.dims->erase(out.dims->end() - 2);
  }
  return std::vector{std::move(out)};
}

Inferred twice_like_input(const NodeFacts& at) {
  return std::vector{shaped_like(at.in(0)), shaped_like(at.in(0))};
}

Inferred linear_gate(const NodeFacts& at) {
  return std::vector{shaped_like(at.in(0)), shaped_like(at.in(3))};
}

/// For each token a hash by each head, of 2 words and more; and the words that the next call needs.
Inferred ngram_hashes(const NodeFacts& at) {
  const Fact& ids = at.in(0);
  const std::int64_t words = at.attr_int("max_ngram_size", 0);
  const std::int64_t heads = at.attr_int("n_head_per_ngram", 0);
  const auto checked = require_rank(at, 0, 2);
  if (!checked) return checked.error();
  if (words < 2 || heads < 1) return std::vector{tensor_fact(ids.dtype), tensor_fact(ids.dtype)};
  const Expr before(words - 1);
  return std::vector{
      tensor_fact(ids.dtype, Dims{size_of(at, 0, 0), size_of(at, 0, 1), before * Expr(heads)}),
      tensor_fact(ids.dtype, Dims{size_of(at, 0, 0), before})};
}

/// Input 0 is the embedding; queries and keys follow, each with its half that is turned.
Inferred two_rotated(const NodeFacts& at) {
  return std::vector{shaped_like(at.in(1)), shaped_like(at.in(3))};
}

/// A bias along the last axis is part of the operator.
Result<Relayout> bias_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  return elementwise_layout(node, operand, layout, {.inputs = {0, 1}, .last_axis_only = true});
}

/// The gate has one element for each row of the last axis.
Result<Relayout> gate_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  const std::size_t rank = layout.rank();
  if (rank == 0 || layout.perm[rank - 1] != rank - 1) {
    return refuse("its gate has one element for each row of the last axis");
  }
  return elementwise_layout(node, operand, layout, {.inputs = {0, 1, 2}, .last_axis_only = true});
}

/// One number says whether all are finite, wherever they are.
Result<Relayout> all_finite_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  if (operand.output) return refuse("its output is one number");
  Relayout made = unmoved(node);
  made.inputs[operand.slot] = layout;
  return made;
}

}  // namespace

void register_contrib_elementwise(OpTable& table) {
  const auto add = [&](std::initializer_list<std::string_view> op_types, ShapeRule shape) {
    table.add(op_types, {.shape = shape}, ort_domain);
  };
  const auto moved = [&](std::initializer_list<std::string_view> op_types, ShapeRule shape,
                         LayoutRule layout) {
    table.add(op_types, {.shape = shape, .layout = layout}, ort_domain);
  };
  moved({"Gelu", "QuickGelu", "SampleOp", "ScaledSiLU"}, like_input, unary_layout);
  moved({"BiasGelu", "FastGelu"}, like_input, bias_layout);
  moved({"GatedAdd"}, like_input, gate_layout);
  moved({"MurmurHash3"}, hashed, unary_layout);
  moved({"IsAllFinite"}, all_finite, all_finite_layout);
  add({"BiasAdd", "HyperConnectionPostMix", "Inverse", "MoE", "MRotaryEmbedding", "QMoE",
       "RotaryEmbedding", "Trilu"},
      like_input);
  table.add("BiasSoftmax", {.traits = {.accumulation = Accumulation::softmax}, .shape = like_input},
            ort_domain);
  add({"BiasDropout"}, bias_dropout);
  add({"BitmaskBiasDropout"}, bitmask_bias_dropout);
  add({"ComplexMul", "ComplexMulConj"}, broadcast);
  add({"BiasSplitGelu"}, split_gelu);
  add({"NGramRepeatBlock"}, like_scores);
  add({"HyperConnectionPreMix"}, branches_merged);
  add({"EngramGate"}, twice_like_input);
  add({"LinearAttentionGate"}, linear_gate);
  add({"GemmaRotaryEmbedding"}, two_rotated);
  add({"NGramHashMapping"}, ngram_hashes);
}

}  // namespace pot
