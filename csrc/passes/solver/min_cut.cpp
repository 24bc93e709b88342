// Dinic's algorithm. It never asks how large a capacity is, only which one is smaller, so that it
// ends after a bounded number of steps for pairs as it does for numbers.

#include "passes/solver/min_cut.h"

#include <algorithm>
#include <limits>

namespace pot {
namespace {

constexpr std::size_t kFar = std::numeric_limits<std::size_t>::max();

}  // namespace

std::size_t FlowNetwork::add_node() {
  out_.emplace_back();
  return out_.size() - 1;
}

void FlowNetwork::add_edge(std::size_t from, std::size_t to, Weight capacity) {
  out_[from].push_back(edges_.size());
  edges_.push_back({to, capacity});
  out_[to].push_back(edges_.size());
  edges_.push_back({from, Weight{}});
}

bool FlowNetwork::measure(std::size_t source, std::size_t sink) {
  distance_.assign(out_.size(), kFar);
  distance_[source] = 0;
  std::vector<std::size_t> reached{source};
  for (std::size_t i = 0; i < reached.size(); ++i) {
    const std::size_t at = reached[i];
    for (const std::size_t edge : out_[at]) {
      const std::size_t to = edges_[edge].to;
      if (edges_[edge].left > Weight{} && distance_[to] == kFar) {
        distance_[to] = distance_[at] + 1;
        reached.push_back(to);
      }
    }
  }
  return distance_[sink] != kFar;
}

void FlowNetwork::push(std::vector<std::size_t>& path) {
  Weight amount = edges_[path.front()].left;
  for (const std::size_t edge : path) amount = std::min(amount, edges_[edge].left);
  std::size_t kept = path.size();
  for (std::size_t i = path.size(); i-- > 0;) {
    edges_[path[i]].left -= amount;
    edges_[path[i] ^ 1].left += amount;
    if (edges_[path[i]].left == Weight{}) kept = i;
  }
  path.resize(kept);
}

void FlowNetwork::fill_shortest(std::size_t source, std::size_t sink) {
  next_.assign(out_.size(), 0);
  std::vector<std::size_t> path;  // of edges; a stack of its own: graphs are thousands deep
  for (;;) {
    const std::size_t at = path.empty() ? source : edges_[path.back()].to;
    if (at == sink) {
      push(path);
      continue;
    }
    std::size_t& next = next_[at];
    const auto leads_on = [&](std::size_t edge) {
      return edges_[edge].left > Weight{} && distance_[edges_[edge].to] == distance_[at] + 1;
    };
    while (next < out_[at].size() && !leads_on(out_[at][next])) ++next;
    if (next < out_[at].size()) {
      path.push_back(out_[at][next]);
    } else if (path.empty()) {
      return;
    } else {
      path.pop_back();
      distance_[at] = kFar;
    }
  }
}

std::vector<bool> FlowNetwork::source_side(std::size_t source, std::size_t sink) {
  while (measure(source, sink)) fill_shortest(source, sink);
  std::vector<bool> side(out_.size());
  for (std::size_t i = 0; i < side.size(); ++i) side[i] = distance_[i] != kFar;
  return side;
}

}  // namespace pot
