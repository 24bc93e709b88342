// Softmax and its kin over one axis.

#include "ops/agreement.h"
#include "ops/op_table.h"

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

}  // namespace

void register_softmax(OpTable& table) {
  const OpTraits sums{.accumulation = Accumulation::softmax};
  table.add({"LogSoftmax", "Softmax"}, {.traits = sums, .shape = softmax});
  table.add("Hardmax", {.shape = softmax});
}

}  // namespace pot
