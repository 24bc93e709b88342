#include "passes/expansion_moves.h"

#include <algorithm>
#include <optional>

#include "passes/pair_cut.h"

namespace pot {
namespace {

/// Which ports a place has, and how a layout spreads from place to place.
class Spread {
 public:
  explicit Spread(const LayoutProblem& problem) : problem_(problem), ports_(problem.places.size()) {
    for (std::size_t family = 0; family < problem.families.size(); ++family) {
      if (problem.families[family].constant) continue;
      for (const auto& port : problem.families[family].ports) {
        ports_[port.place].push_back({family, &port});
      }
    }
  }

  /// Modes that places would take so that nothing has to be converted around this one, as far as
  /// that goes; a place that was reached keeps the mode that reached it.
  [[nodiscard]] std::vector<std::optional<std::size_t>> from(std::size_t place,
                                                             std::size_t mode) const {
    std::vector<std::optional<std::size_t>> taken(problem_.places.size());
    taken[place] = mode;
    std::vector<std::size_t> reached{place};
    for (std::size_t i = 0; i < reached.size(); ++i) {
      for (const auto& [family, mine] : ports_[reached[i]]) {
        const std::size_t label = mine->label[*taken[reached[i]]];
        for (const auto& port : problem_.families[family].ports) {
          if (taken[port.place]) continue;
          const auto found = std::ranges::find(port.label, label);
          if (found == port.label.end()) continue;
          taken[port.place] = static_cast<std::size_t>(found - port.label.begin());
          reached.push_back(port.place);
        }
      }
    }
    return taken;
  }

 private:
  struct At {
    std::size_t family;
    const LayoutProblem::Port* port;
  };
  const LayoutProblem& problem_;
  std::vector<std::vector<At>> ports_;
};

class Moves {
 public:
  Moves(const LayoutProblem& problem, const PairModel& model,
        std::span<const std::size_t> variables, std::vector<std::size_t>& modes)
      : places_(problem.places.size()),
        spread_(problem),
        model_(model),
        variables_(variables),
        modes_(modes),
        cost_(cost()) {}

  void run(std::size_t most_steps) {
    const std::size_t most = std::max<std::size_t>(
        most_steps / std::max<std::size_t>(variables_.size() + places_, 1), 1);
    std::size_t moves = 0;
    for (bool better = true; better && moves < most;) {
      better = alone();
      std::vector<std::vector<bool>> tried(places_);
      for (const std::size_t place : variables_) {
        for (const std::size_t mode : model_.modes(place)) {
          if (place >= places_ || moves >= most) break;
          tried[place].resize(mode + 1 > tried[place].size() ? mode + 1 : tried[place].size());
          if (tried[place][mode]) continue;
          ++moves;
          better = move(spread_.from(place, mode), tried) || better;
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
      for (const std::size_t variable : variables_) better = one(variable) || better;
    }
    cost_ = cost();
    return cost_ < before;
  }

  bool one(std::size_t variable) {
    std::optional<Weight> least;
    std::size_t best = modes_[variable];
    const auto here = [&](std::size_t mode) {
      Weight sum = model_.cost(variable, mode);
      for (const auto& [next, table] : model_.neighbours(variable)) {
        sum += model_.pairs(variable, next, table)(mode, modes_[next]);
      }
      return sum;
    };
    least = here(best);
    for (const std::size_t mode : model_.modes(variable)) {
      const Weight sum = here(mode);
      if (sum >= *least) continue;
      least = sum;
      best = mode;
    }
    if (best == modes_[variable]) return false;
    modes_[variable] = best;
    return true;
  }

  bool move(const std::vector<std::optional<std::size_t>>& proposed,
            std::vector<std::vector<bool>>& tried) {
    std::vector<TwoModes> choices;
    for (const std::size_t variable : variables_) {
      const std::size_t now = modes_[variable];
      std::size_t then = now;
      const auto& open = model_.modes(variable);
      if (variable >= places_) {
        then = now == open.front() ? open.back() : open.front();  // at hand or not
      } else if (proposed[variable] && std::ranges::count(open, *proposed[variable]) != 0) {
        then = *proposed[variable];
        tried[variable].resize(std::max(tried[variable].size(), then + 1));
        tried[variable][then] = true;
      }
      choices.push_back({now, then});
    }
    const auto chosen = better_of_two(model_, variables_, std::move(choices));
    const Weight before = cost_;
    for (std::size_t i = 0; i < variables_.size(); ++i) modes_[variables_[i]] = chosen[i];
    cost_ = cost();
    return cost_ < before;
  }

  std::size_t places_;
  Spread spread_;
  const PairModel& model_;
  std::span<const std::size_t> variables_;
  std::vector<std::size_t>& modes_;
  Weight cost_;
};

}  // namespace

void improve_by_moves(const LayoutProblem& problem, const PairModel& model,
                      std::span<const std::size_t> variables, std::size_t most_steps,
                      std::vector<std::size_t>& modes) {
  Moves(problem, model, variables, modes).run(most_steps);
}

}  // namespace pot
