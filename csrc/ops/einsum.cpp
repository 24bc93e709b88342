// Einsum: its equation says what is summed.

#include "ops/op_table.h"

namespace pot {

void register_einsum(OpTable& table) {
  table.add("Einsum", {.traits = {.accumulation = Accumulation::einsum}});
}

}  // namespace pot
