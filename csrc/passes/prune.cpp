#include "passes/prune.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "passes/stand_in.h"

namespace pot {
namespace {

/// By index of the node: whether an output of the graph needs it.
std::vector<bool> needed_nodes(const Graph& graph) {
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
  while (!pending.empty()) {
    const NodeId next = pending.back();
    pending.pop_back();
    for (const ValueId input : graph.node(next).inputs) need(input);
    for (const ValueId captured : graph.captures(next)) need(captured);
  }
  return needed;
}

std::size_t remove_dead_nodes(Graph& graph) {
  const std::vector<bool> needed = needed_nodes(graph);
  std::vector<NodeId> dead;
  for (const NodeId id : graph.nodes()) {
    if (!needed[id.index]) dead.push_back(id);
  }
  graph.remove_nodes(dead);
  return dead.size();
}

std::size_t remove_unread_weights(Graph& graph) {
  const std::vector<bool> read = read_values(graph);
  std::vector<ValueId> unread;
  for (std::uint32_t i = 0; i < graph.value_count(); ++i) {
    const Value& value = graph.value(ValueId{i});
    const bool weight = value.initializer || value.sparse_initializer;
    if (weight && !read[i] && !value.is_input) unread.push_back(ValueId{i});
  }
  graph.remove_initializers(unread);
  return unread.size();
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

Result<bool> prune(Model& model, Changes& changes) {
  std::size_t nodes = 0;
  std::size_t weights = 0;
  std::vector<GraphPtr> graphs = graphs_of(model);
  std::ranges::reverse(graphs);  // what a body no longer reads is dead around it
  for (const GraphPtr& graph : graphs) {
    nodes += remove_dead_nodes(*graph);
    weights += remove_unread_weights(*graph);
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
