#pragma once
// In which order to take the variables of a PairModel out, so that tables stay small.

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "passes/solver/pair_model.h"

namespace pot {

struct EliminationOrder {
  std::vector<std::size_t> places;  ///< within the variables given
  double entries = 0;               ///< of all tables
};

/// For variables that share costs with no others, ascending: the better one of two greedy orders,
/// least new pairs and smallest table. Nothing when a table would have more than `most_in_table`
/// entries, or all of them more than `most_in_all`.
[[nodiscard]] std::optional<EliminationOrder> elimination_order(
    const PairModel& model, std::span<const std::size_t> variables, double most_in_table,
    double most_in_all);

}  // namespace pot
