#include "passes/solver/pair_cut.h"

#include <algorithm>
#include <numeric>

#include "passes/solver/min_cut.h"

namespace pot {
namespace {

/// Which variables have to be on the same side, and which on opposite ones.
class Sides {
 public:
  explicit Sides(std::size_t count) : parent_(count), flipped_(count) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
  }

  struct Root {
    std::size_t at;
    bool flipped;
  };
  Root root(std::size_t at) {
    std::size_t top = at;
    bool flipped = false;
    for (; parent_[top] != top; top = parent_[top]) flipped = flipped != flipped_[top];
    const Root found{top, flipped};
    while (parent_[at] != top && at != top) {
      const std::size_t next = parent_[at];
      const bool below = flipped_[at];
      parent_[at] = top;
      flipped_[at] = flipped;
      flipped = flipped != below;
      at = next;
    }
    return found;
  }

  /// False when what is known says otherwise.
  bool join(std::size_t a, std::size_t b, bool opposite) {
    const Root first = root(a);
    const Root second = root(b);
    if (first.at == second.at) return (first.flipped != second.flipped) == opposite;
    const auto [low, high] = std::minmax(first.at, second.at);
    parent_[high] = low;
    flipped_[high] = (first.flipped != second.flipped) != opposite;
    return true;
  }

 private:
  std::vector<std::size_t> parent_;
  std::vector<bool> flipped_;  ///< against the parent
};

/// What a pair costs for the choices of two variables.
struct Square {
  std::array<std::array<Weight, 2>, 2> cost;

  /// Below zero: cheap when both choose alike.
  [[nodiscard]] Weight alike() const { return cost[0][0] + cost[1][1] - cost[0][1] - cost[1][0]; }
};

class Cut {
 public:
  Cut(const PairModel& model, std::span<const std::size_t> variables,
      std::span<const TwoModes> choices)
      : model_(model), variables_(variables), choices_(choices), sides_(variables.size()) {}

  /// Places in `variables` of those that no colouring fits; empty when one fits all.
  std::vector<std::size_t> colour() {
    std::vector<bool> bad(variables_.size());
    std::vector<std::size_t> all;
    for_each_pair([&](std::size_t a, std::size_t b, const Square& square) {
      if (bad[a] || bad[b] || square.alike() == Weight{}) return;
      if (sides_.join(a, b, square.alike() > Weight{})) return;
      bad[a] = true;
      all.push_back(a);
    });
    return all;
  }

  /// Pre: colour() found nothing.
  std::vector<std::size_t> solve() {
    const std::size_t source = variables_.size();
    FlowNetwork network(source + 2);
    std::vector<Weight> second(source);  // what the sink's side costs more than the source's
    for (std::size_t i = 0; i < source; ++i) {
      second[i] = model_.cost(variables_[i], mode(i, 1)) - model_.cost(variables_[i], mode(i, 0));
    }
    for_each_pair([&](std::size_t a, std::size_t b, const Square& square) {
      const auto at = [&](bool i, bool j) { return square.cost[i != flipped(a)][j != flipped(b)]; };
      second[a] += at(true, false) - at(false, false);
      second[b] += at(true, true) - at(true, false);
      const Weight apart = at(false, true) + at(true, false) - at(false, false) - at(true, true);
      if (apart > Weight{}) network.add_edge(a, b, apart);
    });
    for (std::size_t i = 0; i < source; ++i) {
      if (second[i] > Weight{}) network.add_edge(source, i, second[i]);
      if (second[i] < Weight{}) network.add_edge(i, source + 1, Weight{} - second[i]);
    }
    const std::vector<bool> side = network.source_side(source, source + 1);
    std::vector<std::size_t> modes;
    for (std::size_t i = 0; i < source; ++i) modes.push_back(mode(i, side[i] ? 0 : 1));
    return modes;
  }

 private:
  bool flipped(std::size_t i) { return sides_.root(i).flipped; }
  std::size_t mode(std::size_t i, std::size_t side) {
    return choices_[i][flipped(i) ? 1 - side : side];
  }

  template <class Visit>
  void for_each_pair(const Visit& visit) {
    for (std::size_t a = 0; a < variables_.size(); ++a) {
      for (const auto& [next, table] : model_.neighbours(variables_[a])) {
        if (next < variables_[a]) continue;
        const auto b = static_cast<std::size_t>(std::ranges::lower_bound(variables_, next) -
                                                variables_.begin());
        const auto pairs = model_.pairs(variables_[a], next, table);
        Square square;
        for (const std::size_t i : {0U, 1U}) {
          for (const std::size_t j : {0U, 1U}) {
            square.cost[i][j] = pairs(choices_[a][i], choices_[b][j]);
          }
        }
        visit(a, b, square);
      }
    }
  }

  const PairModel& model_;
  std::span<const std::size_t> variables_;
  std::span<const TwoModes> choices_;
  Sides sides_;
};

}  // namespace

std::optional<std::vector<std::size_t>> best_of_two(const PairModel& model,
                                                    std::span<const std::size_t> variables,
                                                    std::span<const TwoModes> choices) {
  Cut cut(model, variables, choices);
  if (!cut.colour().empty()) return std::nullopt;
  return cut.solve();
}

std::vector<std::size_t> better_of_two(const PairModel& model,
                                       std::span<const std::size_t> variables,
                                       std::vector<TwoModes> choices) {
  for (;;) {
    Cut cut(model, variables, choices);
    const std::vector<std::size_t> bad = cut.colour();
    if (bad.empty()) return cut.solve();
    for (const std::size_t i : bad) choices[i][1] = choices[i][0];
  }
}

}  // namespace pot
