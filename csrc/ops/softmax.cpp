// Softmax and its kin over one axis.

#include "ops/shared/agreement.h"
#include "ops/shared/axis_layout.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

Inferred softmax(const NodeFacts& at) {
  const Fact& x = at.in(0);
  const std::int64_t axis = at.attr_int("axis", at.opset() < 13 ? 1 : -1);
  if (x.has_rank() && !normalized_axis(axis, x.rank())) {
    return contradiction("axis is " + std::to_string(axis) + ", but " + quoted(at, 0) + " has " +
                         counted(x.rank(), "axis", "axes"));
  }
  return std::vector{shaped_like(x)};
}

/// Hardmax keeps the first of several largest elements, so their order counts; sums only round.
Result<Relayout> softmax_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  if (node.at().opset() >= 13) return along_axis(node, operand, layout, kFirstInput, -1);
  const bool ordered = node.at().node().op_type == "Hardmax";
  return across_cut(node, operand, layout, {.otherwise = 1, .ordered = ordered});
}

}  // namespace

void register_softmax(OpTable& table) {
  const OpTraits sums{.accumulation = Accumulation::softmax};
  table.add({"LogSoftmax", "Softmax"},
            {.traits = sums, .shape = softmax, .layout = softmax_layout});
  table.add("Hardmax", {.shape = softmax, .layout = softmax_layout});
}

}  // namespace pot
