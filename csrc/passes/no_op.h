#pragma once
// Nodes whose output is one of their inputs, bit for bit.

#include "ir/model.h"
#include "passes/known_dtypes.h"

namespace pot {

/// The input that the node hands through to its only read output; no id when it computes.
///
/// Identity, Dropout at inference, a Cast to the type its input has, a Transpose that moves
/// nothing, a Concat or Sum of one, and adding a constant 0 or multiplying by a constant 1.
[[nodiscard]] ValueId handed_through(const Graph& graph, const Node& node,
                                     const KnownDtypes& dtypes);

}  // namespace pot
