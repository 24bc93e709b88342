#include "ir/verify.h"

#include <algorithm>
#include <unordered_map>

#include "ir/print.h"

namespace pot {
namespace {

class Verifier {
 public:
  explicit Verifier(std::vector<Error>& errors) : errors_(errors) {}

  void graph(const Graph& graph) {
    producers(graph);
    for (const NodeId id : graph.nodes()) node(graph, id);
    for (const ValueInfo& output : graph.outputs()) {
      if (output.value && !reachable(graph, output.value)) {
        problem("output " + quoted(graph, output.value) + " of graph '" + graph.name().value +
                "' is made by nothing");
      }
    }
    if (const auto order = graph.order(); !order) errors_.push_back(order.error());
  }

 private:
  void problem(std::string message) {
    errors_.push_back({Error::Kind::invalid, std::move(message), {}, {}, {}});
  }

  static std::string quoted(const Graph& graph, ValueId id) {
    return "'" + std::string(graph.value_name(id)) + "'";
  }

  void producers(const Graph& graph) {
    std::unordered_map<ValueId, NodeId> made_by;
    for (const NodeId id : graph.nodes()) {
      for (const ValueId output : graph.node(id).outputs) {
        if (!output) continue;
        const auto [first, added] = made_by.emplace(output, id);
        const Value& value = graph.value(output);
        if (!added) {
          problem(quoted(graph, output) + " is made twice: by " + node_label(graph, first->second) +
                  " and by " + node_label(graph, id));
        } else if (value.is_input || value.initializer) {
          problem(quoted(graph, output) + " is made by " + node_label(graph, id) + " and is " +
                  (value.is_input ? "an input" : "an initializer") + " of the graph too");
        }
      }
    }
  }

  void node(const Graph& graph, NodeId id) {
    const Node& node = graph.node(id);
    if (node.op_type.empty()) problem(node_label(graph, id) + " has no op_type");
    for (std::size_t slot = 0; slot < node.inputs.size(); ++slot) {
      const ValueId input = node.inputs[slot];
      if (!input || reachable(graph, input)) continue;
      problem("input " + std::to_string(slot) + " of " + node_label(graph, id) + ", " +
              quoted(graph, input) + ", is defined nowhere");
    }
    if (!node.has_bodies()) return;
    for (const GraphPtr& body : node.bodies()) this->graph(*body);
  }

  static bool reachable(const Graph& graph, ValueId id) {
    if (graph.is_defined(id)) return true;
    if (!graph.parent()) return false;
    const ValueId outer = graph.parent()->find_value(graph.value_name(id));
    return outer && reachable(*graph.parent(), outer);
  }

  std::vector<Error>& errors_;
};

}  // namespace

std::vector<Error> verify(const Graph& graph) {
  std::vector<Error> errors;
  Verifier(errors).graph(graph);
  return errors;
}

std::vector<Error> verify(const Model& model) {
  std::vector<Error> errors;
  Verifier verifier(errors);
  verifier.graph(model.graph());
  for (const auto& function : model.functions()) verifier.graph(*function->body);
  return errors;
}

}  // namespace pot
