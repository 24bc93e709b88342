#pragma once
// In which order to take the variables of a PairModel out, so that tables stay small.

#include <cstddef>
#include <span>
#include <vector>

#include "passes/pair_model.h"

namespace pot {

struct EliminationOrder {
  std::vector<std::size_t> places;  ///< within the variables given
  /// log2 of the entries of each table, in this order, when none is taken apart; a table beyond
  /// every memory counts as some large number.
  std::vector<double> sizes;
};

/// The better one of two greedy orders: least new pairs, smallest table.
[[nodiscard]] EliminationOrder elimination_order(const PairModel& model,
                                                 std::span<const std::size_t> variables);

}  // namespace pot
