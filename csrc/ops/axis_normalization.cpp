// Normalizations over axes that an attribute names.

#include "ops/agreement.h"
#include "ops/op_table.h"

namespace pot {
namespace {

Inferred unchanged(const NodeFacts& at) { return std::vector{shaped_like(at.in(0))}; }

}  // namespace

void register_axis_normalization(OpTable& table) {
  const OpTraits sums{.accumulation = Accumulation::norm};
  table.add({"LpNormalization", "MeanVarianceNormalization"}, {.traits = sums, .shape = unchanged});
}

}  // namespace pot
