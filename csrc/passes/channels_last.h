#pragma once
// Model-local functions that compute channels-last: a Transpose before and after the operator.

#include <string>
#include <vector>

#include "base/status.h"
#include "ir/model.h"
#include "ops/layout_rule.h"

namespace pot {

/// The name under which a call of this node goes: the op_type, and the rank where it is not 4.
/// Also used by channels-last rules, so that call and function agree.
[[nodiscard]] std::string channels_last_name(const std::string& op_type, std::size_t rank);

/// Adds the function that `call` (a node of the graph, drawn by a ChannelsLastRule from `original`)
/// needs, unless it is there, and the import of its domain. A file with functions has IR version 8
/// or above. Returns whether it was added.
Result<bool> add_channels_last_function(Model& model, const Node& call, const Node& original,
                                        std::size_t rank, FilterLayout filters,
                                        const std::string& domain);

struct Expanded {
  ModelPtr model;  ///< the same model when there is nothing to expand
  std::size_t calls = 0;
};

/// Calls of the functions of `domain` as the operators in them, with Transposes around that a plan
/// cancels; functions and the import go. Error: a function of that domain that is none of ours.
[[nodiscard]] Result<Expanded> expand_channels_last(const Model& model, const std::string& domain);

}  // namespace pot
