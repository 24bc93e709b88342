#pragma once
// Variables that choose a mode each, and costs of modes and of pairs of modes: what a problem of
// layouts comes down to.

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "passes/solver/layout_problem.h"
#include "passes/solver/weight.h"

namespace pot {

class PairModel {
 public:
  /// What pairs of modes of two variables cost, seen from either of them.
  class Pairs {
   public:
    Pairs(const Weight* table, std::size_t row, std::size_t column)
        : table_(table), row_(row), column_(column) {}
    [[nodiscard]] Weight operator()(std::size_t mode, std::size_t other) const noexcept {
      return table_[mode * row_ + other * column_];
    }

   private:
    const Weight* table_;
    std::size_t row_;
    std::size_t column_;
  };

  std::size_t add_variable(std::vector<Weight> costs);
  /// Due whatever is chosen.
  void add_fixed(Weight cost) { fixed_ += cost; }
  void add(std::size_t variable, std::size_t mode, Weight cost) {
    variables_[variable].cost[mode] += cost;
  }
  /// `cost(i, j)` for modes i of `a` and j of `b`, on top of what the pair costs so far.
  /// Pre: a != b.
  template <class Cost>
  void add_pair(std::size_t a, std::size_t b, const Cost& cost) {
    std::vector<Weight>& table = table_of(a, b);
    const std::size_t row = a < b ? variables_[b].cost.size() : 1;
    const std::size_t column = a < b ? 1 : variables_[a].cost.size();
    for (std::size_t i = 0; i < variables_[a].cost.size(); ++i) {
      for (std::size_t j = 0; j < variables_[b].cost.size(); ++j) {
        table[i * row + j * column] += cost(i, j);
      }
    }
  }
  /// What it costs with others is forgotten.
  void drop_pairs(std::size_t variable);
  /// Pre: at least one mode is left.
  void drop_mode(std::size_t variable, std::size_t mode);

  [[nodiscard]] std::size_t size() const noexcept { return variables_.size(); }
  [[nodiscard]] Weight fixed() const noexcept { return fixed_; }
  [[nodiscard]] Weight cost(std::size_t variable, std::size_t mode) const noexcept {
    return variables_[variable].cost[mode];
  }
  /// The modes that are still in question, ascending.
  [[nodiscard]] const std::vector<std::size_t>& modes(std::size_t variable) const noexcept {
    return variables_[variable].modes;
  }
  /// Those that it shares costs with, ascending, each with the place of its table.
  using Neighbours = std::vector<std::pair<std::size_t, std::size_t>>;
  [[nodiscard]] const Neighbours& neighbours(std::size_t variable) const noexcept {
    return variables_[variable].neighbours;
  }
  /// Pre: `table` is what neighbours(a) has for b.
  [[nodiscard]] Pairs pairs(std::size_t a, std::size_t b, std::size_t table) const noexcept;

  /// Variables that can be reached from each other, each list ascending, in the order of their
  /// first ones.
  [[nodiscard]] std::vector<std::vector<std::size_t>> components(
      std::span<const std::size_t> variables) const;

 private:
  struct Variable {
    std::vector<Weight> cost;        ///< of each mode
    std::vector<std::size_t> modes;  ///< those in question
    Neighbours neighbours;
  };

  std::vector<Weight>& table_of(std::size_t a, std::size_t b);

  Weight fixed_;
  std::vector<Variable> variables_;
  std::vector<std::vector<Weight>> tables_;  ///< rows: modes of the smaller variable
};

/// What the modes of these variables cost, which share costs with no others. Pre: `modes` holds one
/// for each variable of the model.
[[nodiscard]] Weight cost_within(const PairModel& model, std::span<const std::size_t> variables,
                                 const std::vector<std::size_t>& modes);

/// The same minimum over the first variables, which are the places; further ones say of a label
/// that many places read whether it is at hand. Bytes that are so many that their sum could not be
/// held count as fewer, so that the minimum is never above the true one.
[[nodiscard]] PairModel pair_model(const LayoutProblem& problem);

}  // namespace pot
