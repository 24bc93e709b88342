// Scattered updates; they are summed when `reduction` says so.

#include "ops/op_table.h"

namespace pot {

void register_scatter(OpTable& table) {
  table.add({"ScatterElements", "ScatterND"}, {.traits = {.accumulation = Accumulation::scatter}});
}

}  // namespace pot
