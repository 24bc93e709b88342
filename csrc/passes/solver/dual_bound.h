#pragma once
// What no choice of a PairModel costs less than, by moving costs between variables and pairs.

#include <cstddef>
#include <span>
#include <vector>

#include "passes/solver/pair_model.h"

namespace pot {

struct DualBound {
  Weight bound;
  /// Of each variable and each mode that is in question: every choice with it costs at least so
  /// much more than `bound`.
  std::vector<std::vector<Weight>> slack;
  std::vector<std::size_t> modes;  ///< of each variable: a good choice, no more
};

/// For variables that share costs with no others, ascending. About `most_steps` entries of tables
/// are looked at, those of each pair twice at least.
[[nodiscard]] DualBound dual_bound(const PairModel& model, std::span<const std::size_t> variables,
                                   std::size_t most_steps);

}  // namespace pot
