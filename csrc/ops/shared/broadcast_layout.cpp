#include "ops/shared/broadcast_layout.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <string>
#include <utility>

namespace pot {
namespace {

/// How many axes the result has: as many as its largest input.
Result<std::size_t> result_rank(const LayoutNode& node, const ElementwiseRoles& roles) {
  std::size_t most = 0;
  for (const std::size_t slot : roles.inputs) {
    if (!node.at().has(slot)) continue;
    const auto rank = node.rank({false, slot});
    if (!rank) return refuse("the rank of " + node.at().input_label(slot) + " is not known");
    most = std::max(most, *rank);
  }
  for (const std::size_t slot : roles.outputs) {
    const auto rank = node.rank({true, slot});
    if (rank && *rank != most) return refuse("its output has another rank than its inputs");
  }
  return most;
}

bool carries_elements(Operand operand, const ElementwiseRoles& roles) {
  return std::ranges::count(operand.output ? roles.outputs : roles.inputs, operand.slot) > 0;
}

bool has_one_element(const Fact& fact) { return fact.count().is(1); }

bool result_has_one_element(const LayoutNode& node, const ElementwiseRoles& roles) {
  return std::ranges::all_of(roles.inputs, [&](std::size_t slot) {
    return !node.at().has(slot) || has_one_element(node.at().in(slot));
  });
}

Status require_all_movable(const LayoutNode& node, const ElementwiseRoles& roles) {
  for (const bool output : {false, true}) {
    for (const std::size_t slot : output ? roles.outputs : roles.inputs) {
      if (const Status movable = require_movable(node, {output, slot}); !movable) return movable;
    }
  }
  return ok_status();
}

/// The reads and layouts of the inputs beside a result of this layout.
Status read_inputs(const LayoutNode& node, const ElementwiseRoles& roles, const Layout& result,
                   Relayout& made) {
  const bool single = result_has_one_element(node, roles);
  DrawnNode drawn = redrawn(node);
  bool reshaped = false;
  for (const std::size_t slot : roles.inputs) {
    if (!node.at().has(slot)) continue;
    const Fact& fact = node.at().in(slot);
    if (!roles.last_axis_only && !single && has_one_element(fact)) continue;
    auto beside = aligned_operand(fact, result, node.at().input_label(slot));
    if (!beside) return beside.error();
    auto [layout, unsqueeze] = std::move(beside).value();
    if (!unsqueeze.empty() && roles.last_axis_only) {
      return refuse("the last axis is where " + node.at().input_label(slot) + " lies");
    }
    made.inputs[slot] = std::move(layout);
    reshaped = reshaped || !unsqueeze.empty();
    drawn.inputs[slot].unsqueeze = std::move(unsqueeze);
  }
  if (reshaped) made.nodes.push_back(std::move(drawn));
  return ok_status();
}

}  // namespace

std::string operand_label(const LayoutNode& node, Operand operand) {
  if (!operand.output) return node.at().input_label(operand.slot);
  std::string label = "output " + std::to_string(operand.slot);
  const auto& outputs = node.at().node().outputs;
  if (operand.slot >= outputs.size()) return label;
  return label + " '" + std::string(node.at().graph().value_name(outputs[operand.slot])) + "'";
}

Status require_movable(const LayoutNode& node, Operand operand) {
  constexpr std::int64_t kMovesFloat8 = 21;  // the opset from which Transpose takes it
  const DType dtype = node.of(operand).dtype;
  const bool float8 = dtype >= DType::float8e4m3fn && dtype <= DType::float8e5m2fnuz;
  const bool never = dtype == DType::float6e2m3 || dtype == DType::float6e3m2;
  if (never || (float8 && node.at().graph().opset().value_or(1) < kMovesFloat8)) {
    return refuse("no Transpose of this opset takes " + dtype_name(dtype));
  }
  return ok_status();
}

Layout lifted(const Layout& layout, std::size_t rank) {
  const std::size_t front = rank - layout.rank();
  std::vector<std::int64_t> axes(front);
  std::iota(axes.begin(), axes.end(), std::int64_t{0});
  for (const std::int64_t axis : layout.perm.ints()) {
    axes.push_back(axis + static_cast<std::int64_t>(front));
  }
  Layout made(*Permutation::of(axes));
  made.inner = layout.inner;
  for (InnerOrder& one : made.inner) one.axis += front;
  return made;
}

Result<Aligned> aligned_operand(const Fact& fact, const Layout& layout, const std::string& label) {
  Aligned made = aligned(Layout(layout.perm), fact.rank());
  const std::size_t missing = layout.rank() - fact.rank();
  for (InnerOrder one : layout.inner) {
    if (one.axis < missing) continue;
    one.axis -= missing;
    const Expr& size = (*fact.dims)[one.axis];
    if (size.is(1)) continue;
    const auto whole =
        std::accumulate(one.sizes.begin(), one.sizes.end(), std::int64_t{1}, std::multiplies<>());
    if (!size.is(whole)) {
      return refuse(label + " may broadcast along axis " + std::to_string(one.axis) +
                    ", which is stored in another inner order");
    }
    made.layout.inner.push_back(std::move(one));
  }
  return made;
}

Result<Relayout> elementwise_layout(const LayoutNode& node, Operand operand, const Layout& layout,
                                    const ElementwiseRoles& roles) {
  if (!carries_elements(operand, roles)) {
    return refuse(operand_label(node, operand) + " is not read element by element");
  }
  const Status movable = require_all_movable(node, roles);
  if (!movable) return movable.error();
  const auto rank = result_rank(node, roles);
  if (!rank) return rank.error();
  if (layout.rank() > rank.value()) return refuse("its output has another rank than its inputs");
  Relayout made = unmoved(node);
  const bool free = !operand.output && !roles.last_axis_only && has_one_element(node.of(operand)) &&
                    !result_has_one_element(node, roles);
  if (free) {
    made.inputs[operand.slot] = layout;
    return made;
  }
  const Layout result = lifted(layout, rank.value());
  for (const std::size_t slot : roles.outputs) {
    if (slot < made.outputs.size() && node.of({true, slot}).has_rank()) made.outputs[slot] = result;
  }
  const Status read = read_inputs(node, roles, result, made);
  if (!read) return read.error();
  return made;
}

Result<Relayout> broadcast_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  if (node.at().attr_int("broadcast", 0) != 0) {
    return refuse("before opset 7 it names the axis where its inputs meet");
  }
  ElementwiseRoles roles;
  for (std::size_t slot = 0; slot < node.at().input_count(); ++slot) roles.inputs.push_back(slot);
  return elementwise_layout(node, operand, layout, roles);
}

Result<Relayout> unary_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  return elementwise_layout(node, operand, layout, {.inputs = {0}});
}

}  // namespace pot
