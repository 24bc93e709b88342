#pragma once
// Shape arithmetic made anew from what is there.

#include "ir/graph.h"
#include "passes/changes.h"
#include "passes/least_sizes.h"

namespace pot {

/// Makes each value of shape arithmetic that other nodes read from the sizes of inputs and values
/// that are there before it: [1, h, w, 3] is Concat([1], Shape(x)[2:4], [3]). Only when the graph
/// has fewer nodes then. Returns how many it has fewer.
[[nodiscard]] std::size_t rebuild_sizes(Graph& graph, const FactsFromLeast& facts,
                                        Changes& changes);

}  // namespace pot
