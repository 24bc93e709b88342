// Softmax and what ends in one.

#include "ops/op_table.h"

namespace pot {

void register_softmax(OpTable& table) {
  const OpEntry softmax{.traits = {.accumulation = Accumulation::softmax}};
  table.add({"LogSoftmax", "Softmax", "SoftmaxCrossEntropyLoss"}, softmax);
  table.add({"BiasSoftmax", "QLinearSoftmax"}, softmax, ort_domain);
}

}  // namespace pot
