#pragma once
// If whose condition is known: the branch that runs takes its place.

#include "base/status.h"
#include "ir/model.h"
#include "passes/changes.h"
#include "passes/infer_shapes.h"

namespace pot {

/// Moves the nodes of the branch into the graph around the If, bodies in bodies included. Outputs
/// keep the names of the If's outputs; names of the branch stay unless the model has them already.
/// Returns whether anything changed.
[[nodiscard]] Result<bool> inline_if(Model& model, const ModelFacts& facts, Changes& changes);

}  // namespace pot
