#pragma once
// Reshapes that a later one takes back.

#include "base/status.h"
#include "ir/model.h"
#include "passes/changes.h"
#include "passes/infer_shapes.h"

namespace pot {

/// Between a Reshape and one that goes back to the sizes before it, nodes that compute each element
/// by itself (activations, arithmetic with scalars) may as well compute at those sizes: then
/// neither Reshape is needed. What they make gets new names, for it has another shape. Returns
/// whether anything changed.
[[nodiscard]] Result<bool> drop_reshape_pairs(Model& model, const ModelFacts& facts,
                                              Changes& changes);

}  // namespace pot
