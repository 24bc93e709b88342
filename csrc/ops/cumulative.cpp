// Running sums and products.

#include "ops/op_table.h"

namespace pot {

void register_cumulative(OpTable& table) {
  table.add({"CumProd", "CumSum"}, {.traits = {.accumulation = Accumulation::scan}});
}

}  // namespace pot
