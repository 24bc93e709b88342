#include "passes/layout/cancel_gathers.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "passes/layout/draw_node.h"
#include "passes/stand_in.h"

namespace pot {
namespace {

using Ints = std::vector<std::int64_t>;

TensorRef constant_at(const Graph& graph, ValueId id) {
  const NodeId producer = id ? graph.value(id).producer : NodeId{};
  if (!producer) return constant_of(graph, id);
  return graph.node(producer).is("Constant") ? graph.node(producer).attr_tensor("value") : nullptr;
}

/// The indices of a Gather that picks constant places along the first axis.
std::optional<Ints> picked(const Graph& graph, const Node& node) {
  if (!node.is("Gather") || node.inputs.size() != 2 || node.outputs.size() != 1) return {};
  if (!node.inputs[0] || node.attr_int("axis").value_or(0) != 0) return {};
  const TensorRef tensor = constant_at(graph, node.inputs[1]);
  if (!tensor || tensor->dims.size() != 1) return {};
  auto ints = read_ints(*tensor);
  if (!ints) return {};
  return std::move(ints).value();
}

/// What is picked of what was picked; nothing where an index is outside.
std::optional<Ints> picked_twice(const Ints& first, const Ints& second) {
  const auto count = static_cast<std::int64_t>(first.size());
  Ints out;
  for (const std::int64_t index : second) {
    const std::int64_t place = index < 0 ? index + count : index;
    if (place < 0 || place >= count) return std::nullopt;
    out.push_back(first[static_cast<std::size_t>(place)]);
  }
  return out;
}

bool counts_up(const Ints& ints) {
  for (std::size_t i = 0; i < ints.size(); ++i) {
    if (ints[i] != static_cast<std::int64_t>(i)) return false;
  }
  return true;
}

class Canceller {
 public:
  Canceller(Graph& graph, const ModelFacts& facts, Changes& changes)
      : graph_(graph), facts_(facts), changes_(changes) {}

  void run() {
    const std::vector<NodeId> listing(graph_.nodes().begin(), graph_.nodes().end());
    for (const NodeId id : listing) {
      if (graph_.find(id)) visit(id);
    }
  }

 private:
  void visit(NodeId id) {
    const auto second = picked(graph_, graph_.node(id));
    if (!second) return;
    const ValueId between = graph_.node(id).inputs[0];
    const NodeId before = graph_.value(between).producer;
    const auto first = before ? picked(graph_, graph_.node(before)) : std::nullopt;
    const auto both = first ? picked_twice(*first, *second) : std::nullopt;
    if (!both) return;
    const ValueId list = graph_.node(before).inputs[0];
    changes_.count("joined Gathers");
    if (become_range(id, before, list, *both)) return;
    if (!counts_up(*both) || length(list) != both->size()) return join(id, before, list, *both);
    if (!become_maker(id, before, list)) {
      stand_in(graph_, graph_.node(id).outputs[0], list, changes_);
    }
  }

  /// Both become one, under the name of the one that an edit has named the other after.
  void join(NodeId id, NodeId before, ValueId list, const Ints& both) {
    const ValueId between = graph_.node(before).outputs[0];
    const ValueId made = graph_.node(id).outputs[0];
    const std::string& name = graph_.node(before).name.value;
    const bool alone = graph_.uses(between).size() == 1 && !graph_.value(between).is_output;
    if (name.empty() || !graph_.node(id).name.value.starts_with(name) || !alone ||
        graph_.value(made).is_output) {
      graph_.set_inputs(id, {list, stored_ints(graph_, both)});
      return;
    }
    graph_.set_inputs(before, {list, stored_ints(graph_, both)});
    graph_.replace_uses(made, between);
    graph_.remove_node(id);
  }

  /// Sizes in a row are what Shape lists with `start` and `end`.
  bool become_range(NodeId id, NodeId before, ValueId list, const Ints& both) {
    constexpr std::int64_t kHasRange = 15;
    const NodeId maker = graph_.value(list).producer;
    if (!maker || !graph_.node(maker).is("Shape") || !graph_.node(maker).attributes.empty()) {
      return false;
    }
    Ints row = both;
    for (std::int64_t& place : row) place -= both.front();
    const auto rank = length(list);
    if (both.empty() || both.front() < 0 || !counts_up(row) || !rank || both.size() == *rank) {
      return false;
    }
    if (graph_.opset().value_or(1) < kHasRange || !become_maker(id, before, list)) return false;
    graph_.set_attribute(id, Attribute("end", both.back() + 1));  // as exporters write it: by name
    graph_.set_attribute(id, Attribute("start", both.front()));
    return true;
  }

  /// How many elements a list has; nothing when it is not known to be one.
  [[nodiscard]] std::optional<std::size_t> length(ValueId list) const {
    const NodeId maker = graph_.value(list).producer;
    if (maker && graph_.node(maker).is("Shape") && graph_.node(maker).attributes.empty()) {
      const Fact& fact = facts_.of(graph_, graph_.node(maker).inputs[0]);
      if (fact.has_rank()) return fact.rank();
    }
    const auto sizes = facts_.of(graph_, list).numbers();
    if (!sizes || sizes->size() != 1) return std::nullopt;
    return static_cast<std::size_t>(sizes->front());
  }

  /// The node makes the list itself, where an edit had split it in two: what made the list is named
  /// after it. Returns whether it does.
  bool become_maker(NodeId id, NodeId before, ValueId list) {
    const NodeId maker = graph_.value(list).producer;
    if (!maker) return false;
    const Node& made = graph_.node(maker);
    const std::string prefix = graph_.node(id).name.value + "/";
    if (prefix.size() == 1 || !made.name.value.starts_with(prefix)) return false;
    if (made.outputs.size() != 1 || made.has_bodies()) return false;
    const auto only_these = [&](ValueId value) {
      return !graph_.value(value).is_output &&
             std::ranges::all_of(graph_.uses(value), [&](const Use& use) {
               return use.node == id || use.node == before;
             });
    };
    if (!only_these(list) || !only_these(graph_.node(before).outputs[0])) return false;
    take_over(id, maker);
    graph_.remove_node(before);
    graph_.remove_node(maker);
    return true;
  }

  void take_over(NodeId id, NodeId maker) {
    std::vector<std::string> gone;
    for (const Attribute& each : graph_.node(id).attributes) gone.push_back(each.name.value);
    for (const std::string& name : gone) graph_.remove_attribute(id, name);
    const Node& made = graph_.node(maker);
    for (const Attribute& each : made.attributes) graph_.set_attribute(id, each.clone());
    graph_.set_op_type(id, made.op_type.value, made.domain.value);
    graph_.set_inputs(id, made.inputs);
  }

  Graph& graph_;
  const ModelFacts& facts_;
  Changes& changes_;
};

}  // namespace

void cancel_gathers(Model& model, const ModelFacts& facts, Changes& changes) {
  for (const GraphPtr& graph : graphs_of(model)) Canceller(*graph, facts, changes).run();
}

}  // namespace pot
