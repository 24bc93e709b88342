#pragma once
// One node in another layout, as a model of its own: what tests of layout rules run.

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "ir/model.h"
#include "ops/shared/layout_rule.h"
#include "passes/infer_shapes.h"

namespace pot {

struct RelaidNode {
  /// An operand of the node. Nothing in a list of them: it is omitted, or read no longer.
  struct Stored {
    std::string name;  ///< in the model: the value's own, or a fresh one for a second layout of it
    Layout layout;     ///< of the value as the file has it; rank 0 for what has no known rank
  };
  /// Inputs: what the node reads at run time, in its new layouts. Outputs: the node's, in theirs.
  /// Its constants are relaid.
  ModelPtr model;
  std::vector<std::optional<Stored>> inputs;   ///< by slot
  std::vector<std::optional<Stored>> outputs;  ///< by slot
};

/// Asks the layout rule of a node of the main graph and draws what it says. Error: of kind
/// `refused` what the rule says; of kind `request` for a node or operand that is not there and a
/// layout that does not fit; else an answer that breaks the rules' contract.
[[nodiscard]] Result<RelaidNode> relayout_node(const Model& model, NodeId node, Operand operand,
                                               const Layout& layout, const Fallback& fallback);

/// Asks the channels-last rule instead: the node as a call, with the function of `domain` that it
/// calls. Errors likewise.
[[nodiscard]] Result<RelaidNode> channels_last_node(const Model& model, NodeId node,
                                                    FilterLayout filters, const std::string& domain,
                                                    const Fallback& fallback);

}  // namespace pot
