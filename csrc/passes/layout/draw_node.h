#pragma once
// The nodes that a layout rule draws, put into a graph.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ir/model.h"
#include "ops/shared/layout_rule.h"

namespace pot {

/// A constant as it is stored in another layout: a copy of its elements in that order, under
/// `name`. Error: its bytes cannot be read.
[[nodiscard]] Result<TensorRef> relaid(const Tensor& tensor, const Layout& layout,
                                       const std::string& name);

/// Puts what `relayout` says in the place of the node, which keeps its id, name, doc and metadata
/// as the last drawn node. `inputs` are the values that hold its inputs in the layouts asked for
/// (none for an omitted one). Axes of size 1 that a drawn input wants are put in by one Unsqueeze,
/// or, of a constant, by a new constant; what a Gather reads is likewise folded for constants.
/// Outputs keep their ids. Error: a constant cannot be read.
///
/// Pre: `inputs` has an entry for each input of the node.
Status draw_node(Graph& graph, NodeId node, const Relayout& relayout,
                 const std::vector<ValueId>& inputs);

/// An int64 constant of the graph with these elements, one axis: one that is there already, or a
/// new one whose name begins with `kIntsName`.
inline constexpr std::string_view kIntsName = "ints_";
ValueId stored_ints(Graph& graph, std::span<const std::int64_t> ints);

}  // namespace pot
