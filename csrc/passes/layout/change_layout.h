#pragma once
// The same model with its values stored so that the fewest bytes are transposed.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "ir/model.h"
#include "passes/layout/apply_layout.h"
#include "passes/layout/layout_options.h"
#include "passes/layout/plan_layout.h"

namespace pot {

struct Relaid {
  ModelPtr model;
  LayoutPlan plan;
  AppliedLayout applied;
  std::map<std::string, Permutation> border;              ///< inputs and outputs that lie otherwise
  std::vector<std::pair<std::string, std::string>> left;  ///< (place, reason)
  std::vector<std::string> notes;
};

/// The model is not changed; it is given back as it is where nothing can be won. Functions that
/// hold Transposes are inlined first. Error: as layout_network.
[[nodiscard]] Result<Relaid> change_layout(const Model& model, const LayoutOptions& options);

}  // namespace pot
