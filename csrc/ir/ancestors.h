#pragma once
// What is needed to work out the values of a graph, at any distance.

#include <span>
#include <vector>

#include "ir/graph.h"

namespace pot {

/// By index of the node: whether it has to run before these values are there. Through bodies too.
/// What only `known` values need is not looked for.
[[nodiscard]] std::vector<bool> ancestors(const Graph& graph, std::span<const ValueId> values,
                                          std::span<const ValueId> known = {});

}  // namespace pot
