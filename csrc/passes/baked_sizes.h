#pragma once
// Sizes that a model is said to take and does not: a constant stands where the size should.

#include "base/status.h"
#include "passes/bind_dims.h"
#include "passes/infer_shapes.h"

namespace pot {

/// Whether the graph takes the sizes that it was bound to. Error: the node that does not, the name
/// of the size, and which sizes it would take, where that can be told.
///
/// A node that contradicts itself at every size is no matter of binding: it is let through.
[[nodiscard]] Status check_sizes(const Model& model, const Bound& bound,
                                 const Fallback& fallback = {});

}  // namespace pot
