#pragma once
// What of a PairModel can be decided without search.

#include <cstddef>
#include <deque>
#include <vector>

#include "passes/solver/pair_model.h"

namespace pot {

class PairReduction {
 public:
  /// Pre: `model` outlives this.
  explicit PairReduction(PairModel& model);

  /// Drops each mode that another mode of the variable is never worse than, whatever the others
  /// choose; variables of one mode become costs of their neighbours.
  void drop_dominated();
  /// Also takes out these variables and those that are left around them, wherever they have at
  /// most two neighbours: what is best for them becomes a cost of the neighbours.
  void take_out(const std::vector<std::size_t>& variables);

  /// Variables that are not decided, ascending.
  [[nodiscard]] std::vector<std::size_t> open() const;
  /// What is due however the open ones are decided.
  [[nodiscard]] Weight fixed() const noexcept { return fixed_; }
  /// Decides the others. Pre: `modes` holds a mode for each open variable.
  void complete(std::vector<std::size_t>& modes) const;

 private:
  /// A variable that is out: its best mode for each choice of up to two neighbours.
  struct Out {
    std::size_t variable = 0;
    std::vector<std::size_t> neighbours;
    std::vector<std::size_t> best;  ///< modes of the second neighbour side by side
    std::size_t row = 1;
  };

  void run(bool eliminate);
  void visit(std::size_t variable, bool eliminate);
  [[nodiscard]] bool dominates(std::size_t variable, std::size_t mode, std::size_t other) const;
  bool drop_modes(std::size_t variable);
  void fix(std::size_t variable);
  void take_out_one(std::size_t variable);
  [[nodiscard]] bool small(std::size_t variable) const;
  void put_in_queue(std::size_t variable);
  void put_neighbours_in_queue(std::size_t variable);

  PairModel& model_;
  Weight fixed_;
  std::vector<bool> is_out_;
  std::vector<bool> queued_;
  std::vector<int> visits_;
  std::deque<std::size_t> queue_;
  std::vector<Out> out_;
};

}  // namespace pot
