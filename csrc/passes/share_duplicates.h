#pragma once
// Equal nodes once, equal weights once.

#include "base/status.h"
#include "ir/model.h"
#include "passes/changes.h"

namespace pot {

/// Of nodes of one graph that compute the same (operator, attributes and inputs are equal), all
/// readers read the first; the others are left without readers. Nodes with bodies, calls, operators
/// that draw numbers and those of other domains that no rule knows stay as they are, and so do two
/// nodes that both make an output of the graph. Equal initializers likewise: small ones by content,
/// large ones when they lie at the same place in the same file, so that no weight is read.
/// Pre: nodes are listed in order. Returns whether anything changed.
[[nodiscard]] Result<bool> share_duplicates(Model& model, Changes& changes);

}  // namespace pot
