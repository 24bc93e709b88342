#pragma once
// A PairModel solved one variable after the other: what is best for a variable becomes a table over
// those that it shares costs with.

#include <cstddef>
#include <span>
#include <vector>

#include "passes/elimination_order.h"
#include "passes/pair_model.h"

namespace pot {

struct Elimination {
  std::vector<std::size_t> modes;  ///< of each variable
  Weight bound;                    ///< no choice costs less
  bool exact = false;              ///< the choice costs `bound`
};

/// For variables that share costs with no others, ascending. Where a table would be larger than
/// `most_entries`, its costs are minimised in parts, each on its own: the sum bounds the cost from
/// below, and the choice is a good one without proof. Time and memory grow with `most_entries`
/// times the number of variables.
[[nodiscard]] Elimination eliminate(const PairModel& model, std::span<const std::size_t> variables,
                                    const EliminationOrder& order, std::size_t most_entries);

}  // namespace pot
