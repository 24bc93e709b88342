// Operators on quantized tensors that name axes.

#include <string>
#include <utility>

#include "ops/agreement.h"
#include "ops/op_table.h"
#include "ops/standard_rule.h"

namespace pot {
namespace {

Inferred like_input(const NodeFacts& at) { return std::vector{shaped_like(at.in(0))}; }

/// That of the output's zero point, else of the first tensor.
DType joined_dtype(const NodeFacts& at) {
  return at.in(1).dtype != DType::undefined ? at.in(1).dtype : at.in(2).dtype;
}

/// The output's scale and zero point come first, then each tensor with its own.
Inferred quantized_concat(const NodeFacts& at) {
  std::vector<std::size_t> slots;
  for (std::size_t slot = 2; slot < at.input_count(); slot += 3) slots.push_back(slot);
  if (slots.empty()) return std::vector<Fact>{};
  return first_with_dtype(by_standard(at, {.op_type = "Concat", .slots = std::move(slots)}),
                          joined_dtype(at));
}

Inferred reduced(const NodeFacts& at, std::string_view op_type, DType dtype) {
  constexpr std::int64_t kAxesAreAttributes = 11;
  return first_with_dtype(
      by_standard(at, {.op_type = op_type, .opset = kAxesAreAttributes, .slots = {0}}), dtype);
}

Inferred quantized_mean(const NodeFacts& at) { return reduced(at, "ReduceMean", at.in(0).dtype); }

Inferred integer_sum(const NodeFacts& at) {
  return reduced(at, "ReduceSum", at.in(0).dtype == DType::uint8 ? DType::uint32 : DType::int32);
}

}  // namespace

void register_contrib_quantized_axes(OpTable& table) {
  const auto add = [&](std::string_view op_type, ShapeRule shape,
                       Accumulation accumulation = Accumulation::none) {
    table.add(op_type, {.traits = {.accumulation = accumulation}, .shape = shape}, ort_domain);
  };
  add("QLinearConcat", quantized_concat);
  add("QLinearReduceMean", quantized_mean, Accumulation::reduce);
  add("QLinearSoftmax", like_input, Accumulation::softmax);
  add("ReduceSumInteger", integer_sum, Accumulation::reduce);
}

}  // namespace pot
