#pragma once
// A PairModel solved one variable after the other: what is best for a variable becomes a table over
// those that it shares costs with.

#include <cstddef>
#include <span>
#include <vector>

#include "passes/solver/pair_model.h"

namespace pot {

/// The cheapest choice for these variables, ascending, which share costs with no others: a mode for
/// each. Pre: `order` came from elimination_order. Time and memory are those of its tables.
[[nodiscard]] std::vector<std::size_t> eliminate(const PairModel& model,
                                                 std::span<const std::size_t> variables,
                                                 const std::vector<std::size_t>& order);

}  // namespace pot
