#pragma once
// Subgraphs of constants, computed once where that pays.

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/status.h"
#include "ir/model.h"
#include "passes/changes.h"
#include "passes/infer_shapes.h"

namespace pot {

/// Computes outputs of a model that has no inputs: the arrays, in the order of the names.
/// Asked for constant nodes that no fold rule computes. Error: they stay.
using Evaluate = std::function<Result<std::vector<TensorRef>>(
    const ModelPtr& model, const std::vector<std::string>& outputs)>;

/// Masks and tables of positions and of windows, which peers fold whatever they cost: with so much
/// all of the models at hand have as few nodes as without a bound.
inline constexpr std::int64_t kModestGrowth = 1 << 20;

/// What a constant subgraph may cost. A result is always worth its bytes when the weights that it
/// replaces, and that nothing else reads, take as much.
struct FoldBudget {
  /// Bytes by which the file may grow beyond that, over all calls; what was spent is taken off.
  std::int64_t growth = 0;
  /// Whether that may go into another form of a weight that other nodes still read.
  bool copies = true;
  /// Values that `evaluate` was asked for in vain: it is asked once.
  std::unordered_set<std::string> refused{};
};

/// Folds nodes whose inputs are all constants: not random, without bodies, no quantization
/// (runtimes want to see it beside the weights). Elements of a weight are read only where a result
/// of it is kept. Returns whether anything changed.
[[nodiscard]] Result<bool> fold_constants(const ModelPtr& model, const ModelFacts& facts,
                                          Changes& changes, FoldBudget& budget,
                                          const Evaluate& evaluate);

}  // namespace pot
