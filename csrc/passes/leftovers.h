#pragma once
// What stays dynamic in a model, and why.

#include <string>
#include <vector>

#include "ir/model.h"
#include "passes/infer_shapes.h"

namespace pot {

/// A value whose shape is not all numbers.
struct Leftover {
  std::string value;
  std::string node;    ///< as messages name it; "input 'x'" for an input
  std::string shape;   ///< "[1, ?, 4]"
  std::string reason;  ///< "NonZero 'nz' of data", "named size 'h' is not bound"
};

/// Each open size where it starts, in the order of the graph: not all values after it, whose sizes
/// follow. Bodies included.
[[nodiscard]] std::vector<Leftover> find_leftovers(const Model& model, const ModelFacts& facts);

}  // namespace pot
