#include "passes/size_sources.h"

#include <algorithm>

#include "passes/size_plan.h"
#include "passes/stand_in.h"

namespace pot {
namespace {

bool is_open(const Fact& fact) {
  const bool whole = fact.dtype == DType::int64 || fact.dtype == DType::int32;
  return whole && fact.elements &&
         std::ranges::any_of(*fact.elements, [](const Expr& each) { return !each.number(); });
}

/// The nodes of one graph that compute sizes, and what others read of them.
class Rebuilding {
 public:
  Rebuilding(Graph& graph, const ModelFacts& facts, std::vector<NodeId> order)
      : graph_(graph), facts_(facts), order_(std::move(order)) {}

  std::size_t run(Changes& changes) {
    if (!find_arithmetic()) return 0;
    find_sources();
    SizePlan plan(sources_, graph_.opset().value_or(0));
    std::vector<NodeId> all;
    std::vector<NodeId> kept;
    for (std::size_t place = 0; place < order_.size(); ++place) {
      const NodeId id = order_[place];
      if (!computes_sizes(id)) continue;
      for (const ValueId output : graph_.node(id).outputs) {
        if (!output || !is_read(output)) continue;
        all.push_back(id);
        if (!planned(plan, output, static_cast<std::ptrdiff_t>(place))) kept.push_back(id);
      }
    }
    const std::size_t there = needed_by(std::move(all));
    const std::size_t left = needed_by(std::move(kept)) + plan.node_count();
    if (left >= there) return 0;
    for (const auto& [old, made] : plan.make(graph_, order_)) {
      (void)stand_in(graph_, old, made, changes);
    }
    return there - left;
  }

 private:
  [[nodiscard]] bool computes_sizes(NodeId id) const {
    return id.index < computes_.size() && computes_[id.index];
  }

  /// Whether there is any.
  bool find_arithmetic() {
    for (const NodeId id : order_) {
      const Node& node = graph_.node(id);
      if (node.has_bodies() || node.outputs.empty()) continue;
      const bool all = std::ranges::all_of(node.outputs, [&](ValueId output) {
        return !output || is_open(facts_.of(graph_, output));
      });
      if (!all) continue;
      if (computes_.size() <= id.index) computes_.resize(id.index + 1, false);
      computes_[id.index] = true;
    }
    return !computes_.empty();
  }

  /// Sizes of inputs, and of values that are there anyway.
  void find_sources() {
    for (const ValueInfo& input : graph_.inputs()) add_source(input.value, -1);
    for (std::size_t place = 0; place < order_.size(); ++place) {
      const NodeId id = order_[place];
      if (computes_sizes(id)) continue;
      for (const ValueId output : graph_.node(id).outputs) {
        if (output && is_read(output)) add_source(output, static_cast<std::ptrdiff_t>(place));
      }
    }
  }

  void add_source(ValueId id, std::ptrdiff_t made_at) {
    const Fact& fact = facts_.of(graph_, id);
    if (fact.has_rank()) sources_.add(id, *fact.dims, made_at);
  }

  /// By something else than shape arithmetic.
  [[nodiscard]] bool is_read(ValueId id) const {
    if (graph_.value(id).is_output) return true;
    return std::ranges::any_of(graph_.uses(id), [this](const Use& use) {
      return use.slot == Use::kCaptured || !computes_sizes(use.node);
    });
  }

  bool planned(SizePlan& plan, ValueId id, std::ptrdiff_t place) const {
    const Fact& fact = facts_.of(graph_, id);
    if (graph_.value(id).is_output || fact.rank() > 1) return false;
    return plan.want(id, *fact.elements, fact.rank() == 0, fact.dtype == DType::int32, place);
  }

  /// Nodes that compute sizes and are among these, or make what these read.
  [[nodiscard]] std::size_t needed_by(std::vector<NodeId> open) const {
    std::vector<bool> seen(computes_.size(), false);
    std::size_t count = 0;
    while (!open.empty()) {
      const NodeId id = open.back();
      open.pop_back();
      if (!computes_sizes(id) || seen[id.index]) continue;
      seen[id.index] = true;
      ++count;
      for (const ValueId input : graph_.node(id).inputs) {
        if (input && graph_.value(input).producer) open.push_back(graph_.value(input).producer);
      }
    }
    return count;
  }

  Graph& graph_;
  const ModelFacts& facts_;
  std::vector<NodeId> order_;
  std::vector<bool> computes_;
  SizeSources sources_;
};

}  // namespace

std::size_t rebuild_sizes(Graph& graph, const ModelFacts& facts, Changes& changes) {
  auto order = graph.order();
  if (!order) return 0;
  return Rebuilding(graph, facts, std::move(order.value())).run(changes);
}

}  // namespace pot
