#pragma once
// Pads that the Conv after them can do.

#include "base/status.h"
#include "ir/model.h"
#include "passes/changes.h"
#include "passes/infer_shapes.h"

namespace pot {

/// A Pad with zeros, along spatial axes only, whose one reader is a Conv: the Conv pads. The same
/// zeros are added up either way. Returns whether anything changed.
[[nodiscard]] Result<bool> merge_pads(Model& model, const ModelFacts& facts, Changes& changes);

}  // namespace pot
