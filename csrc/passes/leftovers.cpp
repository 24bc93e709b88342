#include "passes/leftovers.h"

#include <algorithm>
#include <set>

#include "ir/print.h"
#include "passes/stand_in.h"

namespace pot {
namespace {

std::string shape_text(const Fact& fact) {
  if (!fact.has_rank()) return "[...]";
  std::string out = "[";
  for (const Expr& dim : *fact.dims) out += (out.size() > 1 ? ", " : "") + dim.text();
  return out + "]";
}

/// Whether not even the rank of a tensor, or whether it is one, is known.
bool is_blank(const Fact& fact) {
  return fact.kind == Fact::Kind::unknown || (fact.is_tensor() && !fact.dims);
}

class Search {
 public:
  explicit Search(const ModelFacts& facts) : facts_(facts) {}

  void look_at(const Graph& graph) {
    const auto order = graph.order();
    if (!order) return;
    for (const ValueInfo& input : graph.inputs()) look_at_input(graph, input.value);
    for (const NodeId id : order.value()) look_at(graph, id);
  }

  std::vector<Leftover> found() && { return std::move(found_); }

 private:
  void look_at_input(const Graph& graph, ValueId id) {
    const std::string node = "input '" + std::string(graph.value_name(id)) + "'";
    const Fact& fact = facts_.of(graph, id);
    // What is not known of a body's input is not known outside either.
    if (is_main(graph) && is_blank(fact)) add(graph, id, node, node + " does not say its rank");
    add_open(graph, id, node);
  }

  void look_at(const Graph& graph, NodeId id) {
    const Node& node = graph.node(id);
    const std::string label = node_label(graph, id);
    const bool starts = std::ranges::none_of(node.inputs, [&](ValueId input) {
      return input && graph.is_defined(input) && is_blank(facts_.of(graph, input));
    });
    for (const ValueId output : node.outputs) {
      if (!output) continue;
      const Fact& fact = facts_.of(graph, output);
      if (starts && is_blank(fact)) {
        add(graph, output, label, label + ": not even its rank is known");
      }
      add_open(graph, output, label);
    }
  }

  /// Sizes that have not been seen before.
  void add_open(const Graph& graph, ValueId id, const std::string& node) {
    const Fact& fact = facts_.of(graph, id);
    if (!fact.has_rank()) return;
    for (const Expr& dim : *fact.dims) {
      for (const std::string& name : dim.symbols()) {
        if (names_.insert(name).second) {
          add(graph, id, node, "named size '" + name + "' is not bound");
        }
      }
      for (const std::string& reason : dim.reasons()) {
        if (reasons_.insert(reason).second) add(graph, id, node, reason);
      }
    }
  }

  void add(const Graph& graph, ValueId id, const std::string& node, std::string reason) {
    found_.push_back({std::string(graph.value_name(id)), node, shape_text(facts_.of(graph, id)),
                      std::move(reason)});
  }

  const ModelFacts& facts_;
  std::set<std::string> names_, reasons_;
  std::vector<Leftover> found_;
};

}  // namespace

std::vector<Leftover> find_leftovers(const Model& model, const ModelFacts& facts) {
  Search search(facts);
  for (const GraphPtr& graph : graphs_of(model)) search.look_at(*graph);
  return std::move(search).found();
}

}  // namespace pot
