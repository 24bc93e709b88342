// Matrix products as onnxruntime fuses, quantizes and packs them.

#include <algorithm>
#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/axis_layout.h"
#include "ops/shared/matmul_layout.h"
#include "ops/shared/op_table.h"
#include "ops/shared/standard_rule.h"

namespace pot {
namespace {

Inferred matmul(const NodeFacts& at) {
  return by_standard(at, {.op_type = "MatMul", .slots = {0, 1}});
}

/// `batch`: axis 0 moves behind the batch axes that follow it; `last`: the last two change places.
Fact transposed(Fact fact, bool batch, bool last) {
  if (!fact.has_rank() || fact.rank() < 2) return fact;
  auto& dims = *fact.dims;
  if (batch) std::rotate(dims.begin(), dims.begin() + 1, dims.end() - 1);
  if (last) std::swap(dims[dims.size() - 1], dims[dims.size() - 2]);
  return without_elements(fact);
}

Inferred fused_matmul(const NodeFacts& at) {
  const auto flag = [&](std::string_view name) { return at.attr_int(name, 0) != 0; };
  std::vector<Fact> inputs(at.inputs().begin(), at.inputs().end());
  if (inputs.size() < 2) return std::vector<Fact>{};
  inputs[0] = transposed(std::move(inputs[0]), flag("transBatchA"), flag("transA"));
  inputs[1] = transposed(std::move(inputs[1]), flag("transBatchB"), flag("transB"));
  return by_standard(at, {.op_type = "MatMul", .slots = {0, 1}}, std::move(inputs));
}

/// The dense matrix says the type: the sparse one may be of no tensor type at all.
Inferred sparse_matmul(const NodeFacts& at) {
  return first_with_dtype(fused_matmul(at), at.in(1).dtype);
}

Inferred gemm(const NodeFacts& at) { return by_standard(at, {.op_type = "Gemm"}); }

Inferred gemm_float8(const NodeFacts& at) {
  return first_with_dtype(by_standard(at, {.op_type = "Gemm", .slots = {0, 1}}),
                          dtype_attribute(at, "dtype", DType::float32));
}

/// A, B and C are each followed by a scale and a zero point; without one for Y, it is in floats.
Inferred qgemm(const NodeFacts& at) {
  const DType floats = at.in(1).dtype == DType::undefined ? DType::float32 : at.in(1).dtype;
  return first_with_dtype(by_standard(at, {.op_type = "Gemm", .slots = {0, 3, 6}}),
                          at.has(8) ? at.in(8).dtype : floats);
}

Inferred matmul_integer_to_float(const NodeFacts& at) {
  const DType floats = at.in(2).dtype == DType::undefined ? DType::float32 : at.in(2).dtype;
  return first_with_dtype(matmul(at), floats);
}

Inferred matmul_integer16(const NodeFacts& at) {
  return first_with_dtype(matmul(at), DType::int32);
}

Inferred qordered_matmul(const NodeFacts& at) {
  return by_standard(at, {.op_type = "MatMul", .slots = {0, 2}});
}

/// A of [..., K] times a weight of K rows that is packed in some way.
Result<Fact> packed_product(const NodeFacts& at, const std::optional<Expr>& k, const Expr& n) {
  const Fact& a = at.in(0);
  if (!a.has_rank()) return tensor_fact(a.dtype);
  if (a.rank() == 0) return contradiction(quoted(at, 0) + " has no axis to multiply over");
  if (k && !agreed(a.dims->back(), *k)) {
    return contradiction(quoted(at, 0) + " is " + a.dims->back().text() +
                         " long on its last axis, but the weight takes " + k->text());
  }
  Fact out = without_elements(a);
  out.dims->back() = n;
  return out;
}

/// A size that an attribute says; nothing where it is missing or no size.
std::optional<Expr> size_attribute(const NodeFacts& at, std::string_view name) {
  const std::int64_t number = at.attr_int(name, 0);
  return number > 0 ? std::optional(Expr(number)) : std::nullopt;
}

Expr size_attribute_or_fresh(const NodeFacts& at, std::string_view name) {
  const auto size = size_attribute(at, name);
  return size ? *size : at.unknown_size("attribute " + std::string(name) + " is missing");
}

Inferred one(Result<Fact> made) {
  if (!made) return made.error();
  return std::vector{std::move(made).value()};
}

/// The weight is packed; K and N are attributes.
Inferred matmul_packed(const NodeFacts& at) {
  return one(packed_product(at, size_attribute(at, "K"), size_attribute_or_fresh(at, "N")));
}

/// With transB = 0 the weight is N x K and A has N columns.
Inferred matmul_bnb4(const NodeFacts& at) {
  if (at.attr_int("transB", 1) != 0) return matmul_packed(at);
  return one(packed_product(at, size_attribute(at, "N"), size_attribute_or_fresh(at, "K")));
}

/// Input 2 holds the shape [K, N] of the weight.
Inferred matmul_fp_q4(const NodeFacts& at) {
  const auto shape = numbers_of(at.in(2));
  if (!shape || shape->size() != 2 || (*shape)[0] < 0 || (*shape)[1] < 0) {
    return one(packed_product(at, std::nullopt, at.unknown_size("B_shape is not known")));
  }
  return one(packed_product(at, Expr((*shape)[0]), Expr((*shape)[1])));
}

/// The weight is N x K, or with two elements a byte N x K/2.
Inferred matmul_rows(const NodeFacts& at, std::int64_t per_byte) {
  const auto checked = require_rank(at, 1, 2);
  if (!checked) return checked.error();
  const std::optional<Expr> k =
      at.in(1).has_rank() ? std::optional(size_of(at, 1, 1) * Expr(per_byte)) : std::nullopt;
  return one(packed_product(at, k, size_of(at, 1, 0)));
}

Inferred matmul_fp8(const NodeFacts& at) { return matmul_rows(at, 1); }
Inferred matmul_fp4(const NodeFacts& at) { return matmul_rows(at, 2); }

Inferred several_products(const NodeFacts& at, std::initializer_list<std::string_view> sizes) {
  std::vector<Fact> out;
  for (const std::string_view name : sizes) {
    auto made = packed_product(at, size_attribute(at, "K"), size_attribute_or_fresh(at, name));
    if (!made) return made.error();
    out.push_back(std::move(made).value());
  }
  out.push_back(shaped_like(at.in(0)));  // the sum that was normalized
  return out;
}

Inferred matmul_mlp(const NodeFacts& at) { return several_products(at, {"N"}); }
Inferred matmul_qkv(const NodeFacts& at) { return several_products(at, {"Nq", "Nkv", "Nkv"}); }

/// The last axis of input 0 is multiplied by a packed weight, every other one is free.
Result<Relayout> packed_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  const std::vector<std::size_t> last{layout.rank() - 1};
  if (layout.rank() == 0 || layout.perm[last[0]] != last[0]) {
    return refuse("it multiplies the last axis by a packed weight");
  }
  if (const Status plain = require_plain(layout, last); !plain) return plain.error();
  return all_alike(node, operand, layout, kFirstInput);
}

/// A, B, their scales, their zero points, a bias.
Result<Relayout> matmul_integer_to_float_layout(const LayoutNode& node, Operand operand,
                                                const Layout& layout) {
  return matmul_layout(node, operand, layout,
                       {.per_column = {3, 5, 6}, .single = {2, 4}, .rewritten = false});
}

/// A, B, the scale of B, its zero point, a bias.
Result<Relayout> dynamic_quantize_matmul_layout(const LayoutNode& node, Operand operand,
                                                const Layout& layout) {
  return matmul_layout(node, operand, layout, {.per_column = {2, 3, 4}, .rewritten = false});
}

}  // namespace

