#include "passes/unlist_weights.h"

#include <algorithm>
#include <vector>

namespace pot {
namespace {

constexpr std::int64_t kWeightsNeedNotBeInputs = 4;

bool weights_must_be_inputs(const Model& model) {
  return model.ir_version().value_or(0) < kWeightsNeedNotBeInputs;
}

}  // namespace

void unlist_weights(Model& model, Changes& changes) {
  if (!weights_must_be_inputs(model)) return;
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

void allow_unlisted_weights(Model& model) {
  if (!weights_must_be_inputs(model)) return;
  bool unlisted = false;
  for_each_graph(model, [&](const Graph& graph) {
    unlisted = unlisted || std::ranges::any_of(graph.initializers(), [&](const TensorRef& tensor) {
                 const ValueId id = graph.find_value(tensor->name);
                 return id && !graph.value(id).is_input;
               });
  });
  if (unlisted) model.set_ir_version(kWeightsNeedNotBeInputs);
}

}  // namespace pot
