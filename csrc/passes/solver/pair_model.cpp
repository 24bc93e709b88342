#include "passes/solver/pair_model.h"

#include <algorithm>
#include <numeric>

namespace pot {

std::size_t PairModel::add_variable(std::vector<Weight> costs) {
  Variable variable{std::move(costs), {}, {}};
  variable.modes.resize(variable.cost.size());
  std::iota(variable.modes.begin(), variable.modes.end(), std::size_t{0});
  variables_.push_back(std::move(variable));
  return variables_.size() - 1;
}

namespace {

auto place_of(PairModel::Neighbours& neighbours, std::size_t variable) {
  return std::ranges::lower_bound(neighbours, variable, {},
                                  [](const auto& each) { return each.first; });
}

}  // namespace

std::vector<Weight>& PairModel::table_of(std::size_t a, std::size_t b) {
  const auto at = place_of(variables_[a].neighbours, b);
  if (at != variables_[a].neighbours.end() && at->first == b) return tables_[at->second];
  variables_[a].neighbours.emplace(at, b, tables_.size());
  variables_[b].neighbours.emplace(place_of(variables_[b].neighbours, a), a, tables_.size());
  return tables_.emplace_back(variables_[a].cost.size() * variables_[b].cost.size());
}

void PairModel::drop_pairs(std::size_t variable) {
  for (const auto& [other, table] : variables_[variable].neighbours) {
    tables_[table] = {};
    variables_[other].neighbours.erase(place_of(variables_[other].neighbours, variable));
  }
  variables_[variable].neighbours.clear();
}

void PairModel::drop_mode(std::size_t variable, std::size_t mode) {
  std::erase(variables_[variable].modes, mode);
}

PairModel::Pairs PairModel::pairs(std::size_t a, std::size_t b, std::size_t table) const noexcept {
  const Weight* const first = tables_[table].data();
  if (a < b) return {first, variables_[b].cost.size(), 1};
  return {first, 1, variables_[a].cost.size()};
}

std::vector<std::vector<std::size_t>> PairModel::components(
    std::span<const std::size_t> variables) const {
  std::vector<bool> seen(size());
  std::vector<std::vector<std::size_t>> all;
  for (const std::size_t first : variables) {
    if (seen[first]) continue;
    seen[first] = true;
    std::vector<std::size_t> one{first};
    for (std::size_t i = 0; i < one.size(); ++i) {
      for (const auto& [next, table] : neighbours(one[i])) {
        if (seen[next]) continue;
        seen[next] = true;
        one.push_back(next);
      }
    }
    std::ranges::sort(one);
    all.push_back(std::move(one));
  }
  return all;
}

Weight cost_within(const PairModel& model, std::span<const std::size_t> variables,
                   const std::vector<std::size_t>& modes) {
  Weight sum;
  for (const std::size_t variable : variables) {
    sum += model.cost(variable, modes[variable]);
    for (const auto& [next, table] : model.neighbours(variable)) {
      if (next < variable) continue;
      sum += model.pairs(variable, next, table)(modes[variable], modes[next]);
    }
  }
  return sum;
}

}  // namespace pot
