#pragma once
// Nodes that do nothing for the sizes that they get, and pairs of which one does it all.

#include "base/status.h"
#include "ir/model.h"
#include "passes/changes.h"
#include "passes/infer_shapes.h"

namespace pot {

/// Readers of a node that hands one of its inputs on read that input instead (see
/// `unchanged_input`). Returns whether anything changed.
[[nodiscard]] Result<bool> drop_no_ops(Model& model, const ModelFacts& facts, Changes& changes);

/// Reshapes (Flatten, Squeeze, Unsqueeze), Transposes and Casts that follow one another become one,
/// or none where they undo each other. Of Casts only those that round nothing in between, of Slices
/// only those along different axes. Inputs of a Concat that are empty go. Returns whether anything
/// changed.
[[nodiscard]] Result<bool> merge_chains(Model& model, const ModelFacts& facts, Changes& changes);

}  // namespace pot
