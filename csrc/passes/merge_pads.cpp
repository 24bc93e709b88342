#include "passes/merge_pads.h"

#include <algorithm>
#include <optional>

#include "passes/stand_in.h"

namespace pot {
namespace {

using Pads = std::vector<std::int64_t>;

/// Numbers of an input that has to be known.
std::optional<Pads> numbers_at(const Graph& graph, const ModelFacts& facts, const Node& node,
                               std::size_t slot) {
  return slot < node.inputs.size() && node.inputs[slot]
             ? numbers_of(facts.seen_from(graph, node.inputs[slot]))
             : std::nullopt;
}

bool is_given(const Node& node, std::size_t slot) {
  return slot < node.inputs.size() && node.inputs[slot];
}

bool pads_with_zero(const Graph& graph, const ModelFacts& facts, const Node& pad) {
  const std::string* mode = pad.attr_string("mode");
  if (mode && *mode != "constant") return false;
  if (pad.attr_float("value").value_or(0.0F) != 0.0F) return false;
  if (!is_given(pad, 2)) return true;
  const auto value = numbers_at(graph, facts, pad, 2);
  return value && *value == Pads{0};
}

/// Begins and ends of the spatial axes; nothing unless all others are not padded.
std::optional<Pads> spatial_pads(const Graph& graph, const ModelFacts& facts, const Node& pad) {
  const Fact& data = facts.seen_from(graph, pad.inputs[0]);
  const auto* listed = pad.attr_ints("pads");
  auto pads = listed ? std::optional(*listed) : numbers_at(graph, facts, pad, 1);
  if (!pads || !data.has_rank() || is_given(pad, 3)) return std::nullopt;
  const std::size_t rank = data.rank();
  if (rank < 3 || pads->size() != 2 * rank) return std::nullopt;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const std::int64_t begin = (*pads)[axis];
    const std::int64_t end = (*pads)[rank + axis];
    if (begin < 0 || end < 0 || (axis < 2 && begin + end != 0)) return std::nullopt;
  }
  Pads spatial(pads->begin() + 2, pads->begin() + static_cast<std::ptrdiff_t>(rank));
  spatial.insert(spatial.end(), pads->begin() + static_cast<std::ptrdiff_t>(rank) + 2, pads->end());
  return spatial;
}

bool merge(Graph& graph, const ModelFacts& facts, NodeId id) {
  const Node& pad = graph.node(id);
  const ValueId output = pad.outputs[0];
  const auto uses = graph.uses(output);
  if (graph.value(output).is_output || uses.size() != 1 || uses[0].slot != 0) return false;
  const Node& conv = graph.node(uses[0].node);
  const std::string* automatic = conv.attr_string("auto_pad");
  if (!conv.is("Conv") || (automatic && *automatic != "NOTSET")) return false;
  auto pads = pads_with_zero(graph, facts, pad) ? spatial_pads(graph, facts, pad) : std::nullopt;
  if (!pads) return false;
  if (const auto* own = conv.attr_ints("pads")) {
    if (own->size() != pads->size()) return false;
    std::ranges::transform(*pads, *own, pads->begin(), std::plus<>());
  }
  const ValueId source = pad.inputs[0];
  graph.set_attribute(conv.id, Attribute("pads", std::move(*pads)));
  graph.set_input(conv.id, 0, source);
  return true;
}

}  // namespace

Result<bool> merge_pads(Model& model, const ModelFacts& facts, Changes& changes) {
  std::size_t merged = 0;
  for (const GraphPtr& graph : graphs_of(model)) {
    const std::vector<NodeId> listing(graph->nodes().begin(), graph->nodes().end());
    for (const NodeId id : listing) {
      const Node& node = graph->node(id);
      const bool pads = node.is("Pad") && node.outputs.size() == 1 && is_given(node, 0);
      if (pads && merge(*graph, facts, id)) ++merged;
    }
  }
  changes.count("merged Pad into Conv", merged);
  return merged != 0;
}

}  // namespace pot
