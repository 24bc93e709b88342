#pragma once
// Which layout each place of a graph should use, as a problem of its own: no graph, no operators.

#include <cstdint>
#include <string_view>
#include <vector>

namespace pot {

/// Places choose a mode each. A mode fixes which label every port of the place reads or makes. What
/// a family of values costs follows from the labels: each label that is read and not made has to be
/// converted into, once however many read it, and a conversion moves all bytes of the family,
/// except between labels of one memory group, where it is free but still a node.
struct LayoutProblem {
  struct Place {
    std::vector<std::int64_t> mode_cost;  ///< one for each mode, at least one mode
  };
  struct Port {
    std::size_t place = 0;
    bool makes = false;              ///< else it reads
    std::vector<std::size_t> label;  ///< one for each mode of the place
  };
  struct Family {
    std::int64_t bytes = 0;          ///< 0 for constants: they are stored as they are read
    bool constant = false;           ///< no port makes it; every label is at hand
    std::vector<std::size_t> group;  ///< of each label: which ones store the same bytes
    std::vector<Port> ports;         ///< at most one of them makes it
  };
  std::vector<Place> places;
  std::vector<Family> families;
};

/// Compared one after the other: bytes first. Mode costs are bytes too.
struct LayoutCost {
  std::int64_t bytes = 0;
  std::int64_t transposes = 0;  ///< conversions that move bytes
  std::int64_t reshapes = 0;    ///< conversions that do not
  std::int64_t changes = 0;     ///< places that are not in mode 0
  friend auto operator<=>(const LayoutCost&, const LayoutCost&) = default;
};

/// What this choice costs. The obvious sum: every solver is held against it.
[[nodiscard]] LayoutCost cost_of(const LayoutProblem& problem,
                                 const std::vector<std::size_t>& modes);

struct LayoutSolution {
  std::vector<std::size_t> modes;  ///< of each place
  LayoutCost cost;
  std::int64_t bound = 0;   ///< no choice moves fewer bytes; equal to cost.bytes when proved best
  std::string_view method;  ///< "minimum cut", "elimination", "expansion moves"
};

/// The choice with the fewest bytes. Exact where every place has at most two modes that matter and
/// the cut is submodular, and wherever elimination tables stay small; otherwise expansion moves,
/// with the bound that is left. Never worse than mode 0 everywhere. Total and deterministic.
[[nodiscard]] LayoutSolution solve_layout(const LayoutProblem& problem);

}  // namespace pot
