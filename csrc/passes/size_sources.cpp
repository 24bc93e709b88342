#include "passes/size_sources.h"

#include <algorithm>
#include <functional>

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
  Rebuilding(Graph& graph, const FactsFromLeast& facts, std::vector<NodeId> order)
      : graph_(graph), facts_(facts), order_(std::move(order)) {
    for (std::size_t place = 0; place < order_.size(); ++place) {
      const std::size_t index = order_[place].index;
      if (place_.size() <= index) place_.resize(index + 1, 0);
      place_[index] = place;
    }
  }

  std::size_t run(Changes& changes) {
    if (!find_arithmetic()) return 0;
    find_sources();
    SizePlan plan(sources_, graph_.opset().value_or(0));
    std::vector<NodeId> all;
    std::vector<NodeId> kept;
    std::vector<Wanted> wanted = wanted_values();
    // A single size is taken from a list that is there anyway.
    std::ranges::stable_sort(wanted, std::greater{}, &Wanted::length);
    for (const Wanted& each : wanted) {
      all.push_back(graph_.value(each.value).producer);
      if (!planned(plan, each)) kept.push_back(all.back());
    }
    const std::size_t there = needed_by(std::move(all));
    const std::size_t left = needed_by(std::move(kept)) + plan.node_count();
    if (left >= there) return 0;
    for (const auto& [old, made] : plan.make(graph_, order_)) read_instead(old, made, changes);
    return there - left;
  }

 private:
  /// A value of shape arithmetic that something else reads.
  struct Wanted {
    ValueId value;
    std::ptrdiff_t first_reader = 0;  // its place in the order
    std::size_t length = 0;           // 0 for a scalar
    bool movable = true;              // no body reads it, and it is no output
  };

  [[nodiscard]] bool computes_sizes(NodeId id) const {
    return id.index < computes_.size() && computes_[id.index];
  }

  /// Whether there is any.
  bool find_arithmetic() {
    for (const NodeId id : order_) {
      const Node& node = graph_.node(id);
      if (node.has_bodies() || node.outputs.empty()) continue;
      const bool all = std::ranges::all_of(node.outputs, [&](ValueId output) {
        return !output || is_open(facts_.plain(graph_, output));
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
    const Fact fact = facts_.of(graph_, id);
    if (fact.has_rank()) sources_.add(id, *fact.dims, made_at);
  }

  /// By something else than shape arithmetic.
  [[nodiscard]] bool is_read(ValueId id) const {
    if (graph_.value(id).is_output) return true;
    return std::ranges::any_of(graph_.uses(id), [this](const Use& use) {
      return use.slot == Use::kCaptured || !computes_sizes(use.node);
    });
  }

  [[nodiscard]] std::vector<Wanted> wanted_values() const {
    std::vector<Wanted> out;
    for (const NodeId id : order_) {
      if (!computes_sizes(id)) continue;
      for (const ValueId output : graph_.node(id).outputs) {
        if (output && is_read(output)) out.push_back(wanted(output));
      }
    }
    return out;
  }

  [[nodiscard]] Wanted wanted(ValueId id) const {
    const Fact fact = facts_.of(graph_, id);
    Wanted out{.value = id,
               .first_reader = static_cast<std::ptrdiff_t>(order_.size()),
               .length = fact.rank() == 0 ? 0 : fact.elements->size(),
               .movable = !graph_.value(id).is_output};
    for (const Use& use : graph_.uses(id)) {
      if (use.slot == Use::kCaptured) out.movable = false;
      if (computes_sizes(use.node)) continue;
      const auto place = static_cast<std::ptrdiff_t>(place_[use.node.index]);
      out.first_reader = std::min(out.first_reader, place);
    }
    return out;
  }

  /// Sizes of everything before the first reader can be used.
  bool planned(SizePlan& plan, const Wanted& wanted) const {
    const Fact fact = facts_.of(graph_, wanted.value);
    if (!wanted.movable || fact.rank() > 1) return false;
    return plan.want(wanted.value, *fact.elements, fact.rank() == 0, fact.dtype == DType::int32,
                     wanted.first_reader);
  }

  /// Shape arithmetic that stays goes on reading the old value: it may come before the new one.
  void read_instead(ValueId old, ValueId made, Changes& changes) {
    for (const Use& use : graph_.uses(old)) {
      if (!computes_sizes(use.node)) graph_.set_input(use.node, use.slot, made);
    }
    if (is_main(graph_)) changes.replaced(graph_.value_name(old), graph_.value_name(made));
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
  const FactsFromLeast& facts_;
  std::vector<NodeId> order_;
  std::vector<std::size_t> place_;  // in the order, by index of the node
  std::vector<bool> computes_;
  SizeSources sources_;
};

}  // namespace

std::size_t rebuild_sizes(Graph& graph, const FactsFromLeast& facts, Changes& changes) {
  auto order = graph.order();
  if (!order) return 0;
  return Rebuilding(graph, facts, std::move(order.value())).run(changes);
}

}  // namespace pot
