// Sequential reweighted message passing (Kolmogorov 2006, 2015). Every cost is kept at zero or
// above, and what all modes of a variable have in common is moved into the bound: the sum of the
// bound, the variables' costs and the pairs' costs stays what a choice costs, so that the bound is
// one, whatever the order and the rounding of shares.

#include "passes/solver/dual_bound.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace pot {
namespace {

constexpr int kMostRounds = 400;
/// Rounds without a better bound or choice after which no more are made.
constexpr int kPatience = 12;

/// A part of a cost that, taken so many times, is not above it. Pre: weight >= 0.
Weight share(Weight weight, std::size_t parts) noexcept {
  const auto count = static_cast<std::int64_t>(parts);
  const std::int64_t bytes = weight.bytes / count;
  if (bytes * count < weight.bytes) return {bytes, 0};
  return {bytes, weight.ties >= 0 ? weight.ties / count : -((count - 1 - weight.ties) / count)};
}

class Messages {
 public:
  Messages(const PairModel& model, std::span<const std::size_t> variables)
      : model_(model), variables_(variables), around_(variables.size()) {
    for (std::size_t i = 0; i < variables.size(); ++i) {
      std::vector<Weight> cost;
      for (const std::size_t mode : model.modes(variables[i])) {
        cost.push_back(model.cost(variables[i], mode));
      }
      cost_.push_back(std::move(cost));
      add_pairs(i);
    }
    put_in_order();
    out_.modes.resize(variables.size());
  }

  [[nodiscard]] std::size_t entries() const {
    std::size_t sum = 1;
    for (const Pair& pair : pairs_) sum += pair.table.size();
    return sum;
  }

  DualBound run(int rounds) {
    Weight least = rounded();
    for (int round = 0, idle = 0; round < rounds && idle < kPatience; ++round) {
      const Weight before = out_.bound;
      pass();
      std::ranges::reverse(order_);
      for (std::size_t i = 0; i < order_.size(); ++i) turn_[order_[i]] = i;
      const Weight best = std::min(least, rounded());
      idle = out_.bound > before || best < least ? 0 : idle + 1;
      least = best;
      if (out_.bound >= least) break;
    }
    for (std::size_t i = 0; i < variables_.size(); ++i) out_.slack.push_back(slack(i));
    return std::move(out_);
  }

 private:
  struct Pair {
    std::size_t low;  ///< within the variables
    std::size_t high;
    std::vector<Weight> table;  ///< rows: modes of `low` that are in question
  };

  void add_pairs(std::size_t low) {
    for (const auto& [next, table] : model_.neighbours(variables_[low])) {
      if (next < variables_[low]) continue;
      const auto found = std::ranges::lower_bound(variables_, next) - variables_.begin();
      const auto high = static_cast<std::size_t>(found);
      const auto costs = model_.pairs(variables_[low], next, table);
      Pair pair{low, high, {}};
      for (const std::size_t mine : model_.modes(variables_[low])) {
        for (const std::size_t theirs : model_.modes(next)) {
          pair.table.push_back(costs(mine, theirs));
        }
      }
      around_[low].push_back(pairs_.size());
      around_[high].push_back(pairs_.size());
      pairs_.push_back(std::move(pair));
    }
  }

  /// Neighbours soon after each other: costs then move far in one pass.
  void put_in_order() {
    turn_.assign(variables_.size(), variables_.size());
    for (std::size_t first = 0; first < variables_.size(); ++first) {
      if (turn_[first] != variables_.size()) continue;
      turn_[first] = order_.size();
      order_.push_back(first);
      for (std::size_t i = turn_[first]; i < order_.size(); ++i) {
        for (const std::size_t pair : around_[order_[i]]) {
          const std::size_t next = other(pair, order_[i]);
          if (turn_[next] != variables_.size()) continue;
          turn_[next] = order_.size();
          order_.push_back(next);
        }
      }
    }
  }

  [[nodiscard]] std::size_t other(std::size_t pair, std::size_t at) const {
    return pairs_[pair].low == at ? pairs_[pair].high : pairs_[pair].low;
  }
  [[nodiscard]] Weight& entry(std::size_t pair, std::size_t at, std::size_t mode,
                              std::size_t theirs) {
    Pair& in = pairs_[pair];
    const std::size_t columns = cost_[in.high].size();
    return in.table[in.low == at ? mode * columns + theirs : theirs * columns + mode];
  }

