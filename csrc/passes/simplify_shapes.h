#pragma once
// Less shape arithmetic where sizes stay open: what follows from names of sizes, not from numbers.

#include "base/status.h"
#include "ir/model.h"
#include "passes/changes.h"
#include "passes/infer_shapes.h"

namespace pot {

/// The same results at every size, with fewer nodes that compute sizes:
/// - targets of Reshape and Expand, bounds of Slice and sizes of Resize that can be said without
///   the open sizes become constants (0 copies a size, -1 is what is left, the largest int64 is the
///   end of an axis, a whole factor is a scale);
/// - values of shape arithmetic that are provably equal are read from the first of them;
/// - shape arithmetic is made anew from sizes of values that are there, where that takes fewer
///   nodes in all.
/// Returns whether anything changed.
[[nodiscard]] Result<bool> simplify_shapes(Model& model, const ModelFacts& facts, Changes& changes);

}  // namespace pot
