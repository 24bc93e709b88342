#pragma once
// Values whose elements follow from the sizes: shape arithmetic, computed once.

#include "base/status.h"
#include "ir/model.h"
#include "passes/changes.h"
#include "passes/infer_shapes.h"

namespace pot {

/// Every node of which all that is read is known to the last element goes; what others read of it
/// becomes an initializer of the same name. Returns whether anything changed.
[[nodiscard]] Result<bool> fold_values(Model& model, const ModelFacts& facts, Changes& changes);

/// Constant nodes as initializers of the same name: the tensors are shared, not copied. A Constant
/// that is an output of the graph, or sparse, stays.
[[nodiscard]] Result<bool> lift_constants(Model& model, Changes& changes);

}  // namespace pot
