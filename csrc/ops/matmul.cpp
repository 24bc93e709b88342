// Matrix products, with what onnxruntime fuses into them.

#include "ops/op_table.h"

namespace pot {

void register_matmul(OpTable& table) {
  const OpEntry product{.traits = {.accumulation = Accumulation::matmul}};
  table.add({"Gemm", "MatMul", "MatMulInteger", "QLinearMatMul"}, product);
  table.add(
      {"DynamicQuantizeMatMul", "FusedGemm", "FusedMatMul", "FusedMatMulActivation", "GemmFastGelu",
       "GemmFloat8", "MatMulBnb4", "MatMulFpQ4", "MatMulInteger16", "MatMulIntegerToFloat",
       "MatMulNBits", "QGemm", "QOrderedMatMul", "SparseToDenseMatMul", "TransposeMatMul"},
      product, ort_domain);
}

}  // namespace pot
