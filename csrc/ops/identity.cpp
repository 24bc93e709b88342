// Operators that hand their input on.

#include "ops/op_table.h"

namespace pot {

void register_identity(OpTable& table) {
  table.add("Identity", {.traits = {.alias = true}});
  // With `training_mode` it draws a mask; models are judged at inference.
  table.add("Dropout", {.traits = {.alias = true}});
  table.add("BitmaskDropout", {.traits = {.alias = true}}, ort_domain);
}

}  // namespace pot
