#pragma once
// The inferred types, written into the model.

#include "ir/model.h"
#include "passes/infer_shapes.h"

namespace pot {

/// Outputs get their inferred types. Where the file declared types of values, or `everywhere`, the
/// values that nodes make get theirs, and what was declared of values that are gone goes. Sizes
/// that only the data decides are left open. Inputs keep what they say.
void write_types(Model& model, const ModelFacts& facts, bool everywhere);

}  // namespace pot
