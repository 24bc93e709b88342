#pragma once
// Scan over axes of known size: its body, once for each element.

#include <cstdint>

#include "base/status.h"
#include "ir/model.h"
#include "passes/changes.h"
#include "passes/infer_shapes.h"

namespace pot {

/// Unrolls every Scan of at most `max_unroll` elements, inner ones first, any axes and directions.
/// A Scan that stays is left with the reason. Returns whether anything changed.
[[nodiscard]] Result<bool> unroll_scan(Model& model, const ModelFacts& facts, Changes& changes,
                                       std::int64_t max_unroll);

}  // namespace pot
