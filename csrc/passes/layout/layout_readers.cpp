#include "passes/layout/layout_readers.h"

#include <set>
#include <tuple>

#include "passes/stand_in.h"

namespace pot {
namespace {

using Kind = LayoutPlace::Kind;
using AtNode = std::tuple<const Graph*, NodeId, std::size_t>;
using AtOutput = std::pair<const Graph*, std::size_t>;

class Collector {
 public:
  Collector(const LayoutNetwork& network, const LayoutPlan& plan)
      : network_(network), members_(network) {
    made_.made.resize(network.families.size());
    for (const auto& [graph, node] : network.transposes) replaced_.emplace(graph, node);
    for (std::size_t place = 0; place < network.places.size(); ++place) {
      const std::vector<Layout>& layouts = network.places[place].modes[plan.mode[place]].layouts;
      for (std::size_t port = 0; port < layouts.size(); ++port) {
        note(network.places[place], network.places[place].ports[port], layouts[port]);
      }
    }
  }

  LayoutReaders collect(const Model& model) && {
    for (const GraphPtr& graph : graphs_of(model)) {
      for (const NodeId id : graph->nodes()) {
        if (!replaced_.contains({graph.get(), id})) add_inputs(*graph, id);
      }
      for (std::size_t slot = 0; slot < graph->outputs().size(); ++slot) {
        const auto at = members_.find(*graph, graph->outputs()[slot].value);
        if (!at) continue;
        const auto chosen = outputs_.find({graph.get(), slot});
        made_.outputs.push_back({graph.get(), slot, at->family,
                                 chosen == outputs_.end() ? in_file(*at) : chosen->second});
      }
    }
    return std::move(made_);
  }

 private:
  void note(const LayoutPlace& place, const LayoutPlace::Port& port, const Layout& layout) {
    if (port.makes) {
      made_.made[port.family] = layout;
    } else if (place.kind == Kind::node) {
      inputs_.insert_or_assign({place.graph, place.node, port.operand.slot}, layout);
    } else if (place.kind == Kind::loop_state && port.graph == place.graph) {
      inputs_.insert_or_assign({place.graph, place.node, place.slot + 2}, layout);
    } else {
      // A Loop's first output says whether to go on.
      const bool loop = place.kind == Kind::loop_state || place.kind == Kind::loop_scan;
      outputs_.insert_or_assign({port.graph, place.slot + (loop ? 1 : 0)}, layout);
    }
  }

  void add_inputs(Graph& graph, NodeId id) {
    const std::vector<ValueId>& inputs = graph.node(id).inputs;
    for (std::size_t slot = 0; slot < inputs.size(); ++slot) {
      const auto at = members_.find(graph, inputs[slot]);
      if (!at) continue;
      const auto chosen = inputs_.find({&graph, id, slot});
      made_.inputs.push_back(
          {&graph, id, slot, at->family, chosen == inputs_.end() ? in_file(*at) : chosen->second});
    }
  }

  [[nodiscard]] Layout in_file(FamilyMembers::At at) const {
    return network_.families[at.family].members[at.member].perm;
  }

  const LayoutNetwork& network_;
  FamilyMembers members_;
  std::set<std::pair<const Graph*, NodeId>> replaced_;
  std::map<AtNode, Layout> inputs_;
  std::map<AtOutput, Layout> outputs_;
  LayoutReaders made_;
};

}  // namespace

FamilyMembers::FamilyMembers(const LayoutNetwork& network) {
  for (std::size_t family = 0; family < network.families.size(); ++family) {
    const auto& members = network.families[family].members;
    for (std::size_t member = 0; member < members.size(); ++member) {
      const LayoutValue& value = members[member].value;
      members_.insert_or_assign({value.graph, value.id}, At{family, member});
    }
  }
}

std::optional<FamilyMembers::At> FamilyMembers::find(const Graph& graph, ValueId id) const {
  const Graph* at = &graph;
  while (id && at->is_outer(id)) {
    const std::string_view name = at->value_name(id);
    at = at->parent();
    if (!at) return std::nullopt;
    id = at->find_value(name);
  }
  const auto found = members_.find({at, id});
  if (!id || found == members_.end()) return std::nullopt;
  return found->second;
}

LayoutReaders layout_readers(const Model& model, const LayoutNetwork& network,
                             const LayoutPlan& plan) {
  return Collector(network, plan).collect(model);
}

}  // namespace pot