void register_contrib_matmul(OpTable& table) {
  const OpTraits sums{.accumulation = Accumulation::matmul};
  const auto add = [&](std::initializer_list<std::string_view> op_types, ShapeRule shape,
                       LayoutRule layout = nullptr) {
    table.add(op_types, {.traits = sums, .shape = shape, .layout = layout}, ort_domain);
  };
  add({"FusedMatMul", "FusedMatMulActivation", "TransposeMatMul"}, fused_matmul,
      fused_matmul_layout);
  add({"SparseToDenseMatMul"}, sparse_matmul);
  add({"DynamicQuantizeMatMul"}, matmul, dynamic_quantize_matmul_layout);
  add({"GemmFastGelu"}, matmul);
  add({"FusedGemm"}, gemm, gemm_layout);
  add({"GemmFloat8"}, gemm_float8);
  add({"QGemm"}, qgemm);
  add({"MatMulIntegerToFloat"}, matmul_integer_to_float, matmul_integer_to_float_layout);
  add({"MatMulInteger16"}, matmul_integer16);
  add({"QOrderedMatMul"}, qordered_matmul);
  add({"MatMulNBits"}, matmul_packed, packed_layout);
  add({"MatMulBnb4"}, matmul_bnb4, packed_layout);
  add({"MatMulFpQ4"}, matmul_fp_q4, packed_layout);
  add({"MatMulBlockQuantizedFp8Weight"}, matmul_fp8);
  add({"MatMulBlockQuantizedFp4Weight"}, matmul_fp4);
  add({"MatMulNBitsMlp"}, matmul_mlp);
  add({"MatMulNBitsQkv"}, matmul_qkv);
}

}  // namespace pot
