#pragma once
// Reshapes to the shape that their input has by now.

#include "ir/model.h"
#include "passes/changes.h"
#include "passes/layout/plan_layout.h"

namespace pot {

/// A plan may store the input of a Reshape as the Reshape leaves it: what reads its output reads
/// the input. The node stays, for `prune`. Pre: `plan` has been carried out, and `network` is what
/// it was made for.
void drop_vain_reshapes(const LayoutNetwork& network, const LayoutPlan& plan, Changes& changes);

}  // namespace pot
