#pragma once
// Inputs and outputs of the main graph that are to lie otherwise.

#include "passes/layout/layout_closure.h"

namespace pot {

/// Fixes the places of the inputs and outputs that `options.io` names in the layouts that it asks
/// for. Error: a name that is none of theirs, a layout that does not fit the rank.
Status set_border(LayoutNetwork& network, const Model& model, const LayoutOptions& options,
                  LayoutClosure& closure);

}  // namespace pot
