#include "passes/prune.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "passes/stand_in.h"

namespace pot {
namespace {

/// By index of the node: whether an output of the graph needs it, or it is left.
std::vector<bool> needed_nodes(const Graph& graph, const Unneeded& left) {
  std::vector<bool> needed;
  for (const NodeId id : graph.nodes()) {
    if (needed.size() <= id.index) needed.resize(id.index + 1, false);
  }
  std::vector<NodeId> pending;
  const auto need = [&](ValueId id) {
    const NodeId producer = id ? graph.value(id).producer : NodeId{};
    if (!producer || needed[producer.index]) return;
    needed[producer.index] = true;
    pending.push_back(producer);
  };
  for (const ValueInfo& output : graph.outputs()) need(output.value);
  for (const NodeId id : graph.nodes()) {
    if (!left.nodes.contains({&graph, id}) || needed[id.index]) continue;
    needed[id.index] = true;
    pending.push_back(id);
  }
  while (!pending.empty()) {
    const NodeId next = pending.back();
    pending.pop_back();
    for (const ValueId input : graph.node(next).inputs) need(input);
    for (const ValueId captured : graph.captures(next)) need(captured);
  }
  return needed;
}

std::vector<NodeId> dead_nodes(const Graph& graph, const Unneeded& left) {
  const std::vector<bool> needed = needed_nodes(graph, left);
  std::vector<NodeId> dead;
  for (const NodeId id : graph.nodes()) {
    if (!needed[id.index]) dead.push_back(id);
  }
  return dead;
}

std::vector<ValueId> unread_weights(const Graph& graph, const Unneeded& left) {
  const std::vector<bool> read = read_values(graph);
  std::vector<ValueId> unread;
  for (std::uint32_t i = 0; i < graph.value_count(); ++i) {
    const ValueId id{i};
    const Value& value = graph.value(id);
    const bool weight = value.initializer || value.sparse_initializer;
    const bool stays = value.is_input || left.weights.contains({&graph, id});
    if (weight && !read[i] && !stays) unread.push_back(id);
  }
  return unread;
}

using Called = std::unordered_set<const Function*>;

void find_calls(const Model& model, const Graph& graph, Called& called) {
  for (const NodeId id : graph.nodes()) {
    const Node& node = graph.node(id);
    const Function* function = model.find_function(node.domain, node.op_type, node.overload);
    if (function && called.insert(function).second) find_calls(model, *function->body, called);
    if (!node.has_bodies()) continue;
    for (const GraphPtr& body : node.bodies()) find_calls(model, *body, called);
  }
}

std::set<std::string> used_domains(const Model& model) {
  std::set<std::string> used{""};
  for_each_graph(model, [&used](const Graph& graph) {
    for (const NodeId id : graph.nodes()) {
      const Node& node = graph.node(id);
      if (!node.is_standard()) used.insert(node.domain.value);
    }
  });
  for (const auto& function : model.functions()) used.insert(function->domain.value);
  return used;
}

}  // namespace

Unneeded unneeded(const Model& model) {
  Unneeded out;
  for (const GraphPtr& graph : graphs_of(model)) {
    for (const NodeId id : dead_nodes(*graph, {})) out.nodes.emplace(graph.get(), id);
    for (const ValueId id : unread_weights(*graph, {})) out.weights.emplace(graph.get(), id);
  }
  return out;
}

Result<bool> prune(Model& model, Changes& changes) { return prune_but(model, changes, {}); }

Result<bool> prune_but(Model& model, Changes& changes, const Unneeded& left) {
  std::size_t nodes = 0;
  std::size_t weights = 0;
  std::vector<GraphPtr> graphs = graphs_of(model);
  std::ranges::reverse(graphs);  // what a body no longer reads is dead around it
  for (const GraphPtr& graph : graphs) {
    const std::vector<NodeId> dead = dead_nodes(*graph, left);
    graph->remove_nodes(dead);
    const std::vector<ValueId> unread = unread_weights(*graph, left);
    graph->remove_initializers(unread);
    nodes += dead.size();
    weights += unread.size();
  }
  changes.count("removed unused nodes", nodes);
  changes.count("removed unused weights", weights);
  return nodes + weights != 0;
}

void prune_header(Model& model, Changes& changes) {
  Called called;
  find_calls(model, model.graph(), called);
  std::vector<const Function*> unused;
  for (const auto& function : model.functions()) {
    if (!called.contains(function.get())) unused.push_back(function.get());
  }
  for (const Function* function : unused) model.remove_function(*function);
  changes.count("removed unused functions", unused.size());
  const std::set<std::string> used = used_domains(model);
  std::vector<std::string> domains;
  for (const OpsetImport& import : model.opset_imports()) {
    const std::string& domain = import.domain.value;
    if (domain != "ai.onnx" && !used.contains(domain)) domains.push_back(domain);
  }
  for (const std::string& domain : domains) model.remove_opset(domain);
}

}  // namespace pot
