#pragma once
// A PairModel with two modes for each variable, by minimum cut.

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "passes/solver/pair_model.h"

namespace pot {

/// The modes that a variable may choose between; the same one twice when it has no choice.
using TwoModes = std::array<std::size_t, 2>;

/// The cheapest choice for these variables, which share costs with no others. Which of its modes
/// lies on the source's side is free for each variable; nothing when no such colouring makes every
/// pair submodular.
[[nodiscard]] std::optional<std::vector<std::size_t>> best_of_two(
    const PairModel& model, std::span<const std::size_t> variables,
    std::span<const TwoModes> choices);

/// Likewise where there is no colouring: variables in the way of one keep their first mode. The
/// choice is never worse than the first mode everywhere.
[[nodiscard]] std::vector<std::size_t> better_of_two(const PairModel& model,
                                                     std::span<const std::size_t> variables,
                                                     std::vector<TwoModes> choices);

}  // namespace pot
