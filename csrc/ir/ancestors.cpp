#include "ir/ancestors.h"

#include <algorithm>

namespace pot {

std::vector<bool> ancestors(const Graph& graph, std::span<const ValueId> values,
                            std::span<const ValueId> known) {
  std::vector<bool> found;
  std::vector<NodeId> pending;
  const auto need = [&](ValueId id) {
    const NodeId maker = id ? graph.value(id).producer : NodeId{};
    if (!maker || std::ranges::find(known, id) != known.end()) return;
    if (found.size() <= maker.index) found.resize(maker.index + 1, false);
    if (found[maker.index]) return;
    found[maker.index] = true;
    pending.push_back(maker);
  };
  for (const ValueId each : values) need(each);
  while (!pending.empty()) {
    const NodeId next = pending.back();
    pending.pop_back();
    for (const ValueId input : graph.node(next).inputs) need(input);
    if (!graph.node(next).has_bodies()) continue;
    for (const ValueId captured : graph.captures(next)) need(captured);
  }
  return found;
}

}  // namespace pot
