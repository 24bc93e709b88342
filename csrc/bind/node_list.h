#pragma once
// Lists of nodes that can be gone through while nodes are removed.

#include <span>

#include "bind/handles.h"

namespace pot {

/// A list that skips, when it is gone through, nodes that have been removed since it was made.
[[nodiscard]] pybind11::object node_list(const GraphHandle& graph, std::span<const NodeId> ids);

void bind_node_list(pybind11::module_& m);

}  // namespace pot
