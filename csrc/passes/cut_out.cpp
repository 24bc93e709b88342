#include "passes/cut_out.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "passes/changes.h"
#include "passes/extract.h"
#include "passes/prune.h"

namespace pot {
namespace {

using Names = std::vector<std::string>;

/// Nothing in the graph makes the value any more. A node that makes others too, which are needed,
/// makes this one under a name that nobody reads.
void orphan(Graph& graph, ValueId id) {
  while (const NodeId maker = graph.value(id).producer) {
    const ValueId unread = graph.intern(graph.fresh_name(graph.value(id).name + "_unread"));
    std::vector<ValueId> outputs = graph.node(maker).outputs;
    std::ranges::replace(outputs, id, unread);
    graph.set_outputs(maker, std::move(outputs));
  }
  graph.remove_initializer(id);
}

Status set_outputs(Graph& graph, std::span<const std::string> names) {
  std::vector<ValueId> wanted;
  for (const std::string& name : names) {
    const ValueId id = graph.find_value(name);
    if (std::ranges::find(wanted, id) == wanted.end()) wanted.push_back(id);
  }
  std::vector<ValueId> going;  // also what is listed twice, which it is not again
  std::unordered_set<ValueId> seen;
  for (const ValueInfo& output : graph.outputs()) {
    const bool kept = std::ranges::find(wanted, output.value) != wanted.end();
    if (!kept || !seen.insert(output.value).second) going.push_back(output.value);
  }
  for (const ValueId id : going) {
    const TypeRef type = graph.type(id);
    graph.remove_output(id);
    if (graph.is_defined(id)) graph.set_type(id, type);
  }
  for (const ValueId id : wanted) {
    if (!graph.value(id).is_output) graph.add_output(id, graph.type(id));
  }
  return graph.order_outputs(wanted);
}

/// Inputs of which nothing is read, with the weights that old files list among them.
void drop_unread_inputs(Graph& graph, const std::unordered_set<ValueId>& fed) {
  std::vector<ValueId> unread;
  for (const ValueInfo& input : graph.inputs()) {
    const ValueId id = input.value;
    const Value& value = graph.value(id);
    const bool weight = value.initializer || value.sparse_initializer;
    if (weight ? graph.uses(id).empty() && !value.is_output : !fed.contains(id)) {
      unread.push_back(id);
    }
  }
  for (const ValueId id : unread) graph.remove_input(id);
}

/// Declared types of values that there no longer are.
void drop_stale_types(Graph& graph) {
  std::vector<std::pair<ValueId, TypeRef>> kept;
  for (const ValueInfo& info : graph.value_infos()) {
    const Value& value = graph.value(info.value);
    const bool told = value.is_input || value.is_output;
    const bool there = info.type && graph.is_defined(info.value) && !told;
    if (there) kept.emplace_back(info.value, info.type);
  }
  if (kept.size() != graph.value_infos().size()) graph.set_value_infos(kept);
}

Status order_inputs(Graph& graph, std::span<const ValueId> first) {
  std::vector<ValueId> order(first.begin(), first.end());
  for (const ValueInfo& input : graph.inputs()) {
    if (std::ranges::find(first, input.value) == first.end()) order.push_back(input.value);
  }
  return graph.order_inputs(order);
}

}  // namespace

Result<CutOut> cut_out(const Model& model, std::span<const std::string> given,
                       std::span<const std::string> outputs) {
  const auto read = frontier(model, given, outputs, Cut::slice);
  if (!read) return read.error();
  const std::unordered_set<std::string> border(read.value().begin(), read.value().end());

  CutOut made{.model = model.copy(), .inputs = {}};
  Graph& graph = made.model->graph();
  std::vector<ValueId> fed;
  const auto feed = [&](const std::string& name) {
    const ValueId id = graph.find_value(name);
    if (!border.contains(name) || std::ranges::find(fed, id) != fed.end()) return;
    fed.push_back(id);
    made.inputs.push_back(name);
  };
  for (const std::string& name : given) {
    const ValueId id = graph.find_value(name);
    orphan(graph, id);
    feed(name);
    if (border.contains(name) && !graph.value(id).is_input) graph.add_input(id, graph.type(id));
  }
  for (const ValueInfo& input : graph.inputs()) {
    if (input.value) feed(graph.value(input.value).name);
  }
  if (auto status = set_outputs(graph, outputs); !status) return status.error();
  Changes unreported;
  if (const auto pruned = prune(*made.model, unreported); !pruned) return pruned.error();
  drop_unread_inputs(graph, {fed.begin(), fed.end()});
  if (const auto pruned = prune(*made.model, unreported); !pruned) return pruned.error();
  prune_header(*made.model, unreported);
  drop_stale_types(graph);
  if (auto status = order_inputs(graph, fed); !status) return status.error();
  return made;
}

}  // namespace pot
