#pragma once
// Sizes for which the model runs at all.

#include <cstdint>
#include <map>
#include <string>

#include "ir/graph.h"
#include "passes/infer_shapes.h"

namespace pot {

/// Named size -> the least that it can be, where that is more than 0: a convolution and a pool
/// refuse an image without pixels, so at smaller sizes the model has no answer that would have to
/// be kept. Pre: a main graph.
[[nodiscard]] std::map<std::string, std::int64_t> least_sizes(const Graph& graph,
                                                              const ModelFacts& facts);

/// Facts in which each named size is counted from its least one: "h" stands for h - 1 where h is at
/// least 1. So what holds of them for all sizes holds for those that the model runs with.
class FactsFromLeast {
 public:
  FactsFromLeast(const Graph& graph, const ModelFacts& facts);

  [[nodiscard]] Fact of(const Graph& graph, ValueId id) const;
  /// As it was inferred.
  [[nodiscard]] const Fact& plain(const Graph& graph, ValueId id) const {
    return facts_.of(graph, id);
  }

 private:
  [[nodiscard]] Expr shifted(const Expr& expr) const;

  const ModelFacts& facts_;
  std::map<std::string, std::int64_t> least_;
};

}  // namespace pot