  /// What a mode costs with the pair at least.
  Weight least_with(std::size_t pair, std::size_t at, std::size_t mode) {
    const std::size_t count = cost_[other(pair, at)].size();
    Weight least = entry(pair, at, mode, 0);
    for (std::size_t i = 1; i < count; ++i) least = std::min(least, entry(pair, at, mode, i));
    return least;
  }

  void move_to_pair(std::size_t pair, std::size_t at, std::size_t mode, Weight amount) {
    const std::size_t count = cost_[other(pair, at)].size();
    for (std::size_t i = 0; i < count; ++i) entry(pair, at, mode, i) += amount;
    cost_[at][mode] -= amount;
  }

  /// Each variable in turn takes what it can from its pairs and gives it on to later ones.
  void pass() {
    for (const std::size_t at : order_) {
      std::size_t later = 0;
      for (const std::size_t pair : around_[at]) {
        if (turn_[other(pair, at)] > turn_[at]) ++later;
        for (std::size_t mode = 0; mode < cost_[at].size(); ++mode) {
          move_to_pair(pair, at, mode, Weight{} - least_with(pair, at, mode));
        }
      }
      const Weight least = *std::ranges::min_element(cost_[at]);
      out_.bound += least;
      for (Weight& cost : cost_[at]) cost -= least;
      if (later == 0) continue;
      const std::size_t parts = std::max(later, around_[at].size() - later);
      for (std::size_t mode = 0; mode < cost_[at].size(); ++mode) {
        const Weight amount = share(cost_[at][mode], parts);
        for (const std::size_t pair : around_[at]) {
          if (turn_[other(pair, at)] > turn_[at]) move_to_pair(pair, at, mode, amount);
        }
      }
    }
  }

  /// Each variable in turn takes its best mode, given those before it. Keeps the choice when it is
  /// the best one so far; what it costs.
  Weight rounded() {
    std::vector<std::size_t> chosen(variables_.size());
    Weight sum = out_.bound;
    for (const std::size_t at : order_) {
      std::vector<Weight> costs = cost_[at];
      std::vector<Weight> ahead(costs.size());
      for (const std::size_t pair : around_[at]) {
        const std::size_t next = other(pair, at);
        const bool is_chosen = turn_[next] < turn_[at];
        for (std::size_t mode = 0; mode < costs.size(); ++mode) {
          if (is_chosen) {
            costs[mode] += entry(pair, at, mode, chosen[next]);
          } else {
            ahead[mode] += least_with(pair, at, mode);
          }
        }
      }
      const auto hopes = [&](std::size_t mode) { return costs[mode] + ahead[mode]; };
      for (std::size_t mode = 1; mode < costs.size(); ++mode) {
        if (hopes(mode) < hopes(chosen[at])) chosen[at] = mode;
      }
      sum += costs[chosen[at]];
    }
    if (!has_choice_ || sum < least_) {
      has_choice_ = true;
      least_ = sum;
      for (std::size_t i = 0; i < chosen.size(); ++i) {
        out_.modes[i] = model_.modes(variables_[i])[chosen[i]];
      }
    }
    return sum;
  }

  std::vector<Weight> slack(std::size_t at) {
    std::vector<Weight> costs = cost_[at];
    for (const std::size_t pair : around_[at]) {
      for (std::size_t mode = 0; mode < costs.size(); ++mode) {
        costs[mode] += least_with(pair, at, mode);
      }
    }
    return costs;
  }

  const PairModel& model_;
  std::span<const std::size_t> variables_;
  std::vector<std::vector<Weight>> cost_;
  std::vector<std::vector<std::size_t>> around_;  ///< pairs of each variable
  std::vector<Pair> pairs_;
  std::vector<std::size_t> order_;
  std::vector<std::size_t> turn_;
  bool has_choice_ = false;
  Weight least_;
  DualBound out_;
};

}  // namespace

DualBound dual_bound(const PairModel& model, std::span<const std::size_t> variables,
                     std::size_t most_steps) {
  Messages messages(model, variables);
  const std::size_t rounds = most_steps / (4 * messages.entries());
  return messages.run(static_cast<int>(std::clamp<std::size_t>(rounds, 1, kMostRounds)));
}

}  // namespace pot
