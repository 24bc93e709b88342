#include "passes/layout/layout_families.h"

#include "passes/stand_in.h"

namespace pot {
namespace {

/// Nothing when `perm` is no order of so many axes.
std::optional<Permutation> permutation_of(const Node& node, std::size_t rank) {
  const Attribute* given = node.attribute("perm");
  if (!given) return Permutation::reversed(rank);
  const auto* perm = given->get<std::vector<std::int64_t>>();
  if (!perm || perm->size() != rank) return std::nullopt;
  std::vector<std::int64_t> axes;
  for (const std::int64_t axis : *perm) {
    const auto normal = normalized_axis(axis, rank);
    if (!normal) return std::nullopt;
    axes.push_back(static_cast<std::int64_t>(*normal));
  }
  return Permutation::of(axes);
}

/// The file says once what it is.
bool defined_once(const Value& value) {
  const bool stored = value.initializer || value.sparse_initializer;
  return value.definitions == 0 || (value.definitions == 1 && !value.is_input && !stored);
}

TensorRef constant_at(const Graph& graph, ValueId id, const Fact& fact) {
  if (TensorRef stored = constant_of(graph, id)) return stored;
  const NodeId producer = graph.value(id).producer;
  const bool made = producer && graph.node(producer).is("Constant");
  return made ? fact.constant : nullptr;
}

}  // namespace

Result<LayoutFamilies> LayoutFamilies::find(Model& model, const ModelFacts& facts,
                                            const WeighedSizes& sizes, LayoutNetwork& network) {
  LayoutFamilies made(facts, sizes, network);
  for (const GraphPtr& graph : graphs_of(model)) {
    if (auto status = made.add(*graph); !status) return status.error();
  }
  return made;
}

Status LayoutFamilies::add(Graph& graph) {
  const auto order = graph.order();
  if (!order) return order.error();
  OfGraph& here = graphs_[&graph];
  here.values.resize(graph.value_count());
  for (std::uint32_t i = 0; i < graph.value_count(); ++i) {
    const Value& value = graph.value(ValueId{i});
    if (value.is_input || value.initializer) add_root(graph, ValueId{i});
  }
  for (const NodeId id : order.value()) {
    const Node& node = graph.node(id);
    if (node.is("Transpose") && add_member(graph, node)) continue;
    for (const ValueId output : node.outputs) {
      if (output) add_root(graph, output);
    }
  }
  return ok_status();
}

void LayoutFamilies::add_root(Graph& graph, ValueId id) {
  const Fact& fact = facts_->of(graph, id);
  if (!fact.has_rank() || !defined_once(graph.value(id))) return;
  ValueFamily family;
  family.members.push_back({{&graph, id}, Permutation::identity(fact.rank()), {}});
  family.dims = *fact.dims;
  family.dtype = fact.dtype;
  family.bytes = sizes_->bytes(family.dims, fact.dtype);
  family.constant = constant_at(graph, id, fact);
  graphs_[&graph].values[id.index] = At{network_->families.size(), 0};
  network_->families.push_back(std::move(family));
}

bool LayoutFamilies::add_member(Graph& graph, const Node& node) {
  if (node.inputs.size() != 1 || node.outputs.size() != 1 || !node.outputs[0]) return false;
  const auto source = of(graph, node.inputs[0]);
  if (!source || !defined_once(graph.value(node.outputs[0]))) return false;
  ValueFamily& family = network_->families[source->family];
  const auto perm = permutation_of(node, family.dims.size());
  if (!perm) return false;
  const Permutation of_root = family.members[source->member].perm.then(*perm);
  OfGraph& here = graphs_[&graph];
  here.values[node.outputs[0].index] = At{source->family, family.members.size()};
  here.transposes.insert(node.id);
  family.members.push_back({{&graph, node.outputs[0]}, of_root, node.id, source->member});
  network_->transposes.emplace_back(&graph, node.id);
  return true;
}

std::optional<LayoutFamilies::At> LayoutFamilies::of(const Graph& graph, ValueId id) const {
  const Graph* at = &graph;
  while (id && at->is_outer(id)) {
    const std::string_view wanted = at->value_name(id);
    at = at->parent();
    if (!at) return std::nullopt;
    id = at->find_value(wanted);
  }
  const auto found = graphs_.find(at);
  if (!id || found == graphs_.end() || id.index >= found->second.values.size()) {
    return std::nullopt;
  }
  return found->second.values[id.index];
}

bool LayoutFamilies::replaced(const Graph& graph, NodeId node) const {
  const auto found = graphs_.find(&graph);
  return found != graphs_.end() && found->second.transposes.contains(node);
}

bool LayoutFamilies::is_constant(const Graph& graph, NodeId node) const {
  const std::vector<ValueId>& outputs = graph.node(node).outputs;
  if (outputs.size() != 1) return false;
  const auto at = of(graph, outputs[0]);
  return at && network_->families[at->family].constant;
}

}  // namespace pot
