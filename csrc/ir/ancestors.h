#pragma once
// What is needed to work out the values of a graph, at any distance.

#include <span>
#include <vector>

#include "ir/graph.h"

namespace pot {

/// By index of the node: whether it has to run before these values are there. Through bodies too.
[[nodiscard]] std::vector<bool> ancestors(const Graph& graph, std::span<const ValueId> values);

}  // namespace pot
