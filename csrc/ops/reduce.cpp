// Reductions that sum or multiply. The largest and the smallest element are exact.

#include "ops/op_table.h"

namespace pot {

void register_reduce(OpTable& table) {
  const OpEntry reduce{.traits = {.accumulation = Accumulation::reduce}};
  table.add({"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMean", "ReduceProd",
             "ReduceSum", "ReduceSumSquare"},
            reduce);
  table.add({"QLinearGlobalAveragePool", "QLinearReduceMean", "ReduceSumInteger"}, reduce,
            ort_domain);
}

}  // namespace pot
