#pragma once
// Inputs and outputs of a model that a rewrite has to keep by name.

#include "base/status.h"
#include "ir/model.h"

namespace pot {

/// Error: an input or an output of the main graph has no name, so that it cannot keep it.
[[nodiscard]] Status check_border_names(const Model& model);

}  // namespace pot
