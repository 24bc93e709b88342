#pragma once
// Minimum s-t cut of a directed graph with capacities.

#include <cstddef>
#include <vector>

#include "passes/solver/weight.h"

namespace pot {

class FlowNetwork {
 public:
  explicit FlowNetwork(std::size_t nodes) : out_(nodes) {}
  std::size_t add_node();
  /// Cut when `from` is on the source's side and `to` is not. Pre: capacity >= 0, and the sum of
  /// all capacities can be held.
  void add_edge(std::size_t from, std::size_t to, Weight capacity);

  /// Which nodes are on the source's side of a minimum cut: the smallest such side, so that equal
  /// cuts always give the same one. Pre: called once, source != sink.
  [[nodiscard]] std::vector<bool> source_side(std::size_t source, std::size_t sink);

 private:
  struct Edge {
    std::size_t to;
    Weight left;  ///< residual; the edge at index ^ 1 is its reverse
  };

  /// Distances from the source over what is left; false when the sink is not reached.
  bool measure(std::size_t source, std::size_t sink);
  /// Pushes along shortest paths until each has a full edge.
  void fill_shortest(std::size_t source, std::size_t sink);
  /// Pushes along `path`; leaves of it what comes before its first full edge.
  void push(std::vector<std::size_t>& path);

  std::vector<Edge> edges_;
  std::vector<std::vector<std::size_t>> out_;
  std::vector<std::size_t> distance_;
  std::vector<std::size_t> next_;  ///< of each node, the edge to try next
};

}  // namespace pot
