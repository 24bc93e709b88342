#include "passes/layout/layout_choice.h"

#include <algorithm>
#include <utility>

namespace pot {
namespace {

using Mode = LayoutPlace::Mode;

enum class Weighed { other_operators, all };

LayoutProblem with_slowdowns(const LayoutNetwork& network, LayoutProblem problem, Weighed weighed) {
  for (std::size_t place = 0; place < problem.places.size(); ++place) {
    const std::vector<Mode>& modes = network.places[place].modes;
    for (std::size_t mode = 0; mode < modes.size(); ++mode) {
      if (weighed == Weighed::other_operators && !modes[mode].other_operator) continue;
      problem.places[place].mode_cost[mode] += modes[mode].slowdown;
    }
  }
  return problem;
}

/// The same problem for the operators that the file has.
LayoutProblem without_others(const LayoutNetwork& network, LayoutProblem problem) {
  std::vector<std::vector<std::size_t>> kept;
  for (std::size_t place = 0; place < problem.places.size(); ++place) {
    const std::vector<Mode>& modes = network.places[place].modes;
    std::vector<std::size_t>& own = kept.emplace_back();
    for (std::size_t mode = 0; mode < modes.size(); ++mode) {
      if (!modes[mode].other_operator) own.push_back(mode);
    }
    if (own.empty()) own.push_back(0);
  }
  const auto keep = [](auto& by_mode, const std::vector<std::size_t>& modes) {
    std::remove_reference_t<decltype(by_mode)> left;
    for (const std::size_t mode : modes) left.push_back(by_mode[mode]);
    by_mode = std::move(left);
  };
  for (std::size_t place = 0; place < kept.size(); ++place) {
    keep(problem.places[place].mode_cost, kept[place]);
  }
  for (LayoutProblem::Family& family : problem.families) {
    for (LayoutProblem::Port& port : family.ports) keep(port.label, kept[port.place]);
  }
  return problem;
}

/// What the modes of a choice cost, beside its moves.
std::int64_t asked(const LayoutProblem& problem, const std::vector<std::size_t>& modes) {
  std::int64_t sum = 0;
  for (std::size_t place = 0; place < modes.size(); ++place) {
    sum += problem.places[place].mode_cost[modes[place]];
  }
  return sum;
}

std::int64_t moved(const LayoutProblem& problem, const std::vector<std::size_t>& modes) {
  return cost_of(problem, modes).bytes - asked(problem, modes);
}

bool slows_nothing(const LayoutNetwork& network, const std::vector<std::size_t>& modes) {
  for (std::size_t place = 0; place < modes.size(); ++place) {
    if (network.places[place].modes[modes[place]].slowdown > 0) return false;
  }
  return true;
}

}  // namespace

LayoutChoice choose_layout(const LayoutNetwork& network, const LayoutProblem& problem) {
  LayoutSolution fewest = solve_layout(problem);
  const std::int64_t optimum =
      std::max<std::int64_t>(0, fewest.bound - asked(problem, fewest.modes));
  const auto chosen = [&](LayoutSolution&& solution) {
    return LayoutChoice{std::move(solution.modes), optimum, solution.method};
  };
  if (slows_nothing(network, fewest.modes)) return chosen(std::move(fewest));
  LayoutSolution fastest = solve_layout(with_slowdowns(network, problem, Weighed::all));
  const LayoutProblem own = without_others(network, problem);
  if (moved(problem, fastest.modes) <= moved(own, solve_layout(own).modes)) {
    return chosen(std::move(fastest));
  }
  return chosen(solve_layout(with_slowdowns(network, problem, Weighed::other_operators)));
}

}  // namespace pot
