#pragma once
// The best choice of a layout problem by trying all of them.

#include <cstddef>
#include <vector>

#include "passes/solver/layout_problem.h"

namespace pot::reference {

/// Every choice, the last place changing fastest, until `visit` has seen them all.
template <class Visit>
void for_each_choice(const LayoutProblem& problem, const Visit& visit) {
  std::vector<std::size_t> modes(problem.places.size());
  for (;;) {
    visit(modes);
    std::size_t place = modes.size();
    for (; place > 0; --place) {
      if (++modes[place - 1] < problem.places[place - 1].mode_cost.size()) break;
      modes[place - 1] = 0;
    }
    if (place == 0) return;
  }
}

/// Pre: few enough choices.
inline LayoutCost least_cost(const LayoutProblem& problem) {
  LayoutCost least = cost_of(problem, std::vector<std::size_t>(problem.places.size()));
  for_each_choice(problem, [&](const std::vector<std::size_t>& modes) {
    const LayoutCost cost = cost_of(problem, modes);
    if (cost < least) least = cost;
  });
  return least;
}

}  // namespace pot::reference
