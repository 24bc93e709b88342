#pragma once
// A plan of layouts, carried out.

#include <string>
#include <vector>

#include "base/status.h"
#include "passes/changes.h"
#include "passes/layout/layout_value_map.h"
#include "passes/layout/plan_layout.h"

namespace pot {

struct AppliedLayout {
  Changes changes;
  std::vector<StoredAs> value_map;     ///< values whose name or layout is another one, by new name
  std::vector<std::string> functions;  ///< channels-last functions that were added
};

/// Edits the model that the network was made from. Names: a value that is made in one layout keeps
/// its name; further layouts take the name of the member of the family that they are, else a fresh
/// one. Inputs and outputs of the main graph keep name and place. A Transpose that is needed as it
/// was stays, byte for byte. No Transpose that moves nothing is written: where only axes of size 1
/// change place it is a Reshape, and where nothing does, nothing.
[[nodiscard]] Result<AppliedLayout> apply_layout(Model& model, const LayoutNetwork& network,
                                                 const LayoutPlan& plan,
                                                 const LayoutOptions& options);

}  // namespace pot
