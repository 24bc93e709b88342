#pragma once
// Weights that an old file lists as inputs.

#include "ir/model.h"
#include "passes/changes.h"

namespace pot {

/// Before IR version 4 every weight had to be listed as an input, and none could be overridden.
/// From then on a listed one can: so none stays listed, and the model is of version 4.
void unlist_weights(Model& model, Changes& changes);

/// Makes a model of a version in which weights need not be listed, if it has one that is not.
void allow_unlisted_weights(Model& model);

}  // namespace pot
