// Recurrent layers: every step adds to the rounding of those before it.

#include "ops/op_table.h"

namespace pot {

void register_recurrent(OpTable& table) {
  const OpEntry recurrent{.traits = {.accumulation = Accumulation::recurrent}};
  table.add({"GRU", "LSTM", "RNN"}, recurrent);
  table.add({"AttnLSTM", "DynamicQuantizeLSTM", "GatedDeltaNet"}, recurrent, ort_domain);
}

}  // namespace pot
