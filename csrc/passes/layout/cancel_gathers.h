#pragma once
// Elements of a list that are put into another order twice.

#include "ir/model.h"
#include "passes/changes.h"
#include "passes/infer_shapes.h"

namespace pot {

/// A Gather of a Gather of a list (pads, sizes: one entry an axis) is one Gather; where that keeps
/// every element in its place, none. What is no longer read stays, for `prune`. A list that then
/// stands where a Gather stood under a name derived from that one's takes its name: Shape and
/// Gather in its place are the Shape again. `facts` are
/// of the model, perhaps as it was some edits ago.
void cancel_gathers(Model& model, const ModelFacts& facts, Changes& changes);

}  // namespace pot
