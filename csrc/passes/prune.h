#pragma once
// What nothing reads any more.

#include "base/status.h"
#include "ir/model.h"
#include "passes/changes.h"

namespace pot {

/// Removes nodes and initializers that no output needs, in bodies too. Graph inputs keep their
/// names and places, read or not, and so does the default of one. Returns whether anything changed.
[[nodiscard]] Result<bool> prune(Model& model, Changes& changes);

/// Removes functions that nothing calls, and imports of opsets of which no operator is left. The
/// default opset stays.
void prune_header(Model& model, Changes& changes);

}  // namespace pot
