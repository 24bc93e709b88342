#include "passes/layout/kept_constants.h"

#include <algorithm>
#include <optional>

#include "ir/typed_data.h"
#include "passes/layout/draw_node.h"
#include "passes/stand_in.h"

namespace pot {
namespace {

/// The node that holds a constant as its attribute, or none.
NodeId constant_node(const Graph& graph, ValueId id) {
  const NodeId producer = graph.value(id).producer;
  return producer && graph.node(producer).is("Constant") ? producer : NodeId{};
}

bool is_held(const Graph& graph, ValueId id) {
  if (graph.value(id).is_input || graph.value(id).is_output) return false;
  return graph.value(id).initializer || constant_node(graph, id);
}

/// Puts other elements into a constant. Returns whether it can hold them.
bool put(Graph& graph, ValueId id, const Tensor& tensor) {
  const std::string name(graph.value_name(id));
  if (const TensorRef own = graph.value(id).initializer) {
    if (own->dtype() != tensor.dtype()) return false;
    graph.set_initializer(typed_like(tensor.renamed(name), *own));
    return true;
  }
  const NodeId node = constant_node(graph, id);
  if (const TensorRef own = graph.node(node).attr_tensor("value")) {
    if (own->dtype() != tensor.dtype()) return false;
    graph.set_attribute(node,
                        Attribute("value", typed_like(tensor.renamed(own->name.value), *own)));
    return true;
  }
  const auto ints = read_ints(tensor);
  const bool listed = graph.node(node).attr_ints("value_ints") != nullptr;
  if (!listed || !ints || tensor.dims.size() != 1) return false;
  graph.set_attribute(node, Attribute("value_ints", ints.value()));
  return true;
}

/// What the file declares of the constant holds of these elements too.
bool fits(const TypeRef& declared, const Tensor& tensor) {
  const auto sizes = declared && declared->shape ? declared->shape->numbers() : std::nullopt;
  return sizes && *sizes == tensor.dims;
}

/// What all of these read now; nothing where they differ or some are gone.
std::optional<ValueId> read_by_all(const Graph& graph,
                                   const std::vector<std::pair<NodeId, std::size_t>>& readers) {
  std::optional<ValueId> common;
  for (const auto& [id, slot] : readers) {
    const Node* node = graph.find(id);
    if (!node || slot >= node->inputs.size() || !node->inputs[slot]) return std::nullopt;
    if (common && *common != node->inputs[slot]) return std::nullopt;
    common = node->inputs[slot];
  }
  return common;
}

}  // namespace

KeptConstants::KeptConstants(const Model& model) {
  for (const GraphPtr& graph : graphs_of(model)) {
    OfGraph& known = graphs_[graph.get()];
    for (const NodeId id : graph->nodes()) {
      const std::vector<ValueId>& inputs = graph->node(id).inputs;
      for (std::size_t slot = 0; slot < inputs.size(); ++slot) {
        if (!inputs[slot] || !is_held(*graph, inputs[slot])) continue;
        known.readers[inputs[slot]].emplace_back(id, slot);
      }
    }
  }
}

void KeptConstants::restore(Model& model) const {
  for (const GraphPtr& graph : graphs_of(model)) {
    if (const auto found = graphs_.find(graph.get()); found != graphs_.end()) {
      restore(*graph, found->second);
    }
  }
}

void KeptConstants::restore(Graph& graph, const OfGraph& known) {
  for (const auto& [old, readers] : known.readers) {
    if (!is_held(graph, old) || !graph.uses(old).empty()) continue;
    // What an earlier edit has added may go again.
    if (graph.value(old).name.starts_with(kIntsName)) continue;
    const auto now = read_by_all(graph, readers);
    if (!now || *now == old) continue;
    const TensorRef tensor = graph.value(*now).initializer;
    if (!tensor || (graph.value(old).info_index >= 0 && !fits(graph.type(old), *tensor))) continue;
    if (!put(graph, old, *tensor)) continue;
    for (const auto& [node, slot] : readers) graph.set_input(node, slot, old);
    if (!is_read(graph, *now) && !known.readers.contains(*now)) graph.remove_initializer(*now);
  }
}

}  // namespace pot
