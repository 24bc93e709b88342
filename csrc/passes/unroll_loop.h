#pragma once
// Loop whose number of turns is known: its body, once for each turn.

#include <cstdint>

#include "base/status.h"
#include "ir/model.h"
#include "passes/changes.h"
#include "passes/infer_shapes.h"

namespace pot {

/// Unrolls every Loop of at most `max_unroll` turns, inner ones first. Scan outputs become a Concat
/// of what the turns make; what does not depend on the turn is computed once. A Loop that stays,
/// for its turns are known only at run time or are too many, is left with the reason. Returns
/// whether anything changed.
[[nodiscard]] Result<bool> unroll_loop(Model& model, const ModelFacts& facts, Changes& changes,
                                       std::int64_t max_unroll);

}  // namespace pot
