#pragma once
// Minimum s-t cut of a directed graph with capacities.

#include <cstdint>
#include <vector>

namespace pot {

class FlowNetwork {
 public:
  using Capacity = std::int64_t;
  /// Sums of capacities stay below it, so that an infinite edge is never cut.
  static constexpr Capacity kInfinite = std::int64_t{1} << 60;

  explicit FlowNetwork(std::size_t nodes);
  std::size_t add_node();
  /// Cut when `from` is on the source's side and `to` is not. Pre: capacity >= 0.
  void add_edge(std::size_t from, std::size_t to, Capacity capacity);

  /// Which nodes are on the source's side of a minimum cut: the smallest such side, so that equal
  /// cuts always give the same one.
  [[nodiscard]] std::vector<bool> source_side(std::size_t source, std::size_t sink);

 private:
  struct Edge {
    std::size_t to;
    Capacity left;  ///< residual; the edge at index ^ 1 is its reverse
  };
  std::vector<Edge> edges_;
  std::vector<std::vector<std::size_t>> out_;
};

}  // namespace pot
