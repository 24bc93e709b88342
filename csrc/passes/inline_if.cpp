#include "passes/inline_if.h"

#include <string>
#include <vector>

#include "ir/print.h"
#include "ops/control_flow.h"
#include "passes/body_copy.h"
#include "passes/stand_in.h"

namespace pot {
namespace {

class IfInliner {
 public:
  IfInliner(Model& model, const ModelFacts& facts, Changes& changes)
      : facts_(facts), changes_(changes), taken_(model) {}

  bool open(Graph& graph) {
    bool changed = false;
    const std::vector<NodeId> listing(graph.nodes().begin(), graph.nodes().end());
    for (const NodeId id : listing) {
      if (graph.node(id).has_bodies()) changed = visit(graph, id) || changed;
    }
    return changed;
  }

 private:
  bool visit(Graph& graph, NodeId id) {
    const Node& node = graph.node(id);
    const bool branches = node.is("If") && !node.inputs.empty();
    const auto truth =
        branches ? known_truth(facts_.seen_from(graph, node.inputs[0])) : std::optional<bool>{};
    if (truth) {
      const GraphPtr branch = body_of(node, *truth ? "then_branch" : "else_branch");
      if (branch) {
        const bool inner = open(*branch);
        return take(graph, id, branch) || inner;
      }
    } else if (branches) {
      changes_.leave(node_label(graph, id), "its condition is known only at run time");
    }
    bool changed = false;
    for (const GraphPtr& body : graph.node(id).bodies()) changed = open(*body) || changed;
    return changed;
  }

  std::string why_not(const Graph& graph, const Node& node, const Graph& branch) const {
    if (const auto why = why_not_copied(branch, true); !why.empty()) return std::string(why);
    if (branch.outputs().size() < node.outputs.size()) return "its branch has too few outputs";
    for (std::size_t slot = 0; slot < node.outputs.size(); ++slot) {
      const TypeRef type = type_of(facts_.of(graph, node.outputs[slot]));
      if (makes_alone(branch, slot) || may_hand_on(graph, node.outputs[slot], type.get())) continue;
      return "output '" + std::string(graph.value_name(node.outputs[slot])) +
             "' is no tensor, and Identity does not take it at this opset";
    }
    return {};
  }

  bool take(Graph& graph, NodeId id, const GraphPtr& branch) {
    if (std::string why = why_not(graph, graph.node(id), *branch); !why.empty()) {
      changes_.leave(node_label(graph, id), std::move(why));
      return false;
    }
    const std::vector<ValueId> outputs = graph.node(id).outputs;
    const std::vector<GraphPtr> bodies = graph.node(id).bodies();
    graph.set_outputs(id, {});
    std::vector<std::string> wanted;
    for (const ValueId output : outputs) wanted.emplace_back(graph.value_name(output));
    for (const GraphPtr& body : bodies) {
      if (body != branch) taken_.release(*body);
    }
    BodyCopies copies(graph, id, branch, taken_, true);
    const std::vector<std::string> made = copies.copy({}, wanted);
    for (std::size_t slot = 0; slot < outputs.size(); ++slot) {
      if (!outputs[slot] || made[slot] == wanted[slot]) continue;
      hand_on(graph, id, outputs[slot], made[slot], taken_, changes_);
    }
    graph.remove_node(id);
    changes_.count("inlined If");
    return true;
  }

  const ModelFacts& facts_;
  Changes& changes_;
  TakenNames taken_;
};

}  // namespace

Result<bool> inline_if(Model& model, const ModelFacts& facts, Changes& changes) {
  if (!has_bodies(model.graph())) return false;
  return IfInliner(model, facts, changes).open(model.graph());
}

}  // namespace pot
