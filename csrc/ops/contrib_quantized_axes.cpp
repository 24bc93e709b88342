// Operators on quantized tensors that name axes.

#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/axis_layout.h"
#include "ops/shared/op_table.h"
#include "ops/shared/standard_rule.h"

namespace pot {
namespace {

Inferred like_input(const NodeFacts& at) { return std::vector{shaped_like(at.in(0))}; }

/// That of the output's zero point, else of the first tensor.
DType joined_dtype(const NodeFacts& at) {
  return at.in(1).dtype != DType::undefined ? at.in(1).dtype : at.in(2).dtype;
}

std::vector<std::size_t> joined_slots(const NodeFacts& at) {
  std::vector<std::size_t> slots;
  for (std::size_t slot = 2; slot < at.input_count(); slot += 3) slots.push_back(slot);
  return slots;
}

/// The output's scale and zero point come first, then each tensor with its own.
Inferred quantized_concat(const NodeFacts& at) {
  std::vector<std::size_t> slots = joined_slots(at);
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

Result<Relayout> concat_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  return along_axis(node, operand, layout, joined_slots(node.at()), 1);
}

/// Its attribute says which Softmax of the standard it is.
Result<Relayout> softmax_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  constexpr std::int64_t kAlongOneAxis = 13;
  if (node.at().attr_int("opset", 0) < kAlongOneAxis) {
    return across_cut(node, operand, layout, {.otherwise = -1});
  }
  return along_axis(node, operand, layout, kFirstInput, -1);
}

Result<Relayout> reduce_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  const auto rank = known_rank(node, {.slot = 0});
  if (!rank) return rank.error();
  const auto written = node.at().attr_ints("axes").value_or(std::vector<std::int64_t>{});
  auto axes = sorted_axes(written, rank.value());
  if (!axes) return axes.error();
  for (std::size_t axis = 0; written.empty() && axis < rank.value(); ++axis) {
    axes.value().push_back(axis);
  }
  auto made = reduced_layouts(node, operand, layout, axes.value());
  if (!made) return made.error();
  auto& [layouts, places] = made.value();
  if (written.empty()) return std::move(layouts);
  DrawnNode drawn = redrawn(node);
  put_attribute(drawn, "axes", places);
  return with_node(std::move(layouts), std::move(drawn));
}

}  // namespace

void register_contrib_quantized_axes(OpTable& table) {
  const auto add = [&](std::string_view op_type, ShapeRule shape, LayoutRule layout,
                       Accumulation accumulation = Accumulation::none) {
    const OpTraits traits{.accumulation = accumulation};
    table.add(op_type, {.traits = traits, .shape = shape, .layout = layout}, ort_domain);
  };
  add("QLinearConcat", quantized_concat, concat_layout);
  add("QLinearReduceMean", quantized_mean, reduce_layout, Accumulation::reduce);
  add("QLinearSoftmax", like_input, softmax_layout, Accumulation::softmax);
  add("ReduceSumInteger", integer_sum, reduce_layout, Accumulation::reduce);
}

}  // namespace pot
