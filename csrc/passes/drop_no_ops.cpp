#include "passes/drop_no_ops.h"

#include <algorithm>

#include "passes/stand_in.h"
#include "passes/unchanged_input.h"

namespace pot {
namespace {

bool only_first_is_read(const Graph& graph, const Node& node) {
  return std::all_of(node.outputs.begin() + 1, node.outputs.end(),
                     [&](ValueId id) { return !id || !is_read(graph, id); });
}

/// The fact of a value that may be defined around the body.
const Fact& fact_around(const Graph& graph, const ModelFacts& facts, ValueId id) {
  const Graph* at = &graph;
  while (id && at->is_outer(id) && at->parent()) {
    const std::string_view name = at->value_name(id);
    at = at->parent();
    id = at->find_value(name);
  }
  return facts.of(*at, id);
}

std::optional<std::size_t> unchanged(const Graph& graph, const Node& node,
                                     const ModelFacts& facts) {
  const Fact& made = facts.of(graph, node.outputs[0]);
  std::vector<Fact> inputs;
  inputs.reserve(node.inputs.size());
  for (const ValueId input : node.inputs) inputs.push_back(fact_around(graph, facts, input));
  const NodeFacts at(graph, node, graph.opset(node.domain).value_or(0), std::move(inputs));
  return unchanged_input(at, made);
}

std::size_t drop(Graph& graph, const ModelFacts& facts, Changes& changes) {
  std::size_t dropped = 0;
  const std::vector<NodeId> listing(graph.nodes().begin(), graph.nodes().end());
  for (const NodeId id : listing) {
    const Node& node = graph.node(id);
    if (!may_be_unchanged(node) || node.outputs.empty() || !node.outputs[0]) continue;
    const Value& made = graph.value(node.outputs[0]);
    if (made.definitions != 1 || !only_first_is_read(graph, node)) continue;
    if (!made.is_output && made.uses.empty() && graph.uses(node.outputs[0]).empty()) continue;
    const auto slot = unchanged(graph, node, facts);
    if (slot && stand_in(graph, node.outputs[0], node.inputs[*slot], changes)) ++dropped;
  }
  return dropped;
}

}  // namespace

Result<bool> drop_no_ops(Model& model, const ModelFacts& facts, Changes& changes) {
  std::size_t dropped = 0;
  for (const GraphPtr& graph : graphs_of(model)) dropped += drop(*graph, facts, changes);
  changes.count("dropped nodes that do nothing", dropped);
  return dropped != 0;
}

}  // namespace pot
