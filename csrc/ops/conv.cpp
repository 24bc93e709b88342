// Convolutions.

#include "ops/op_table.h"

namespace pot {

void register_conv(OpTable& table) {
  const OpEntry conv{.traits = {.accumulation = Accumulation::conv}};
  table.add({"CausalConvWithState", "Conv", "ConvInteger", "DeformConv"}, conv);
  table.add({"CausalConvWithState", "FusedConv", "NhwcConv", "NhwcFusedConv"}, conv, ort_domain);

  // Here the weight is input 3: each tensor is followed by its scale and its zero point.
  table.add("QLinearConv", conv);
  table.add("QLinearConv", conv, ort_domain);

  const OpEntry transposed{.traits = {.accumulation = Accumulation::conv_transpose}};
  table.add("ConvTranspose", transposed);
  table.add("ConvTransposeWithDynamicPads", transposed, ort_domain);
}

}  // namespace pot
