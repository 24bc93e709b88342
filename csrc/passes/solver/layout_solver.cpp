#include <algorithm>
#include <array>
#include <cmath>

#include "passes/solver/dual_bound.h"
#include "passes/solver/elimination.h"
#include "passes/solver/elimination_order.h"
#include "passes/solver/expansion_moves.h"
#include "passes/solver/layout_problem.h"
#include "passes/solver/pair_cut.h"
#include "passes/solver/pair_reduction.h"

namespace pot {
namespace {

// Work is counted, not timed: the same graph gives the same plan on every machine. Together these
// allow for about two seconds.

/// Entries of one table, and of all tables, that are still solved whole.
constexpr double kMostInTable = 1 << 20;
constexpr double kMostInAll = 1 << 24;
/// Entries of tables that bounds may look at, and visits of a variable that moves may take, in one
/// round.
constexpr std::size_t kMostBoundSteps = std::size_t{1} << 25;
constexpr std::size_t kMostMoveSteps = std::size_t{1} << 18;
/// How often a component is bounded, freed of modes that the bound rules out, and tried again.
constexpr int kMostRounds = 2;

enum class Method { cut, elimination, moves };

class Solver {
 public:
  explicit Solver(const LayoutProblem& problem)
      : problem_(problem),
        model_(pair_model(problem)),
        reduction_(model_),
        spread_(problem),
        modes_(model_.size()) {}

  LayoutSolution run() {
    reduction_.drop_dominated();
    std::vector<std::size_t> hard;
    for (const auto& component : model_.components(reduction_.open())) {
      if (!cut(component)) hard.insert(hard.end(), component.begin(), component.end());
    }
    if (!hard.empty()) {
      method_ = Method::elimination;
      std::ranges::sort(hard);
      hard_ = hard.size();
      solve_rest(hard, 1);
    }
    reduction_.complete(modes_);
    return finished();
  }

 private:
  void choose(const std::vector<std::size_t>& component, const std::vector<std::size_t>& chosen) {
    for (std::size_t i = 0; i < component.size(); ++i) modes_[component[i]] = chosen[i];
  }

  bool cut(const std::vector<std::size_t>& component) {
    std::vector<TwoModes> choices;
    for (const std::size_t variable : component) {
      const auto& modes = model_.modes(variable);
      if (modes.size() > 2) return false;
      choices.push_back({modes.front(), modes.back()});
    }
    const auto best = best_of_two(model_, component, choices);
    if (!best) return false;
    choose(component, *best);
    bound_ += cost_within(model_, component, modes_);
    return true;
  }

  /// What taking out leaves of these variables.
  void solve_rest(const std::vector<std::size_t>& variables, int round) {
    reduction_.take_out(variables);
    const auto open = reduction_.open();
    std::vector<std::size_t> rest;
    std::ranges::set_intersection(open, variables, std::back_inserter(rest));
    for (const auto& component : model_.components(rest)) {
      if (!cut(component) && !eliminated(component)) search(component, round);
    }
  }

  bool eliminated(const std::vector<std::size_t>& component) {
    const auto order = elimination_order(model_, component, kMostInTable, entries_left_);
    if (!order) return false;
    entries_left_ -= order->entries;
    choose(component, eliminate(model_, component, order->places));
    bound_ += cost_within(model_, component, modes_);
    return true;
  }

  /// From what the bound suggests and from the best choice so far; then without the modes that
  /// cannot be part of anything better.
  void search(const std::vector<std::size_t>& component, int round) {
    std::vector<std::size_t> start;
    for (const std::size_t variable : component) {
      const auto& modes = model_.modes(variable);
      const bool stands = std::ranges::count(modes, modes_[variable]) != 0;
      start.push_back(stands ? modes_[variable] : modes.front());
    }
    const DualBound dual = dual_bound(model_, component, share(kMostBoundSteps, component));
    const Weight first = moved(component, dual.modes);
    std::vector<std::size_t> best = modes_;
    const Weight second = moved(component, start);
    if (first <= second) modes_ = std::move(best);
    const Weight found = std::min(first, second);
    if (dual.bound >= found || round == kMostRounds || !rule_out(component, dual, found)) {
      bound_ += std::min(dual.bound, found);
      if (dual.bound.bytes < found.bytes) method_ = Method::moves;
      return;
    }
    solve_rest(component, round + 1);
  }

  [[nodiscard]] std::size_t share(std::size_t steps, const std::vector<std::size_t>& of) const {
    return steps / hard_ * of.size();
  }

  Weight moved(const std::vector<std::size_t>& component, const std::vector<std::size_t>& start) {
    choose(component, start);
    improve_by_moves(spread_, model_, component, share(kMostMoveSteps, component), modes_);
    return cost_within(model_, component, modes_);
  }

  /// Drops modes that the choice found is at least as good without; false when there are none.
  bool rule_out(const std::vector<std::size_t>& component, const DualBound& dual, Weight found) {
    bool any = false;
    for (std::size_t i = 0; i < component.size(); ++i) {
      const std::vector<std::size_t> modes = model_.modes(component[i]);
      for (std::size_t at = 0; at < modes.size(); ++at) {
        if (modes[at] == modes_[component[i]] || dual.bound + dual.slack[i][at] < found) continue;
        model_.drop_mode(component[i], modes[at]);
        any = true;
      }
    }
    return any;
  }

  LayoutSolution finished() {
    modes_.resize(problem_.places.size());
    LayoutSolution out{modes_, cost_of(problem_, modes_), 0, {}};
    const std::vector<std::size_t> as_it_was(modes_.size());
    const LayoutCost before = cost_of(problem_, as_it_was);
    if (before <= out.cost) {
      out.modes = as_it_was;
      out.cost = before;
    }
    out.bound = std::min((bound_ + reduction_.fixed()).bytes, out.cost.bytes);
    constexpr std::array<std::string_view, 3> kNames{"minimum cut", "elimination",
                                                     "expansion moves"};
    out.method = kNames[static_cast<std::size_t>(method_)];
    return out;
  }

  const LayoutProblem& problem_;
  PairModel model_;
  PairReduction reduction_;
  LayoutSpread spread_;
  std::vector<std::size_t> modes_;
  Weight bound_;
  Method method_ = Method::cut;
  double entries_left_ = kMostInAll;
  std::size_t hard_ = 1;  ///< variables that no cut decided
};

}  // namespace

LayoutSolution solve_layout(const LayoutProblem& problem) { return Solver(problem).run(); }

}  // namespace pot
