#include "passes/unlist_weights.h"

#include <vector>

namespace pot {

void unlist_weights(Model& model, Changes& changes) {
  constexpr std::int64_t kWeightsNeedNotBeInputs = 4;
  if (model.ir_version().value_or(0) >= kWeightsNeedNotBeInputs) return;
  Graph& graph = model.graph();
  std::vector<ValueId> listed;
  for (const ValueInfo& input : graph.inputs()) {
    if (graph.value(input.value).initializer) listed.push_back(input.value);
  }
  if (listed.empty()) return;
  for (const ValueId id : listed) graph.remove_input(id);
  model.set_ir_version(kWeightsNeedNotBeInputs);
  changes.count("weights that were listed as inputs", listed.size());
}

}  // namespace pot
