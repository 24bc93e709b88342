#include "passes/simplify_shapes.h"

#include <algorithm>
#include <unordered_map>

#include "passes/constant_target.h"
#include "passes/least_sizes.h"
#include "passes/size_sources.h"
#include "passes/stand_in.h"

namespace pot {
namespace {

/// The fact of a value that may be defined around the body.
Fact fact_around(const Graph& graph, const FactsFromLeast& facts, ValueId id) {
  const Graph* at = &graph;
  while (id && at->is_outer(id) && at->parent()) {
    const std::string_view name = at->value_name(id);
    at = at->parent();
    id = at->find_value(name);
  }
  return facts.of(*at, id);
}

TensorRef whole_tensor(std::string name, DType dtype, const std::vector<std::int64_t>& numbers) {
  if (dtype != DType::int32) return make_int64s(std::move(name), numbers);
  const std::vector<std::int32_t> narrow(numbers.begin(), numbers.end());
  return make_tensor_copy(std::move(name), dtype, {static_cast<std::int64_t>(narrow.size())},
                          std::as_bytes(std::span(narrow)));
}

/// Constants in the place of computed targets.
class Targets {
 public:
  Targets(Graph& graph, const FactsFromLeast& facts) : graph_(graph), facts_(facts) {}

  std::size_t write() {
    std::size_t written = 0;
    const std::vector<NodeId> listing(graph_.nodes().begin(), graph_.nodes().end());
    for (const NodeId id : listing) {
      const Node& node = graph_.node(id);
      if (!node.is_standard()) continue;
      const bool resize = node.op_type == "Resize";
      if (!resize && node.op_type != "Reshape" && node.op_type != "Expand" &&
          node.op_type != "Slice") {
        continue;
      }
      std::vector<Fact> inputs;
      for (const ValueId input : node.inputs) inputs.push_back(fact_around(graph_, facts_, input));
      const NodeFacts at(graph_, node, graph_.opset(node.domain).value_or(0), std::move(inputs));
      written += resize ? write_scales(at) : write_targets(at);
    }
    return written;
  }

 private:
  [[nodiscard]] std::string name_for(const Node& node, const char* what) const {
    const std::string_view made = node.outputs.empty() ? "" : graph_.value_name(node.outputs[0]);
    return graph_.fresh_name(std::string(made) + what);
  }

  std::size_t write_targets(const NodeFacts& at) {
    const auto targets = constant_targets(at);
    if (targets.empty()) return write_ones(at);
    const NodeId id = at.node().id;
    for (const ConstantTarget& target : targets) {
      const TensorRef tensor =
          whole_tensor(name_for(at.node(), "_sizes"), at.in(target.slot).dtype, target.numbers);
      graph_.set_input(id, target.slot, graph_.set_initializer(tensor));
    }
    if (!targets.empty() && graph_.node(id).attribute("allowzero")) {
      graph_.remove_attribute(id, "allowzero");
    }
    return targets.size();
  }

  std::size_t write_ones(const NodeFacts& at) {
    constexpr std::int64_t kAxesAreInputs = 13;
    const Node& node = at.node();
    if (node.outputs.empty() || !node.outputs[0]) return 0;
    const auto ones = one_axes(at, facts_.of(graph_, node.outputs[0]));
    if (!ones) return 0;
    const NodeId id = node.id;
    const ValueId data = node.inputs[0];
    const std::string name = name_for(node, "_axes");
    graph_.remove_attribute(id, "allowzero");
    graph_.set_op_type(id, ones->added ? "Unsqueeze" : "Squeeze", "");
    if (at.opset() >= kAxesAreInputs) {
      graph_.set_inputs(id, {data, graph_.set_initializer(make_int64s(name, ones->axes))});
    } else {
      graph_.set_inputs(id, {data});
      graph_.set_attribute(id, Attribute("axes", ones->axes));
    }
    return 1;
  }

  std::size_t write_scales(const NodeFacts& at) {
    const auto scales = whole_scales(at);
    if (!scales) return 0;
    const NodeId id = at.node().id;
    std::vector<ValueId> inputs = at.node().inputs;
    inputs.resize(3);
    inputs[2] = graph_.set_initializer(make_tensor_copy(
        name_for(at.node(), "_scales"), DType::float32, {static_cast<std::int64_t>(scales->size())},
        std::as_bytes(std::span(*scales))));
    graph_.set_inputs(id, std::move(inputs));
    return 1;
  }

  Graph& graph_;
  const FactsFromLeast& facts_;
};

bool is_open(const Elements& elements) {
  return elements &&
         std::ranges::any_of(*elements, [](const Expr& each) { return !each.number(); });
}

/// Equal elements, dtype and shape: readers read the first.
std::size_t share_equal(Graph& graph, const FactsFromLeast& facts, Changes& changes) {
  const auto order = graph.order();
  if (!order) return 0;
  std::unordered_map<std::size_t, std::vector<std::pair<ValueId, Fact>>> seen;
  std::size_t shared = 0;
  for (const NodeId id : order.value()) {
    const std::vector<ValueId> outputs = graph.node(id).outputs;
    for (const ValueId output : outputs) {
      if (!output) continue;
      const Fact& plain = facts.plain(graph, output);
      const bool whole = plain.dtype == DType::int64 || plain.dtype == DType::int32;
      if (!whole || !is_open(plain.elements)) continue;
      const Fact fact = facts.of(graph, output);
      std::size_t key = fact.rank();
      for (const Expr& each : *fact.elements) key = key * 31U + each.hash();
      auto& alike = seen[key];
      const auto first = std::ranges::find_if(
          alike, [&](const auto& other) { return same_fact(other.second, fact); });
      if (first == alike.end()) {
        alike.emplace_back(output, fact);
      } else if (!graph.value(output).is_output && is_read(graph, output)) {
        if (stand_in(graph, output, first->first, changes)) ++shared;
      }
    }
  }
  return shared;
}

}  // namespace

Result<bool> simplify_shapes(Model& model, const ModelFacts& known, Changes& changes) {
  const FactsFromLeast facts(model.graph(), known);
  std::size_t written = 0;
  std::size_t shared = 0;
  std::size_t saved = 0;
  for (const GraphPtr& graph : graphs_of(model)) {
    written += Targets(*graph, facts).write();
    shared += share_equal(*graph, facts, changes);
    // The nodes that these left without readers are in the way of an honest count.
    if (written + shared == 0) saved += rebuild_sizes(*graph, facts, changes);
  }
  changes.count("targets that became constants", written);
  changes.count("shared equal sizes", shared);
  changes.count("nodes of shape arithmetic saved", saved);
  return written + shared + saved != 0;
}

}  // namespace pot
