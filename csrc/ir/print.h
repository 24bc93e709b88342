#pragma once
// Short text of nodes and graphs, for messages and reports.

#include <string>

#include "ir/graph.h"

namespace pot {

/// "node 'conv1' (Conv)", or "Conv node that makes 'y'" when it has no name.
[[nodiscard]] std::string node_label(const Graph& graph, NodeId id);

/// "y = Conv(x, w, b) {group=1, pads=[1, 1, 1, 1]}"; bodies and long lists are abbreviated.
[[nodiscard]] std::string node_text(const Graph& graph, NodeId id);

/// The graph, one node a line, with inputs, outputs and bodies indented.
[[nodiscard]] std::string graph_text(const Graph& graph);

}  // namespace pot
