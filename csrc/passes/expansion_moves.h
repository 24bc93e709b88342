#pragma once
// A choice made better by large moves: many places take up one layout at once, those that gain by
// it, as a minimum cut finds them.

#include <cstddef>
#include <span>
#include <vector>

#include "passes/layout_problem.h"
#include "passes/pair_model.h"

namespace pot {

/// `modes` holds one for each variable of the model; those of `variables`, which share costs with
/// no others, are made better until no move helps or `most_steps` visits of a variable are spent.
/// Pre: `model` came from `problem`, modes and variables taken out of it since.
void improve_by_moves(const LayoutProblem& problem, const PairModel& model,
                      std::span<const std::size_t> variables, std::size_t most_steps,
                      std::vector<std::size_t>& modes);

}  // namespace pot
