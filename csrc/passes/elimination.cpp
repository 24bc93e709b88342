#include "passes/elimination.h"

#include <algorithm>
#include <optional>

#include "passes/elimination_order.h"

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
          const std::vector<std::size_t>& order, std::size_t most_entries)
      : model_(model), most_entries_(most_entries), variables_(order.size()) {
    std::vector<std::size_t> turn(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      variables_[i] = variables[order[i]];
      turn[order[i]] = i;
    }
    buckets_.resize(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) add_costs(i, variables, turn);
  }

  Elimination run() {
    for (std::size_t turn = 0; turn < buckets_.size(); ++turn) take_out(turn);
    Elimination out{{}, bound_, exact_};
    out.modes = decode();
    return out;
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

  [[nodiscard]] bool too_large(const std::vector<std::size_t>& scope) const {
    std::size_t count = 1;
    for (const std::size_t turn : scope) {
      count *= modes(turn).size();
      if (count > most_entries_) return true;
    }
    return false;
  }

  static std::vector<std::size_t> together(const std::vector<std::size_t>& a,
                                           const std::vector<std::size_t>& b) {
    std::vector<std::size_t> both;
    std::ranges::set_union(a, b, std::back_inserter(both));
    return both;
  }

  /// All tables of a bucket at once where that is small enough, else in parts.
  void take_out(std::size_t turn) {
    struct Part {
      std::vector<std::size_t> scope;
      std::vector<const Factor*> factors;
    };
    std::vector<const Factor*> factors;
    for (const Factor& each : buckets_[turn]) factors.push_back(&each);
    std::ranges::stable_sort(factors, [](const Factor* a, const Factor* b) {
      return a->scope.size() > b->scope.size();
    });
    std::vector<Part> parts;
    for (const Factor* factor : factors) {
      const auto fits = [&](const Part& part) {
        return !too_large(together(part.scope, factor->scope));
      };
      auto part = std::ranges::find_if(parts, fits);
      if (part == parts.end()) part = parts.insert(parts.end(), Part{});
      part->scope = together(part->scope, factor->scope);
      part->factors.push_back(factor);
    }
    if (parts.size() > 1) exact_ = false;
    for (const Part& part : parts) {
      Factor message = least(part.scope, part.factors);
      if (message.scope.empty()) {
        bound_ += message.table[0];
      } else {
        buckets_[message.scope.front()].push_back(std::move(message));
      }
    }
  }

  /// The sum of the factors, minimised over the first variable of the scope.
  [[nodiscard]] Factor least(const std::vector<std::size_t>& scope,
                             const std::vector<const Factor*>& factors) const {
    std::vector<Walk> walks;
    for (const Factor* factor : factors) walks.push_back(walk_over(scope, *factor));
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
  std::size_t most_entries_;
  std::vector<std::size_t> variables_;        ///< by turn
  std::vector<std::vector<Factor>> buckets_;  ///< by turn
  Weight bound_;
  bool exact_ = true;
};

}  // namespace

Elimination eliminate(const PairModel& model, std::span<const std::size_t> variables,
                      const EliminationOrder& order, std::size_t most_entries) {
  return Buckets(model, variables, order.places, most_entries).run();
}

}  // namespace pot
