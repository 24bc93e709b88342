#pragma once
// What nothing reads any more.

#include <set>
#include <utility>

#include "base/status.h"
#include "ir/model.h"
#include "passes/changes.h"

namespace pot {

/// Nodes and initializers that no output needs.
struct Unneeded {
  std::set<std::pair<const Graph*, NodeId>> nodes{};
  std::set<std::pair<const Graph*, ValueId>> weights{};
};
[[nodiscard]] Unneeded unneeded(const Model& model);

/// Removes nodes and initializers that no output needs, in bodies too. Graph inputs keep their
/// names and places, read or not, and so does the default of one. Returns whether anything changed.
[[nodiscard]] Result<bool> prune(Model& model, Changes& changes);
/// The same, but what is in `left` stays, with all that it reads.
[[nodiscard]] Result<bool> prune_but(Model& model, Changes& changes, const Unneeded& left);

/// Removes functions that nothing calls, and imports of opsets of which no operator is left. The
/// default opset stays.
void prune_header(Model& model, Changes& changes);

}  // namespace pot
