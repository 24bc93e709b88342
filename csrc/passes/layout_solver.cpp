#include <algorithm>
#include <array>
#include <cmath>

#include "passes/elimination.h"
#include "passes/expansion_moves.h"
#include "passes/layout_problem.h"
#include "passes/pair_cut.h"
#include "passes/pair_reduction.h"

namespace pot {
namespace {

/// log2 of the entries of one table that is still solved whole.
constexpr double kMostInTable = 20;
/// Entries of all tables of a component.
constexpr double kMostInAll = 1 << 23;
/// Entries of one table when tables are taken apart, however many there are.
constexpr double kLeastInTable = 256;
/// Visits of a variable that expansion moves may take.
constexpr std::size_t kMostSteps = std::size_t{1} << 24;

enum class Method { cut, elimination, moves };

class Solver {
 public:
  explicit Solver(const LayoutProblem& problem)
      : problem_(problem), model_(pair_model(problem)), reduction_(model_), modes_(model_.size()) {}

  LayoutSolution run() {
    reduction_.drop_dominated();
    std::vector<std::size_t> hard;
    for (const auto& component : model_.components(reduction_.open())) {
      if (!cut(component)) hard.insert(hard.end(), component.begin(), component.end());
    }
    if (!hard.empty()) {
      method_ = Method::elimination;
      reduction_.take_out(hard);
      solve_rest(hard);
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

  void solve_rest(std::vector<std::size_t> hard) {
    const auto open = reduction_.open();
    std::ranges::sort(hard);
    std::vector<std::size_t> rest;
    std::ranges::set_intersection(open, hard, std::back_inserter(rest));
    for (const auto& component : model_.components(rest)) {
      if (!cut(component)) solve(component);
    }
  }

  void solve(const std::vector<std::size_t>& component) {
    const EliminationOrder order = elimination_order(model_, component);
    double all = 0;
    for (const double size : order.sizes) all += std::exp2(size);
    const bool whole = std::ranges::max(order.sizes) <= kMostInTable && all <= kMostInAll;
    const double share = kMostInAll / static_cast<double>(component.size());
    const double entries = whole ? std::exp2(kMostInTable) : std::max(share, kLeastInTable);
    const Elimination found =
        eliminate(model_, component, order, static_cast<std::size_t>(entries));
    bound_ += found.bound;
    std::vector<std::size_t> start;
    for (const std::size_t variable : component) start.push_back(model_.modes(variable).front());
    choose(component, found.modes);
    if (!found.exact) improve(component, start);
  }

  /// From what elimination in parts chose, and from the file's modes: the better end.
  void improve(const std::vector<std::size_t>& component, const std::vector<std::size_t>& start) {
    method_ = Method::moves;
    improve_by_moves(problem_, model_, component, kMostSteps, modes_);
    const Weight cost = cost_within(model_, component, modes_);
    std::vector<std::size_t> first = modes_;
    choose(component, start);
    improve_by_moves(problem_, model_, component, kMostSteps, modes_);
    if (cost <= cost_within(model_, component, modes_)) modes_ = std::move(first);
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
  std::vector<std::size_t> modes_;
  Weight bound_;
  Method method_ = Method::cut;
};

}  // namespace

LayoutSolution solve_layout(const LayoutProblem& problem) { return Solver(problem).run(); }

}  // namespace pot
