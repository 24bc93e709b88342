#include "passes/solver/elimination.h"

#include <algorithm>
#include <optional>

namespace pot {
namespace {

/// Costs over some variables, which are named by their turn: the first to be taken out is 0.
struct Factor {
  std::vector<std::size_t> scope;  ///< ascending
  std::vector<Weight> table;       ///< row-major
};

/// One table, and how far it goes on when each variable of a wider scope does.
struct Walk {
  const Factor* factor;
  std::vector<std::size_t> strides;
  std::size_t at = 0;
};

class Buckets {
 public:
  Buckets(const PairModel& model, std::span<const std::size_t> variables,
          const std::vector<std::size_t>& order)
      : model_(model), variables_(order.size()) {
    std::vector<std::size_t> turn(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      variables_[i] = variables[order[i]];
      turn[order[i]] = i;
    }
    buckets_.resize(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) add_costs(i, variables, turn);
  }

  std::vector<std::size_t> run() {
    for (std::size_t turn = 0; turn < buckets_.size(); ++turn) take_out(turn);
    return decode();
  }

 private:
  [[nodiscard]] const std::vector<std::size_t>& modes(std::size_t turn) const {
    return model_.modes(variables_[turn]);
  }

  void add_costs(std::size_t turn, std::span<const std::size_t> variables,
                 const std::vector<std::size_t>& turns) {
    const std::size_t variable = variables_[turn];
    Factor own{{turn}, {}};
    for (const std::size_t mode : modes(turn)) own.table.push_back(model_.cost(variable, mode));
    buckets_[turn].push_back(std::move(own));
    for (const auto& [next, table] : model_.neighbours(variable)) {
      const auto place = std::ranges::lower_bound(variables, next) - variables.begin();
      const std::size_t other = turns[static_cast<std::size_t>(place)];
      if (other < turn) continue;
      const auto pairs = model_.pairs(variable, next, table);
      Factor both{{turn, other}, {}};
      for (const std::size_t mine : modes(turn)) {
        for (const std::size_t theirs : modes(other)) both.table.push_back(pairs(mine, theirs));
      }
      buckets_[turn].push_back(std::move(both));
    }
  }

  /// What is best for the variable becomes a table over those that it shares tables with.
  void take_out(std::size_t turn) {
    std::vector<std::size_t> scope;
    for (const Factor& factor : buckets_[turn]) {
      std::vector<std::size_t> both;
      std::ranges::set_union(scope, factor.scope, std::back_inserter(both));
      scope = std::move(both);
    }
    Factor left = least(scope, buckets_[turn]);
    if (!left.scope.empty()) buckets_[left.scope.front()].push_back(std::move(left));
  }

  /// The sum of the factors, minimised over the first variable of the scope.
  [[nodiscard]] Factor least(const std::vector<std::size_t>& scope,
                             const std::vector<Factor>& factors) const {
    std::vector<Walk> walks;
    for (const Factor& factor : factors) walks.push_back(walk_over(scope, factor));
    Factor out{{scope.begin() + 1, scope.end()}, {}};
    std::size_t count = 1;
    for (const std::size_t turn : out.scope) count *= modes(turn).size();
    out.table.resize(count);
    std::vector<std::size_t> index(scope.size());
    for (Weight& entry : out.table) {
      std::optional<Weight> best;
      for (std::size_t mode = 0; mode < modes(scope[0]).size(); ++mode) {
        Weight sum;
        for (const Walk& walk : walks) sum += walk.factor->table[walk.at + mode * walk.strides[0]];
        if (!best || sum < *best) best = sum;
      }
      entry = *best;
      advance(scope, index, walks);
    }
    return out;
  }

  [[nodiscard]] Walk walk_over(const std::vector<std::size_t>& scope, const Factor& factor) const {
    Walk walk{&factor, std::vector<std::size_t>(scope.size())};
    std::size_t stride = 1;
    for (std::size_t i = factor.scope.size(); i-- > 0;) {
      const auto at = std::ranges::lower_bound(scope, factor.scope[i]) - scope.begin();
      walk.strides[static_cast<std::size_t>(at)] = stride;
      stride *= modes(factor.scope[i]).size();
    }
    return walk;
  }

  void advance(const std::vector<std::size_t>& scope, std::vector<std::size_t>& index,
               std::vector<Walk>& walks) const {
    for (std::size_t i = scope.size(); i-- > 1;) {
      const bool wraps = ++index[i] == modes(scope[i]).size();
      for (Walk& walk : walks) {
        walk.at += walk.strides[i];
        if (wraps) walk.at -= walk.strides[i] * index[i];
      }
      if (!wraps) return;
      index[i] = 0;
    }
  }

  /// Last variable first: each takes what is best for its bucket, given those after it.
  [[nodiscard]] std::vector<std::size_t> decode() const {
    std::vector<std::size_t> chosen(variables_.size());
    for (std::size_t turn = variables_.size(); turn-- > 0;) {
      std::vector<Weight> sums(modes(turn).size());
      for (const Factor& factor : buckets_[turn]) {
        std::size_t at = 0;
        std::size_t stride = 1;
        for (std::size_t i = factor.scope.size(); i-- > 1;) {
          at += chosen[factor.scope[i]] * stride;
          stride *= modes(factor.scope[i]).size();
        }
        for (std::size_t mode = 0; mode < sums.size(); ++mode) {
          sums[mode] += factor.table[at + mode * stride];
        }
      }
      const auto best = std::ranges::min_element(sums) - sums.begin();
      chosen[turn] = static_cast<std::size_t>(best);
    }
    std::vector<std::pair<std::size_t, std::size_t>> by_variable;
    for (std::size_t turn = 0; turn < chosen.size(); ++turn) {
      by_variable.emplace_back(variables_[turn], modes(turn)[chosen[turn]]);
    }
    std::ranges::sort(by_variable);
    std::vector<std::size_t> out;
    for (const auto& [variable, mode] : by_variable) out.push_back(mode);
    return out;
  }

  const PairModel& model_;
  std::vector<std::size_t> variables_;        ///< by turn
  std::vector<std::vector<Factor>> buckets_;  ///< by turn
};

}  // namespace

std::vector<std::size_t> eliminate(const PairModel& model, std::span<const std::size_t> variables,
                                   const std::vector<std::size_t>& order) {
  return Buckets(model, variables, order).run();
}

}  // namespace pot
