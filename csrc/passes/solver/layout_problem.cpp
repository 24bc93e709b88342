#include "passes/solver/layout_problem.h"

#include <limits>
#include <optional>
#include <set>

namespace pot {
namespace {

/// Stays at the end of the range instead of leaving it.
std::int64_t sum(std::int64_t a, std::int64_t b) noexcept {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
  if (b > 0 && a > kMost - b) return kMost;
  if (b < 0 && a < kLeast - b) return kLeast;
  return a + b;
}

void add_family(const LayoutProblem::Family& family, const std::vector<std::size_t>& modes,
                LayoutCost& cost) {
  std::optional<std::size_t> made;
  std::set<std::size_t> read;
  for (const auto& port : family.ports) {
    const std::size_t label = port.label[modes[port.place]];
    if (port.makes) {
      made = label;
    } else {
      read.insert(label);
    }
  }
  std::set<std::size_t> at_hand;  // groups
  if (made) at_hand.insert(family.group[*made]);
  for (const std::size_t label : read) {
    if (made == label) continue;
    if (at_hand.insert(family.group[label]).second) {
      cost.bytes = sum(cost.bytes, family.bytes);
      ++cost.transposes;
    } else {
      ++cost.reshapes;
    }
  }
}

}  // namespace

LayoutCost cost_of(const LayoutProblem& problem, const std::vector<std::size_t>& modes) {
  LayoutCost cost;
  for (const auto& family : problem.families) {
    if (!family.constant) add_family(family, modes, cost);
  }
  for (std::size_t place = 0; place < problem.places.size(); ++place) {
    cost.bytes = sum(cost.bytes, problem.places[place].mode_cost[modes[place]]);
    if (modes[place] != 0) ++cost.changes;
  }
  return cost;
}

}  // namespace pot
