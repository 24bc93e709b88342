#pragma once
// A model for fixed sizes: whatever follows from them is computed once, here.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "ir/dim.h"
#include "ir/model.h"
#include "passes/changes.h"
#include "passes/fold_constants.h"
#include "passes/infer_shapes.h"
#include "passes/inline_functions.h"
#include "passes/leftovers.h"

namespace pot {

struct SpecializeOptions {
  /// Input -> its sizes. A string names a size, an unknown Dim leaves it as it is.
  std::map<std::string, std::vector<Dim>> shapes{};
  /// Named size -> what it is: a number, or a name or expression of other sizes.
  std::map<std::string, Dim> dims{};
  /// Loops and Scans of more turns are left.
  std::int64_t max_unroll = 64;
  /// Bytes by which folded constants together may be larger than the weights that they replace.
  /// Nothing: `kModestGrowth`, and no second form of a weight that stays (a tied table, turned).
  std::optional<std::int64_t> max_growth{};
  /// Types of all values are written, also where the file had none.
  bool value_info = false;
  Fallback fallback{};         ///< shapes of operators without a rule
  Evaluate evaluate{};         ///< constants of operators without a fold rule; none: they stay
  SameMeaning same_meaning{};  ///< as `inline_functions` takes it; none: no version is another's
};

struct Specialized {
  ModelPtr model;
  Changes changes;
  std::vector<Leftover> leftovers;
};

/// The model is not changed. Error: a name that is not there, sizes that contradict each other.
[[nodiscard]] Result<Specialized> specialize(const Model& model, const SpecializeOptions& options);

}  // namespace pot
