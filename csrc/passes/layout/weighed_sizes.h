#pragma once
// How much a value weighs where some of its sizes are open.

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "ir/dtype.h"
#include "ir/graph.h"
#include "passes/infer_shapes.h"

namespace pot {

/// Takes a size for each open one, so that values can be compared by the bytes that they hold: the
/// given one; 1 for what the first axis of an input is called, as batches are mostly run one by
/// one; 64 for any other.
class WeighedSizes {
 public:
  /// `given` outlives this.
  WeighedSizes(const Graph& main, const ModelFacts& facts,
               const std::map<std::string, std::int64_t>& given);

  /// At least 1, and so few that those of a million values can be summed.
  [[nodiscard]] std::int64_t bytes(const Dims& dims, DType dtype) const;

 private:
  struct Evaluation;

  const std::map<std::string, std::int64_t>& given_;
  std::set<std::string> batches_;
  std::set<std::uint64_t> nameless_batches_;  // ids of fresh sizes
};

}  // namespace pot
