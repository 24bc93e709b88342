// Operators that hand their input on.

#include "ops/shared/broadcast_layout.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

Inferred identity_rule(const NodeFacts& at) { return std::vector{at.in(0)}; }

/// Unless it is known not to.
bool may_train(const NodeFacts& at) {
  const auto training = numbers_of(at.in(2));
  return at.has(2) && (!training || training->size() != 1 || training->front() != 0);
}

/// Elements are dropped only in training; a mask is as large as the input.
Inferred dropout_rule(const NodeFacts& at) {
  const Fact& in = at.in(0);
  if (!in.is_tensor()) return std::vector<Fact>{};
  const bool trains = may_train(at);
  Fact mask = without_elements(in);
  if (at.opset() >= 10) mask.dtype = DType::boolean;
  return std::vector{trains ? without_elements(in) : in, std::move(mask)};
}

/// The mask takes one bit an element, in whole words of 32.
Inferred bitmask_dropout(const NodeFacts& at) {
  auto dropped = dropout_rule(at);
  if (!dropped.ok() || dropped.value().empty()) return dropped;
  const Fact& in = at.in(0);
  Fact mask = tensor_fact(DType::uint32);
  if (in.has_rank()) mask.dims = Dims{ceil_div(in.count(), Expr(32))};
  return std::vector{dropped.value().front(), std::move(mask)};
}

Result<Relayout> dropout_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  if (may_train(node.at())) return refuse("in training it draws which elements it drops");
  return elementwise_layout(node, operand, layout, {.inputs = {0}, .outputs = {0, 1}});
}

Result<Relayout> bitmask_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  if (may_train(node.at())) return refuse("in training it draws which elements it drops");
  const auto& outputs = node.at().node().outputs;
  if (outputs.size() > 1 && outputs[1]) return refuse("its mask numbers the elements in order");
  return unary_layout(node, operand, layout);
}

}  // namespace

void register_identity(OpTable& table) {
  table.add("Identity",
            {.traits = {.alias = true}, .shape = identity_rule, .layout = unary_layout});
  // With `training_mode` it draws a mask; models are judged at inference.
  table.add("Dropout",
            {.traits = {.alias = true}, .shape = dropout_rule, .layout = dropout_layout});
  table.add("BitmaskDropout",
            {.traits = {.alias = true}, .shape = bitmask_dropout, .layout = bitmask_layout},
            ort_domain);
}

}  // namespace pot
