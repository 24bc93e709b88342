#include "passes/layout/vain_reshapes.h"

#include <algorithm>
#include <optional>

#include "passes/stand_in.h"

namespace pot {
namespace {

/// The sizes of what an operand is stored as; nothing when it is not part of the plan.
std::optional<Dims> stored_at(const LayoutNetwork& network, const LayoutPlace& place,
                              const LayoutPlace::Mode& mode, Operand operand) {
  for (std::size_t i = 0; i < place.ports.size(); ++i) {
    if (!(place.ports[i].operand == operand)) continue;
    return stored_dims(mode.layouts[i], network.families[place.ports[i].family].dims);
  }
  return std::nullopt;
}

bool same_sizes(const Dims& a, const Dims& b) {
  return std::ranges::equal(
      a, b, [](const Expr& one, const Expr& other) { return Expr::equal(one, other) == true; });
}

void drop(Graph& graph, NodeId id, Changes& changes) {
  const Node& node = graph.node(id);
  const ValueId from = node.outputs[0];
  const ValueId to = node.inputs[0];
  if (graph.is_outer(to)) return;
  const bool was_output = graph.value(from).is_output;
  if (!stand_in(graph, from, to, changes)) return;
  graph.remove_value_info(was_output ? to : from);
  changes.count("dropped Reshapes");
}

}  // namespace

void drop_vain_reshapes(const LayoutNetwork& network, const LayoutPlan& plan, Changes& changes) {
  for (std::size_t i = 0; i < network.places.size(); ++i) {
    const LayoutPlace& place = network.places[i];
    const LayoutPlace::Mode& mode = place.modes[plan.mode[i]];
    if (place.kind != LayoutPlace::Kind::node || !mode.relayout) continue;
    const Node* node = place.graph->find(place.node);
    if (!node || !node->is("Reshape") || node->inputs.empty() || node->outputs.empty()) continue;
    const auto in = stored_at(network, place, mode, {.slot = 0});
    const auto out = stored_at(network, place, mode, {.output = true, .slot = 0});
    if (in && out && same_sizes(*in, *out)) drop(*place.graph, place.node, changes);
  }
}

}  // namespace pot
