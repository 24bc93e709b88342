#pragma once
// One node as a model of its own, for another library to infer, and what it says read back.

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/status.h"
#include "ir/model.h"
#include "ops/shared/shape_rule.h"

namespace pot {

struct SingleNode {
  /// Inputs "i0", "i1" ... and outputs "o0", "o1" ... by slot. Small inputs whose elements are
  /// known are initializers; sizes that are no numbers have a name each.
  ModelPtr model;
  std::unordered_map<std::string, Expr> sizes;  ///< what those names stand for
};

/// Nothing for a node that says too little alone: it has bodies, or attributes of the function
/// around it.
[[nodiscard]] std::optional<SingleNode> single_node(const NodeFacts& at);

/// Facts of the node's outputs by the types that `answered`, the same model completed, has for
/// them. Names that the other library made up are sizes that are not known.
[[nodiscard]] std::vector<Fact> read_answer(const NodeFacts& at, const SingleNode& asked,
                                            const Model& answered);

}  // namespace pot
