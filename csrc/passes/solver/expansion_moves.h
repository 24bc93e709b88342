#pragma once
// A choice made better by large moves: many places take up one layout at once, those that gain by
// it, as a minimum cut finds them.

#include <cstddef>
#include <span>
#include <vector>

#include "passes/solver/layout_problem.h"
#include "passes/solver/pair_model.h"

namespace pot {

/// Which ports a place has, and how a layout spreads from place to place.
class LayoutSpread {
 public:
  /// Pre: `problem` outlives this.
  explicit LayoutSpread(const LayoutProblem& problem);

  struct Taken {
    std::size_t place;
    std::size_t mode;
  };
  /// Modes that places would take so that nothing has to be converted around this one, as far as
  /// that goes, up to so many places, nearest first. A place keeps the mode that reached it first.
  [[nodiscard]] const std::vector<Taken>& from(Taken seed, std::size_t most);

  [[nodiscard]] std::size_t places() const noexcept { return ports_.size(); }

 private:
  struct At {
    std::size_t family;
    const LayoutProblem::Port* port;
  };
  const LayoutProblem& problem_;
  std::vector<std::vector<At>> ports_;
  std::vector<std::size_t> seen_;  ///< by place: the call of from() that reached it last
  std::size_t calls_ = 0;
  std::vector<Taken> taken_;
};

/// `modes` holds one for each variable of the model; those of `variables`, which share costs with
/// no others, are made better until no move helps or about `most_steps` visits of a variable are
/// spent. Pre: the model came from the problem of `spread`, modes and variables taken out of it
/// since.
void improve_by_moves(LayoutSpread& spread, const PairModel& model,
                      std::span<const std::size_t> variables, std::size_t most_steps,
                      std::vector<std::size_t>& modes);

}  // namespace pot
