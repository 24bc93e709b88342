// Pooling that averages. The maximum of a window is exact.

#include "ops/op_table.h"

namespace pot {

void register_pool(OpTable& table) {
  const OpEntry pool{.traits = {.accumulation = Accumulation::pool}};
  table.add({"AveragePool", "LpPool"}, pool);
  // Each pixel is the sum of the blocks that overlap there.
  table.add("Col2Im", pool);
  table.add("QLinearAveragePool", pool, ort_domain);
}

}  // namespace pot
