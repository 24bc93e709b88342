#include "passes/solver/expansion_moves.h"

#include <algorithm>
#include <set>
#include <utility>

#include "passes/solver/pair_cut.h"

namespace pot {

LayoutSpread::LayoutSpread(const LayoutProblem& problem)
    : problem_(problem), ports_(problem.places.size()), seen_(problem.places.size()) {
  for (std::size_t family = 0; family < problem.families.size(); ++family) {
    if (problem.families[family].constant) continue;
    for (const auto& port : problem.families[family].ports) {
      ports_[port.place].push_back({family, &port});
    }
  }
}

const std::vector<LayoutSpread::Taken>& LayoutSpread::from(Taken seed, std::size_t most) {
  ++calls_;
  seen_[seed.place] = calls_;
  taken_.assign(1, seed);
  for (std::size_t i = 0; i < taken_.size(); ++i) {
    for (const auto& [family, mine] : ports_[taken_[i].place]) {
      const std::size_t label = mine->label[taken_[i].mode];
      for (const auto& port : problem_.families[family].ports) {
        if (taken_.size() >= most) return taken_;
        if (seen_[port.place] == calls_) continue;
        const auto found = std::ranges::find(port.label, label);
        if (found == port.label.end()) continue;
        seen_[port.place] = calls_;
        taken_.push_back({port.place, static_cast<std::size_t>(found - port.label.begin())});
      }
    }
  }
  return taken_;
}

namespace {

class Moves {
 public:
  Moves(LayoutSpread& spread, const PairModel& model, std::span<const std::size_t> variables,
        std::vector<std::size_t>& modes)
      : spread_(spread), model_(model), variables_(variables), modes_(modes), cost_(cost()) {}

  void run(std::size_t most_steps) {
    for (bool better = true; better && steps_ < most_steps;) {
      better = alone();
      std::set<std::pair<std::size_t, std::size_t>> tried;
      for (const std::size_t place : variables_) {
        if (place >= spread_.places()) break;
        for (const std::size_t mode : model_.modes(place)) {
          if (steps_ < most_steps && !tried.contains({place, mode})) {
            better = move({place, mode}, tried) || better;
          }
        }
      }
    }
  }

 private:
  [[nodiscard]] Weight cost() const { return cost_within(model_, variables_, modes_); }

  /// Each variable by itself, until none can do better.
  bool alone() {
    const Weight before = cost_;
    for (bool better = true; better;) {
      better = false;
      steps_ += variables_.size();
      for (const std::size_t variable : variables_) better = one(variable) || better;
    }
    cost_ = cost();
    return cost_ < before;
  }

  bool one(std::size_t variable) {
    std::size_t best = modes_[variable];
    const auto here = [&](std::size_t mode) {
      Weight sum = model_.cost(variable, mode);
      for (const auto& [next, table] : model_.neighbours(variable)) {
        sum += model_.pairs(variable, next, table)(mode, modes_[next]);
      }
      return sum;
    };
    Weight least = here(best);
    for (const std::size_t mode : model_.modes(variable)) {
      const Weight sum = here(mode);
      if (sum >= least) continue;
      least = sum;
      best = mode;
    }
    if (best == modes_[variable]) return false;
    modes_[variable] = best;
    return true;
  }

  bool move(LayoutSpread::Taken seed, std::set<std::pair<std::size_t, std::size_t>>& tried) {
    std::vector<TwoModes> choices;
    for (const std::size_t variable : variables_) {
      const std::size_t now = modes_[variable];
      const auto& open = model_.modes(variable);
      const bool is_place = variable < spread_.places();
      // Whether a label is at hand is free in every move.
      choices.push_back({now, is_place ? now : now == open.front() ? open.back() : open.front()});
    }
    const auto& taken = spread_.from(seed, 4 * variables_.size());
    steps_ += variables_.size() + taken.size();
    for (const auto& [place, mode] : taken) {
      const auto at = std::ranges::lower_bound(variables_, place);
      if (at == variables_.end() || *at != place) continue;
      if (std::ranges::count(model_.modes(place), mode) == 0) continue;
      choices[static_cast<std::size_t>(at - variables_.begin())][1] = mode;
      tried.insert({place, mode});
    }
    const auto chosen = better_of_two(model_, variables_, std::move(choices));
    const Weight before = cost_;
    for (std::size_t i = 0; i < variables_.size(); ++i) modes_[variables_[i]] = chosen[i];
    cost_ = cost();
    return cost_ < before;
  }

  LayoutSpread& spread_;
  const PairModel& model_;
  std::span<const std::size_t> variables_;
  std::vector<std::size_t>& modes_;
  Weight cost_;
  std::size_t steps_ = 0;
};

}  // namespace

void improve_by_moves(LayoutSpread& spread, const PairModel& model,
                      std::span<const std::size_t> variables, std::size_t most_steps,
                      std::vector<std::size_t>& modes) {
  Moves(spread, model, variables, modes).run(most_steps);
}

}  // namespace pot
