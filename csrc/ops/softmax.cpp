// Softmax and its kin over one axis.

#include "ops/agreement.h"
#include "ops/op_table.h"

namespace pot {
namespace {

Inferred softmax(const NodeFacts& at) {
  const Fact& x = at.in(0);
  // Before opset 13 `axis` cuts the tensor in two, and may do so behind the last axis.
  const bool cuts = at.opset() < 13;
  const std::int64_t axis = at.attr_int("axis", cuts ? 1 : -1);
  const bool behind = cuts && x.has_rank() && axis == static_cast<std::int64_t>(x.rank());
  if (x.has_rank() && x.rank() > 0 && !behind && !normalized_axis(axis, x.rank())) {
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
