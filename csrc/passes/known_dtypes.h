#pragma once
// Element types of values, as far as they follow without running shape inference.

#include <vector>

#include "ir/model.h"

namespace pot {

/// Filled along a topological order: `learn` each node before asking for what it makes.
class KnownDtypes {
 public:
  explicit KnownDtypes(const Graph& graph) : graph_(graph) {}

  /// The dtype of a value; `undefined` when it does not follow.
  [[nodiscard]] DType of(ValueId id) const;

  /// A node's first output has the type of its first input, unless its operator is known to
  /// make a type of its own (Shape, Cast, comparisons, quantization and the like).
  void learn(const Node& node);

 private:
  const Graph& graph_;
  std::vector<DType> learned_;
};

}  // namespace pot
